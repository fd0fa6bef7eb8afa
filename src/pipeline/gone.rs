//! Partitions that were read and that the hub no longer has. A hub never loses partitions, so it is another one by now.

use std::collections::BTreeSet;
use std::sync::Arc;

use crate::checkpoint::{Checkpoint, Store};
use crate::event::PartitionId;
use crate::telemetry::{Metrics, Readiness};

/// The partitions of one consumer group that are gone.
#[derive(Debug, Default)]
pub(super) struct Gone(BTreeSet<PartitionId>);

/// What tells of them.
pub(super) struct Voice<'a> {
    /// The group.
    pub consumer_group: &'a Arc<str>,
    /// Has the positions of partitions that are gone, and keeps them.
    pub store: &'a Store,
    /// Shows them.
    pub readiness: &'a Readiness,
    /// Counts them.
    pub metrics: &'a Metrics,
}

impl Gone {
    /// Compares what the hub has now with what was `known` before, by a reader or by a checkpoint.
    pub(super) async fn look(
        &mut self,
        listed: &[PartitionId],
        known: impl Iterator<Item = &PartitionId>,
        voice: &Voice<'_>,
    ) {
        let listed: BTreeSet<_> = listed.iter().collect();
        let missing: BTreeSet<_> = known.filter(|id| !listed.contains(id)).cloned().collect();
        for partition in missing.difference(&self.0) {
            voice.gone(partition).await;
        }
        for partition in self.0.difference(&missing) {
            voice.back(partition);
        }
        self.0 = missing;
        let count = i64::try_from(self.0.len()).unwrap_or(i64::MAX);
        voice
            .metrics
            .eventhub_gone_partitions
            .with_label_values(&[&**voice.consumer_group])
            .set(count);
    }
}

impl Voice<'_> {
    async fn gone(&self, partition: &PartitionId) {
        let checkpoint = match self.store.load(partition).await {
            Ok(checkpoint) => checkpoint,
            Err(error) => {
                tracing::warn!(
                    consumer_group = &**self.consumer_group, %partition, error = &error as &dyn std::error::Error,
                    hint = error.hint(), "failed to read the checkpoint of a partition that is gone"
                );
                None
            }
        };
        let position = checkpoint.as_ref().map_or_else(
            || "it has no checkpoint".to_owned(),
            |Checkpoint {
                 sequence_number,
                 enqueued_time,
                 ..
             }| {
                format!(
                    "its checkpoint is kept: sequence number {sequence_number}, enqueued at {enqueued_time}"
                )
            },
        );
        tracing::error!(
            consumer_group = &**self.consumer_group,
            %partition,
            sequence_number = checkpoint.map(|checkpoint| checkpoint.sequence_number.0),
            hint = "a hub never loses partitions: see that `event_hub` names the right one, and whether it was made anew",
            "the hub has no such partition any more; {position}"
        );
        let status = self.readiness.partition(self.consumer_group, partition);
        status.gone(Some(format!(
            "the hub has no such partition any more; {position}"
        )));
    }

    fn back(&self, partition: &PartitionId) {
        tracing::info!(consumer_group = &**self.consumer_group, %partition, "the hub has the partition again");
        self.readiness
            .partition(self.consumer_group, partition)
            .gone(None);
    }
}
