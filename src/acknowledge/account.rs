//! What became of events and their records, as sums; the numbers of the audit.
//!
//! An event adds to them once, when the mark passes it: what they say belongs to a position, and a restart from that
//! position counts on without a hole and without counting twice.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::event::RejectReason;

/// Sums over the events of one partition, up to a mark.
///
/// Identities: sequence numbers passed = `events + missing + lost`; and for each target, `records` without those that could
/// not be decoded = delivered + dead-lettered + filtered + suppressed + repeated.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Account {
    /// Events received and settled, those among them that could not be read.
    pub events: u64,
    /// Numbers and copies before them that are no event of ours.
    pub gaps: Gaps,
    /// Records in the events, an event or a part of one that cannot be read or decoded counted as one.
    pub records: u64,
    /// Records of unknown type that no route takes, where the configuration only counts them. Every target filtered them.
    pub unrouted: u64,
    /// Dead letters that belong to no target, by reason.
    pub letters: BTreeMap<RejectReason, u64>,
    /// One for each target, in the order of the group's dispatch.
    pub targets: Vec<TargetAccount>,
}

/// What the hub did with numbers besides sending each event once.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Gaps {
    /// Numbers the hub skipped.
    #[serde(skip_serializing_if = "is_zero")]
    pub missing: u64,
    /// Events that retention removed before they were read.
    #[serde(skip_serializing_if = "is_zero")]
    pub lost: u64,
    /// Events the hub sent again after they were taken in; each was dropped, and counts in no other sum.
    #[serde(skip_serializing_if = "is_zero")]
    pub repeated: u64,
}

/// What became of records at one target.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct TargetAccount {
    /// The target confirmed them.
    #[serde(skip_serializing_if = "is_zero")]
    pub delivered: u64,
    /// The target's route does not want them.
    #[serde(skip_serializing_if = "is_zero")]
    pub filtered: u64,
    /// Snapshots the target does not want.
    #[serde(skip_serializing_if = "is_zero")]
    pub suppressed: u64,
    /// Settled by the target in an earlier run, which was ahead of its group, and not sent again.
    #[serde(skip_serializing_if = "is_zero")]
    pub repeated: u64,
    /// In the dead letters, by reason.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub letters: BTreeMap<RejectReason, u64>,
}

impl Account {
    /// Nothing yet, for so many targets.
    pub fn new(targets: usize) -> Self {
        Self {
            targets: vec![TargetAccount::default(); targets],
            ..Self::default()
        }
    }

    /// Adds `other`, of the same targets.
    pub fn add(&mut self, other: &Account) {
        self.events += other.events;
        self.gaps.add(other.gaps);
        self.records += other.records;
        self.unrouted += other.unrouted;
        add_letters(&mut self.letters, &other.letters);
        for (mine, others) in self.targets.iter_mut().zip(&other.targets) {
            mine.add(others);
        }
    }

    /// What was added since it stood at `before`, of the same targets.
    pub fn since(&self, before: &Account) -> Account {
        let targets = self.targets.iter().zip(&before.targets);
        Account {
            events: self.events - before.events,
            gaps: Gaps {
                missing: self.gaps.missing - before.gaps.missing,
                lost: self.gaps.lost - before.gaps.lost,
                repeated: self.gaps.repeated - before.gaps.repeated,
            },
            records: self.records - before.records,
            unrouted: self.unrouted - before.unrouted,
            letters: letters_since(&self.letters, &before.letters),
            targets: targets.map(|(now, before)| now.since(before)).collect(),
        }
    }
}

impl Gaps {
    /// Adds `other`.
    pub fn add(&mut self, other: Gaps) {
        self.missing += other.missing;
        self.lost += other.lost;
        self.repeated += other.repeated;
    }
}

impl TargetAccount {
    /// Adds `other`.
    pub fn add(&mut self, other: &TargetAccount) {
        self.delivered += other.delivered;
        self.filtered += other.filtered;
        self.suppressed += other.suppressed;
        self.repeated += other.repeated;
        add_letters(&mut self.letters, &other.letters);
    }

    /// What was added since it stood at `before`.
    fn since(&self, before: &TargetAccount) -> TargetAccount {
        TargetAccount {
            delivered: self.delivered - before.delivered,
            filtered: self.filtered - before.filtered,
            suppressed: self.suppressed - before.suppressed,
            repeated: self.repeated - before.repeated,
            letters: letters_since(&self.letters, &before.letters),
        }
    }

    /// Records in the dead letters, whatever the reason.
    pub fn dead_lettered(&self) -> u64 {
        self.letters.values().sum()
    }

    /// Records that have their final word here.
    pub fn settled(&self) -> u64 {
        self.delivered + self.filtered + self.suppressed + self.repeated + self.dead_lettered()
    }
}

fn add_letters(mine: &mut BTreeMap<RejectReason, u64>, others: &BTreeMap<RejectReason, u64>) {
    for (reason, count) in others {
        *mine.entry(*reason).or_default() += count;
    }
}

fn letters_since(
    now: &BTreeMap<RejectReason, u64>,
    before: &BTreeMap<RejectReason, u64>,
) -> BTreeMap<RejectReason, u64> {
    now.iter()
        .map(|(reason, count)| (*reason, count - before.get(reason).copied().unwrap_or_default()))
        .filter(|(_, count)| *count > 0)
        .collect()
}

/// For sums that are left out of a line where they are zero.
fn is_zero(count: &u64) -> bool {
    *count == 0
}
