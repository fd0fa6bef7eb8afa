//! The audit for programs: one object a line.

use serde::Serialize;

use super::{table, words};
use crate::acknowledge::Gaps;
use crate::audit::report::{Partition, Report};
use crate::cli::exit::Failure;
use crate::cli::output;
use crate::event::PartitionId;

/// A line.
#[derive(Debug, Serialize)]
#[serde(tag = "type", rename_all = "snake_case")]
enum Object<'r> {
    Events {
        #[serde(flatten)]
        place: Place<'r>,
        up_to: i64,
        settled: u64,
        missing: u64,
        lost: u64,
        repeated: u64,
        read_again: u64,
        records: u64,
        undecodable: u64,
        unrouted: u64,
    },
    Records {
        #[serde(flatten)]
        place: Place<'r>,
        target: &'r str,
        records: u64,
        delivered: u64,
        dead_lettered: u64,
        dead_letters: &'r std::collections::BTreeMap<crate::event::RejectReason, u64>,
        filtered: u64,
        suppressed: u64,
        repeated: u64,
        sent_again: u64,
    },
    InFlight {
        host: &'r str,
        hub: &'r str,
        consumer_group: &'r str,
        partition: &'r PartitionId,
        events: u64,
        time: Option<crate::event::Timestamp>,
    },
    Note {
        text: String,
    },
    Problem {
        text: String,
    },
    Verdict {
        balanced: bool,
        problems: usize,
    },
}

/// What a row is of.
#[derive(Debug, Clone, Serialize)]
struct Place<'r> {
    day: String,
    host: &'r str,
    hub: &'r str,
    consumer_group: &'r str,
    partition: &'r PartitionId,
}

/// Prints everything, the verdict last.
pub(super) fn print(report: &Report) -> Result<(), Failure> {
    for partition in &report.partitions {
        for object in objects(partition) {
            line(&object)?;
        }
    }
    for text in words::notes(report) {
        line(&Object::Note { text })?;
    }
    let problems = words::problems(report);
    let verdict = Object::Verdict {
        balanced: report.is_balanced(),
        problems: problems.len(),
    };
    for text in problems {
        line(&Object::Problem { text })?;
    }
    line(&verdict)
}

fn objects(partition: &Partition) -> Vec<Object<'_>> {
    let (group, mut objects) = (&partition.group, Vec::new());
    for (day, sums) in &partition.days {
        let place = Place {
            day: day.to_string(),
            host: &group.host,
            hub: &group.hub,
            consumer_group: &group.name,
            partition: &partition.partition,
        };
        let (totals, again) = (&sums.totals, &sums.again);
        let Gaps {
            missing,
            lost,
            repeated,
        } = totals.gaps;
        objects.push(Object::Events {
            place: place.clone(),
            up_to: sums.to,
            settled: totals.events,
            missing,
            lost,
            repeated,
            read_again: again.events,
            records: totals.records,
            undecodable: totals.undecoded(),
            unrouted: table::unrouted(totals),
        });
        objects.extend(totals.targets.iter().map(|(name, target)| Object::Records {
            place: place.clone(),
            target: name,
            records: target.records,
            delivered: target.ends.delivered,
            dead_lettered: target.ends.dead_lettered(),
            dead_letters: &target.ends.letters,
            filtered: target.ends.filtered,
            suppressed: target.ends.suppressed,
            repeated: target.ends.repeated,
            sent_again: again.targets.get(name).map_or(0, |target| target.ends.delivered),
        }));
    }
    objects.push(Object::InFlight {
        host: &group.host,
        hub: &group.hub,
        consumer_group: &group.name,
        partition: &partition.partition,
        events: partition.in_flight,
        time: partition.time,
    });
    objects
}

fn line(object: &Object<'_>) -> Result<(), Failure> {
    output::line(&serde_json::to_vec(object).expect("an object has text keys and plain values"))
}
