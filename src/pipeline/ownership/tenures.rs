//! What this instance reads, each partition from its claim to its loss.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use crate::event::PartitionId;
use crate::telemetry::PartitionStatus;

/// The partitions that have a reader here.
#[derive(Debug, Default)]
pub(super) struct Tenures(BTreeMap<PartitionId, Tenure>);

/// One partition, while it has a reader here.
#[derive(Debug)]
pub(super) struct Tenure {
    /// Stops its reader.
    stop: CancellationToken,
    status: Arc<PartitionStatus>,
    /// When its link was last seen attached, or when it began.
    alive_at: Instant,
    /// Whether the partition is lost and its reader about to end.
    is_ending: bool,
}

impl Tenures {
    pub(super) fn begin(
        &mut self,
        partition: PartitionId,
        stop: CancellationToken,
        status: Arc<PartitionStatus>,
    ) {
        let tenure = Tenure {
            stop,
            status,
            alive_at: Instant::now(),
            is_ending: false,
        };
        let before = self.0.insert(partition, tenure);
        assert!(before.is_none(), "a partition has one reader at a time");
    }

    /// What is to be renewed: a reader that has been without a link for `patience` does nothing with its partition, so
    /// another instance may try. One that waits for a target has its link.
    pub(super) fn renewable(&mut self, patience: Duration) -> Vec<PartitionId> {
        let mut renewable = Vec::new();
        for (partition, tenure) in self.0.iter_mut().filter(|(_, tenure)| !tenure.is_ending) {
            if tenure.status.is_attached() && tenure.status.stuck_link().is_none() {
                tenure.alive_at = Instant::now();
            }
            if tenure.alive_at.elapsed() < patience {
                renewable.push(partition.clone());
            }
        }
        renewable
    }

    /// Partitions that are read and not lost.
    pub(super) fn current(&self) -> BTreeSet<PartitionId> {
        let current = self.0.iter().filter(|(_, tenure)| !tenure.is_ending);
        current.map(|(partition, _)| partition.clone()).collect()
    }

    /// Every partition that still has a reader; none of them can have another one.
    pub(super) fn all(&self) -> BTreeSet<PartitionId> {
        self.0.keys().cloned().collect()
    }

    /// Tells the reader of a lost partition to stop; `false` if it was told before.
    pub(super) fn stop(&mut self, partition: &PartitionId) -> bool {
        let Some(tenure) = self.0.get_mut(partition).filter(|tenure| !tenure.is_ending) else {
            return false;
        };
        tenure.is_ending = true;
        tenure.stop.cancel();
        true
    }

    /// A reader has ended; whether it had been told to stop.
    pub(super) fn end(&mut self, partition: &PartitionId) -> bool {
        let tenure = self.0.remove(partition);
        tenure.is_none_or(|tenure| tenure.is_ending)
    }
}

#[cfg(test)]
mod tests {
    use std::slice::from_ref;

    use tokio::time::advance;

    use super::*;
    use crate::telemetry::Readiness;

    const PATIENCE: Duration = Duration::from_secs(60);

    /// Scenario: of two partitions one loses its link and does not get another; later it does, and is lost to another
    /// instance.
    /// Guarantees: what has its link is renewed for ever, also when nothing arrives; what has none is renewed for a while
    /// only; what is lost is not renewed, and counts as read until its reader has ended.
    #[tokio::test(start_paused = true)]
    async fn renews_what_can_be_read() {
        let (readiness, group) = (Readiness::default(), Arc::from("$Default"));
        let [well, dead] = ["0", "1"].map(PartitionId::new);
        let mut tenures = Tenures::default();
        let stop = CancellationToken::new();
        let mut begin = |partition: &PartitionId| {
            let status = readiness.partition(&group, partition);
            tenures.begin(partition.clone(), stop.child_token(), Arc::clone(&status));
            status
        };
        let (attached, detached) = (begin(&well), begin(&dead));
        attached.attached();
        advance(PATIENCE / 2).await;
        assert_eq!(tenures.renewable(PATIENCE), [well.clone(), dead.clone()]);
        advance(PATIENCE / 2).await;
        assert_eq!(tenures.renewable(PATIENCE), from_ref(&well));
        assert!(tenures.current().contains(&dead), "its reader goes on trying");
        detached.attached();
        assert_eq!(tenures.renewable(PATIENCE), [well.clone(), dead.clone()]);
        detached.stuck(Some("its link brings nothing".to_owned()));
        advance(PATIENCE).await;
        assert_eq!(
            tenures.renewable(PATIENCE),
            from_ref(&well),
            "a link that is dead is none"
        );
        detached.stuck(None);
        assert_eq!(tenures.renewable(PATIENCE), [well.clone(), dead.clone()]);
        detached.detached("a fault".to_owned(), false);
        advance(PATIENCE * 10).await;
        assert_eq!(tenures.renewable(PATIENCE), from_ref(&well));

        assert!(tenures.stop(&well) && !tenures.stop(&well), "once");
        assert_eq!(tenures.renewable(PATIENCE), []);
        assert!(!tenures.current().contains(&well) && tenures.all().contains(&well));
        assert!(tenures.end(&well), "it was told to");
        assert!(!tenures.end(&dead), "it ended by itself");
        assert!(tenures.all().is_empty() && !stop.is_cancelled());
    }
}
