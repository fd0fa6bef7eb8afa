//! What a target gets of the weekly snapshots: all, none, or what differs from what it last got.

use std::sync::Arc;

use super::fingerprint::Fingerprint;
use super::last_delivered::{Content, LastDelivered, PendingUpdate};
use super::ten_thousandths::TenThousandths;

/// The rule of one target.
#[derive(Debug)]
pub enum SnapshotRule {
    /// All of them.
    Pass,
    /// None.
    Drop,
    /// Those that differ from what the target last delivered.
    ChangesOnly(ChangesOnly),
}

/// The rule that compares.
#[derive(Debug)]
pub struct ChangesOnly {
    /// What the target last delivered.
    pub last_delivered: Arc<LastDelivered>,
    /// Of a score that differs by less, and otherwise only in numbers that move with it, the snapshot is suppressed.
    pub score_change_at_least: Option<TenThousandths>,
}

/// What becomes of a record that the target's route took.
#[derive(Debug)]
pub enum Decision {
    /// It is rendered and delivered; the update owes its outcome, where the target remembers.
    Forward(Option<PendingUpdate>),
    /// It is a snapshot that the target does not want.
    Suppress(Suppression),
}

/// Why a snapshot is suppressed. A closed set: it is a metric label.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Suppression {
    /// The target wants none.
    Dropped,
    /// The target last delivered the same.
    Unchanged,
    /// The score moved too little since the target last delivered it.
    SmallScoreChange,
}

impl Suppression {
    /// All reasons, in the order of their numbers.
    pub const ALL: [Suppression; 3] = [
        Suppression::Dropped,
        Suppression::Unchanged,
        Suppression::SmallScoreChange,
    ];

    /// The word in the label.
    pub fn as_str(self) -> &'static str {
        match self {
            Suppression::Dropped => "dropped",
            Suppression::Unchanged => "unchanged",
            Suppression::SmallScoreChange => "small_score_change",
        }
    }
}

impl SnapshotRule {
    /// Whether the target compares with what it last got and nothing was known of that at the start. What it confirmed
    /// before is then better sent again than left out, because only what is delivered is noted.
    pub fn compares_with_nothing(&self) -> bool {
        matches!(self, SnapshotRule::ChangesOnly(rule) if rule.last_delivered.began_new())
    }

    /// Decides about a record that the target's route took. Waits for nothing.
    pub fn decide(&self, fingerprint: &Fingerprint<'_>) -> Decision {
        match self {
            SnapshotRule::Pass => Decision::Forward(None),
            SnapshotRule::Drop if fingerprint.record().is_snapshot => {
                Decision::Suppress(Suppression::Dropped)
            }
            SnapshotRule::Drop => Decision::Forward(None),
            SnapshotRule::ChangesOnly(rule) => rule.decide(fingerprint),
        }
    }
}

impl ChangesOnly {
    fn decide(&self, fingerprint: &Fingerprint<'_>) -> Decision {
        let Some((key, content)) = fingerprint.get() else {
            return Decision::Forward(None);
        };
        let record = fingerprint.record();
        let may_be_suppressed = record.is_snapshot && !record.is_delete();
        let mut suppression = None;
        let update = self.last_delivered.begin_if(
            key,
            record.event.enqueued_time,
            (!record.is_delete()).then_some(content),
            |last| {
                suppression = last
                    .filter(|_| may_be_suppressed)
                    .and_then(|last| self.suppression(&last, &content));
                suppression.is_none()
            },
        );
        match suppression {
            Some(suppression) => Decision::Suppress(suppression),
            None => Decision::Forward(update),
        }
    }

    fn suppression(&self, last: &Content, now: &Content) -> Option<Suppression> {
        if last.fingerprint == now.fingerprint {
            return Some(Suppression::Unchanged);
        }
        let distance = last.percentage?.distance(now.percentage?);
        let is_small = distance < self.score_change_at_least? && last.is_same_score_scale(now);
        is_small.then_some(Suppression::SmallScoreChange)
    }
}

#[cfg(test)]
mod tests;
