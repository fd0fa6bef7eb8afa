//! Partitions that are ours by the store and that somebody else reads at the hub.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use tokio::time::Instant;

use crate::event::PartitionId;
use crate::eventhub::EndReason;

/// A partition left in peace for this long was not taken in a fight; the next displacement begins a new one.
const UNDISPUTED_AFTER: Duration = Duration::from_secs(15 * 60);

/// Partitions that are left alone for a while, and how often each was taken.
#[derive(Debug, Default)]
pub(super) struct Disputes(BTreeMap<PartitionId, Dispute>);

#[derive(Debug)]
struct Dispute {
    displacements: u32,
    until: Instant,
}

impl Disputes {
    /// Somebody took the partition at the hub. How long it is to be left alone: an `interval`, for it may have been an
    /// instance that did not know yet that it had lost it; then a minute, and longer and longer, because taking it back
    /// would be answered in kind.
    pub(super) fn displaced(&mut self, partition: &PartitionId, interval: Duration) -> Duration {
        let now = Instant::now();
        let before = self.0.remove(partition);
        let before = before.filter(|dispute| now < dispute.until + UNDISPUTED_AFTER);
        let displacements = before.map_or(0, |dispute| dispute.displacements);
        let delay = match displacements.checked_sub(1) {
            None => interval,
            Some(attempt) => EndReason::Stolen.delay(attempt, rand::random()),
        };
        let dispute = Dispute {
            displacements: displacements.saturating_add(1),
            until: now + delay,
        };
        self.0.insert(partition.clone(), dispute);
        delay
    }

    /// Whether the partition was taken before in the same fight.
    pub(super) fn is_repeated(&self, partition: &PartitionId) -> bool {
        self.0
            .get(partition)
            .is_some_and(|dispute| dispute.displacements > 1)
    }

    /// The partition cannot be read now for a reason of its own; it is left alone for `delay`.
    pub(super) fn hold_back(&mut self, partition: &PartitionId, delay: Duration) {
        let until = Instant::now() + delay;
        let dispute = self.0.entry(partition.clone()).or_insert(Dispute {
            displacements: 0,
            until,
        });
        dispute.until = until;
    }

    /// Partitions to be left alone now.
    pub(super) fn current(&self) -> BTreeSet<PartitionId> {
        let now = Instant::now();
        let current = self.0.iter().filter(|(_, dispute)| now < dispute.until);
        current.map(|(partition, _)| partition.clone()).collect()
    }
}

#[cfg(test)]
mod tests {
    use tokio::time::advance;

    use super::*;

    const INTERVAL: Duration = Duration::from_secs(10);

    /// Scenario: another application takes a partition again and again, and then no more for long.
    /// Guarantees: it is taken back soon once, then left alone for longer each time, and the row ends with peace.
    #[tokio::test(start_paused = true)]
    async fn waits_longer_with_each_displacement() {
        let (mut disputes, partition) = (Disputes::default(), PartitionId::new("3"));
        for seconds in [10, 60, 120, 240, 480, 900, 900] {
            let delay = disputes.displaced(&partition, INTERVAL);
            assert_eq!(delay.as_secs(), seconds);
            assert_eq!(disputes.is_repeated(&partition), delay != INTERVAL);
            assert!(disputes.current().contains(&partition));
            advance(delay).await;
            assert!(disputes.current().is_empty());
        }
        advance(UNDISPUTED_AFTER).await;
        assert_eq!(disputes.displaced(&partition, INTERVAL), INTERVAL);
    }

    #[tokio::test(start_paused = true)]
    async fn what_is_held_back_is_no_dispute() {
        let (mut disputes, partition) = (Disputes::default(), PartitionId::new("3"));
        disputes.hold_back(&partition, Duration::from_secs(10));
        assert!(disputes.current().contains(&partition));
        advance(Duration::from_secs(10)).await;
        assert!(disputes.current().is_empty());
        assert_eq!(disputes.displaced(&partition, INTERVAL), INTERVAL);
    }
}
