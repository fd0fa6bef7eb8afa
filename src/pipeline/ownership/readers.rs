//! Readers that begin with a claim and end with a loss.

use super::cycle::Cycle;
use crate::checkpoint::Error;
use crate::config::event_hub::Start;
use crate::durable::retry::chain;
use crate::event::PartitionId;
use crate::pipeline::bridge::Stop;

/// Generations of one reader; it counts its own below this.
const GENERATIONS: u32 = 32;

impl Cycle<'_> {
    /// Starts a partition from its checkpoint, as it stands now: whoever read it before us moved it.
    pub(super) async fn begin(&mut self, partition: PartitionId) {
        let group = &mut *self.group;
        // What is known of it is of an earlier time.
        group.readiness.forget(&group.name, &partition);
        let checkpoint = match group.checkpointer.resume(&partition).await {
            Ok(checkpoint) => checkpoint,
            Err(error) => return self.hold_back(&partition, &error),
        };
        // Only `latest` has a meaning that passes with the first checkpoint; it was resolved for every partition then.
        let is_configured = group.start != Start::Latest;
        let stop = Stop {
            intake: group.stop.intake.child_token(),
            ..group.stop.clone()
        };
        let intake = stop.intake.clone();
        self.begun += 1;
        let first_generation = self.begun << GENERATIONS;
        let status = group.begin(
            partition.clone(),
            checkpoint,
            is_configured,
            first_generation,
            stop,
        );
        self.tenures.begin(partition, intake, status);
    }

    /// A partition of ours is another's now: its reader is told to stop.
    pub(super) fn lose(&mut self, partition: &PartitionId, owner: Option<String>) {
        if self.tenures.stop(partition) {
            self.leave(partition, owner);
        }
    }

    /// What is in flight of a lost partition is finished, and moves no position.
    pub(super) fn leave(&mut self, partition: &PartitionId, owner: Option<String>) {
        self.group.checkpointer.lose(partition);
        self.forget(partition);
        self.meter.lost(partition, "taken");
        tracing::info!(
            consumer_group = &*self.group.name, %partition, owner_id = owner,
            "partition is read by another instance now; what is in flight is finished"
        );
    }

    /// Somebody reads a partition of ours without owning it. It is not re-attached but left alone for a while.
    pub(super) fn dispute(&mut self, partition: &PartitionId, detail: &str) {
        let delay = self.disputes.displaced(partition, self.sharing.interval);
        let is_repeated = self.disputes.is_repeated(partition);
        self.meter
            .lost(partition, if is_repeated { "displaced" } else { "interrupted" });
        let consumer_group = &self.group.name;
        let retry_after_seconds = delay.as_secs_f64();
        match is_repeated {
            // An instance that lost it may have attached late; that one sees its mistake at once.
            false => tracing::warn!(
                consumer_group = &**consumer_group, %partition, detail, retry_after_seconds,
                "partition was taken at the hub by a reader that does not own it; it is taken back once"
            ),
            true => tracing::error!(
                consumer_group = &**consumer_group, %partition, detail, retry_after_seconds,
                "partition was taken at the hub by a reader that does not own it; another application uses this consumer \
                 group, or instances of ours use other checkpoints"
            ),
        }
        let cause = format!(
            "a reader that does not own it took it at the hub; next try in {} s: {detail}",
            delay.as_secs()
        );
        let status = self.group.readiness.partition(consumer_group, partition);
        status.detached(cause, is_repeated);
    }

    /// `/readyz` is about what is ours.
    pub(super) fn forget(&mut self, partition: &PartitionId) {
        self.group.readiness.forget(&self.group.name, partition);
    }

    fn hold_back(&mut self, partition: &PartitionId, error: &Error) {
        let delay = self.sharing.interval;
        self.disputes.hold_back(partition, delay);
        let consumer_group = &self.group.name;
        tracing::error!(
            consumer_group = &**consumer_group, %partition, error = error as &dyn std::error::Error, hint = error.hint(),
            retry_after_seconds = delay.as_secs_f64(), "failed to read a checkpoint, so its partition is not read"
        );
        let status = self.group.readiness.partition(consumer_group, partition);
        status.detached(format!("its checkpoint cannot be read: {}", chain(error)), true);
    }
}
