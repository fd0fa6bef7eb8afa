//! Sums with the names of targets, as they are written and added up.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::acknowledge::{Account, Gaps, TargetAccount};
use crate::event::RejectReason;

/// Sums over a range of events of one partition.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Totals {
    /// Events received and settled, those among them that could not be read.
    pub events: u64,
    /// Numbers and copies that are no event of ours.
    #[serde(default, skip_serializing_if = "is_default")]
    pub gaps: Gaps,
    /// Records in the events, an event or a part of one that cannot be read or decoded counted as one.
    pub records: u64,
    /// Records of unknown type that no route takes, and that were only counted. Every target filtered them.
    #[serde(default, skip_serializing_if = "is_default")]
    pub unrouted: u64,
    /// Dead letters that belong to no target, by reason.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub letters: BTreeMap<RejectReason, u64>,
    /// What became of the records at each target, by its name.
    #[serde(default)]
    pub targets: BTreeMap<String, TargetTotals>,
}

/// Sums at one target.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct TargetTotals {
    /// Records its route was asked about.
    pub records: u64,
    /// What became of them.
    #[serde(flatten)]
    pub ends: TargetAccount,
}

impl Totals {
    /// The sums of `account`, whose targets are those of `names`.
    pub fn of<'n>(account: Account, names: impl IntoIterator<Item = &'n str>) -> Self {
        let Account {
            events,
            gaps,
            records,
            unrouted,
            letters,
            targets,
        } = account;
        let routed = records.saturating_sub(undecoded(&letters));
        let targets = names.into_iter().zip(targets).map(|(name, ends)| {
            let records = routed;
            (name.to_owned(), TargetTotals { records, ends })
        });
        Self {
            targets: targets.collect(),
            events,
            gaps,
            records,
            unrouted,
            letters,
        }
    }

    /// Adds `other`.
    pub fn add(&mut self, other: &Totals) {
        self.events += other.events;
        self.gaps.add(other.gaps);
        self.records += other.records;
        self.unrouted += other.unrouted;
        for (reason, count) in &other.letters {
            *self.letters.entry(*reason).or_default() += count;
        }
        for (name, target) in &other.targets {
            let mine = self.targets.entry(name.clone()).or_default();
            mine.records += target.records;
            mine.ends.add(&target.ends);
        }
    }

    /// Sequence numbers that these sums explain: events, and numbers that are none.
    pub fn numbers(&self) -> i128 {
        i128::from(self.events) + i128::from(self.gaps.missing) + i128::from(self.gaps.lost)
    }

    /// Records that could not be read or decoded. No target's route was asked about them.
    pub fn undecoded(&self) -> u64 {
        undecoded(&self.letters)
    }

    /// The targets whose records do not add up: name, records, and how many of them have their final word.
    pub fn unbalanced(&self) -> impl Iterator<Item = (&str, u64, u64)> {
        let targets = self.targets.iter();
        targets
            .map(|(name, target)| (name.as_str(), target.records, target.ends.settled()))
            .filter(|(_, records, settled)| records != settled)
    }
}

fn undecoded(letters: &BTreeMap<RejectReason, u64>) -> u64 {
    let reasons = [RejectReason::Undecodable, RejectReason::Unreadable];
    let counts = reasons.iter().filter_map(|reason| letters.get(reason));
    counts.sum()
}

/// For fields that are left out where they say nothing.
fn is_default<T: Default + PartialEq>(value: &T) -> bool {
    *value == T::default()
}
