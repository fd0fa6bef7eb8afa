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
        received: u64,
        settled: u64,
        in_flight: u64,
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
        let in_flight = partition.in_flight_on(*day);
        let Gaps {
            missing,
            lost,
            repeated,
        } = totals.gaps;
        objects.push(Object::Events {
            place: place.clone(),
            up_to: sums.to,
            received: totals.events + in_flight,
            settled: totals.events,
            in_flight,
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

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::super::table::tests::report;
    use super::*;

    #[test]
    fn says_of_each_partition_what_was_received_and_settled() {
        let mut report = report();
        let day = report.partitions[0]
            .days
            .values_mut()
            .next()
            .expect("it has a day");
        (
            day.totals.gaps.missing,
            day.totals.gaps.lost,
            day.totals.gaps.repeated,
        ) = (1, 2, 3);
        let objects = objects(&report.partitions[0]);
        let events = serde_json::to_value(&objects[0]).expect("it is plain");
        for (name, expected) in [
            ("received", 1002),
            ("settled", 990),
            ("in_flight", 12),
            ("missing", 1),
            ("lost", 2),
            ("repeated", 3),
            ("read_again", 10),
        ] {
            assert_eq!(events[name], Value::from(expected), "{name}");
        }
    }
}
