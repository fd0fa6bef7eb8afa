//! What became of a replay.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::Serialize;

use super::progress::{Account, Progress, get};
use super::range::{First, Last};
use super::rejected::Refusal;
use crate::event::{PartitionId, SequenceNumber};

/// The figures of a replay at its end; serialized, the last line of `replay --json`.
#[derive(Debug, Clone, Serialize)]
pub struct Report {
    #[serde(rename = "type")]
    line_type: &'static str,
    /// The target.
    pub target: String,
    /// All partitions together.
    #[serde(flatten)]
    pub total: Figures,
    /// From the first attach to the last settlement.
    pub seconds: f64,
    /// Whether every event of every range is read, or known to be gone, and everything read is settled.
    pub complete: bool,
    /// Rejected records by reason.
    pub reasons: BTreeMap<&'static str, u64>,
    /// The first of the rejected records.
    pub refusals: Vec<Refusal>,
    /// Each partition, in their order.
    pub partitions: Vec<Partition>,
}

/// What became of some events. `records` = `delivered` + `filtered` + `rejected` + `unsettled`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct Figures {
    /// Events read.
    pub events: u64,
    /// Records in them; an event that cannot be read counts as one.
    pub records: u64,
    /// Records that the target confirmed.
    pub delivered: u64,
    /// Records that a rule of the configuration does not want there.
    pub filtered: u64,
    /// Records refused for good: by the decoder, the map or the target.
    pub rejected: u64,
    /// Records without a final word; a replay that goes on from where this one ended meets them again.
    pub unsettled: u64,
    /// Events of the range that the hub had removed, as far as their numbers tell.
    pub gone: u64,
}

/// What became of one partition.
#[derive(Debug, Clone, Serialize)]
pub struct Partition {
    /// Its name.
    pub partition: PartitionId,
    /// Its part.
    #[serde(flatten)]
    pub figures: Figures,
    /// Number of the first event read.
    pub first: Option<SequenceNumber>,
    /// Number of the event up to which everything is settled.
    pub settled: Option<SequenceNumber>,
    /// Whether the hub may have removed further events at the beginning of the range, whose numbers are not known.
    pub may_begin_late: bool,
    /// What `--from` and `--to` have to say to go on; `None` if the partition is complete.
    pub rest: Option<Rest>,
}

/// The part of a range that is left.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Rest {
    /// Its beginning, as `--from` takes it.
    pub from: String,
    /// Its end, as `--to` takes it.
    pub to: String,
}

impl Report {
    pub(super) fn new(target: &str, progress: &Progress, elapsed: Duration) -> Self {
        let partitions: Vec<_> = progress
            .partitions
            .iter()
            .map(|account| Partition::of(account))
            .collect();
        let refusals = progress.refusals();
        let mut total = Figures::default();
        for partition in &partitions {
            total.add(&partition.figures);
        }
        Self {
            line_type: "summary",
            target: target.to_owned(),
            total,
            seconds: (elapsed.as_secs_f64() * 1000.0).round() / 1000.0,
            complete: partitions.iter().all(|partition| partition.rest.is_none()),
            reasons: refusals.reasons,
            refusals: refusals.listed,
            partitions,
        }
    }
}

impl Figures {
    fn add(&mut self, other: &Figures) {
        self.events += other.events;
        self.records += other.records;
        self.delivered += other.delivered;
        self.filtered += other.filtered;
        self.rejected += other.rejected;
        self.unsettled += other.unsettled;
        self.gone += other.gone;
    }
}

impl Partition {
    fn of(account: &Account) -> Self {
        let (records, filtered, rejected) = (
            get(&account.records),
            get(&account.filtered),
            get(&account.rejected),
        );
        let delivered = account.in_flight.delivered_records();
        Self {
            partition: account.range.partition.clone(),
            figures: Figures {
                events: get(&account.events),
                records,
                delivered,
                filtered,
                rejected,
                unsettled: records.saturating_sub(delivered + filtered + rejected),
                gone: get(&account.gone),
            },
            first: account.first_read(),
            settled: settled(account),
            may_begin_late: account.may_begin_late.load(std::sync::atomic::Ordering::Relaxed),
            rest: (!account.is_complete()).then(|| Rest::of(account)),
        }
    }
}

impl Rest {
    fn of(account: &Account) -> Self {
        let range = &account.range;
        let first = match (settled(account), account.first_read(), range.first) {
            (Some(settled), _, _) => First::Number(settled.next()),
            (None, Some(first), _) | (None, None, Some(first)) => First::Number(first),
            (None, None, None) => range.asked,
        };
        // A number where one is known: `latest` would be another event by then.
        let last = range.until.map_or(Last::Number(range.last), Last::Time);
        Self {
            from: first.to_string(),
            to: last.to_string(),
        }
    }
}

fn settled(account: &Account) -> Option<SequenceNumber> {
    account.in_flight.mark().map(|mark| mark.sequence_number)
}
