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
    pub targets: BTreeMap<String, TargetAccount>,
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
        Self {
            events,
            gaps,
            records,
            unrouted,
            letters,
            targets: names.into_iter().map(str::to_owned).zip(targets).collect(),
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
            self.targets.entry(name.clone()).or_default().add(target);
        }
    }

    /// Sequence numbers that these sums explain: events, and numbers that are none.
    pub fn numbers(&self) -> i128 {
        i128::from(self.events) + i128::from(self.gaps.missing) + i128::from(self.gaps.lost)
    }

    /// Records that every target's route was asked about: all but those that could not be decoded. Negative only if the
    /// sums are wrong.
    pub fn routed_records(&self) -> i128 {
        i128::from(self.records) - i128::from(self.undecoded())
    }

    /// Records that could not be read or decoded.
    pub fn undecoded(&self) -> u64 {
        let reasons = [RejectReason::Undecodable, RejectReason::Unreadable];
        let counts = reasons.iter().filter_map(|reason| self.letters.get(reason));
        counts.sum()
    }

    /// The targets whose records do not add up: name, records, and how many of them have their final word.
    pub fn unbalanced(&self) -> impl Iterator<Item = (&str, i128, i128)> {
        let received = self.routed_records();
        let targets = self.targets.iter();
        targets
            .map(move |(name, target)| (name.as_str(), received, target.settled()))
            .filter(|(_, received, settled)| received != settled)
    }
}

/// For fields that are left out where they say nothing.
fn is_default<T: Default + PartialEq>(value: &T) -> bool {
    *value == T::default()
}
