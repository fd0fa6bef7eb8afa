//! Where positions are kept together with the records: a partition is claimed before it is read, and read from the position
//! that stands there.

use std::time::Duration;

use tokio::time::{Instant, sleep};

use super::Reader;
use crate::checkpoint::Checkpoint;
use crate::deliver::kafka::exactly_once::{Claim, Lost, StoredPosition};
use crate::durable::Retry;
use crate::event::Timestamp;
use crate::eventhub::EndReason;
use crate::eventhub::settings::{Position, StartPosition};
use crate::pipeline::start::{describe, resume};

/// A partition read this long was not taken in a fight; the next one who takes it begins a new one.
const UNDISPUTED_AFTER: Duration = Duration::from_secs(15 * 60);

/// How often claims were lost.
#[derive(Debug, Default)]
pub(super) struct Losses {
    fences: u32,
    retry: Retry,
}

impl Reader {
    /// Claims the partition for `generation`, and makes the position found there the start. `None` when told to stop.
    pub(super) async fn claim(&mut self, generation: u64) -> Option<Claim> {
        let Some(claims) = self.claims.clone() else {
            return Some(Claim::none());
        };
        let waiting = "its position is not known yet: it stands in Kafka".to_owned();
        self.status.detached(waiting, false);
        let claim = tokio::select! {
            () = self.stop.intake.cancelled() => return None,
            claim = claims.claim(&self.partition, generation) => claim?,
        };
        let checkpoint = self.checkpoint().await?;
        self.stored_at = checkpoint.as_ref().and_then(|checkpoint| checkpoint.stored_at);
        let (start, origin) = match (claim.position.clone(), checkpoint) {
            (None, None) => return Some(claim),
            (Some(stored), None) => (after(stored), "kafka"),
            (None, Some(checkpoint)) => (resume(&checkpoint), "checkpoint"),
            (Some(stored), Some(checkpoint)) => self.newer(stored, &checkpoint).await?,
        };
        tracing::info!(
            consumer_group = &*self.consumer_group,
            partition = %self.partition,
            origin,
            position = %describe(&start),
            "partition starts from a stored position"
        );
        self.start = start;
        self.origin = origin;
        self.resolve_latest = false;
        Some(claim)
    }

    /// The newest checkpoint of the partition; it may have moved since the last claim. `None` when told to stop.
    async fn checkpoint(&self) -> Option<Option<Checkpoint>> {
        let mut retry = Retry::default();
        loop {
            let error = match self.checkpointer.store().load(&self.partition).await {
                Ok(checkpoint) => return Some(checkpoint),
                Err(error) => error,
            };
            let failure = retry.failed();
            if failure.is_to_be_logged {
                tracing::error!(
                    partition = %self.partition, consumer_group = &*self.consumer_group,
                    error = &error as &dyn std::error::Error, hint = error.hint(), "failed to read a checkpoint"
                );
            }
            tokio::select! {
                () = self.stop.intake.cancelled() => return None,
                () = sleep(failure.delay) => {}
            }
        }
    }

    /// The position in Kafka, or the checkpoint: that of the hub there is now, and of two of the same hub the one that is
    /// further. The checkpoint is ahead where the target was used without `exactly_once` meanwhile.
    async fn newer(
        &self,
        stored: StoredPosition,
        checkpoint: &Checkpoint,
    ) -> Option<(StartPosition, &'static str)> {
        let is_of_same_hub = !checkpoint.known_hub().is_another(stored.hub_created_at);
        let is_stored = match is_of_same_hub {
            true => stored.sequence_number >= checkpoint.sequence_number,
            false => checkpoint.hub_created_at != Some(self.hub_created_at().await?),
        };
        Some(match is_stored {
            true => (after(stored), "kafka"),
            false => (resume(checkpoint), "checkpoint"),
        })
    }

    /// When the hub was made that is there now. `None` when told to stop.
    async fn hub_created_at(&self) -> Option<Timestamp> {
        let mut attempt = 0;
        loop {
            let asked = tokio::select! {
                () = self.stop.intake.cancelled() => return None,
                asked = self.client.hub_properties() => asked,
            };
            let end = match asked {
                Ok(properties) => return Some(properties.created_at),
                Err(end) => end,
            };
            self.status
                .detached(format!("it is not known when the hub was made: {end}"), false);
            tokio::select! {
                () = self.stop.intake.cancelled() => return None,
                () = sleep(end.reason.delay(attempt, rand::random())) => attempt += 1,
            }
        }
    }

    /// Waits until a lost claim may be made again. `false` when told to stop.
    pub(super) async fn wait_after(&self, lost: Lost, held_since: Instant, losses: &mut Losses) -> bool {
        if held_since.elapsed() >= UNDISPUTED_AFTER {
            *losses = Losses::default();
        }
        match lost {
            Lost::Fenced => self.checkpointer.lose(&self.partition),
            Lost::Unclear => self.checkpointer.forget(&self.partition),
        }
        let (partition, consumer_group) = (&self.partition, &*self.consumer_group);
        let delay = match lost {
            Lost::Fenced => {
                let delay = EndReason::Stolen.delay(losses.fences, rand::random());
                losses.fences = losses.fences.saturating_add(1);
                let retry_after_seconds = delay.as_secs_f64();
                tracing::error!(
                    %partition, consumer_group, retry_after_seconds,
                    "partition was claimed by another process, which writes for it now; stop one of them, or give this one \
                     a consumer group of its own"
                );
                delay
            }
            Lost::Unclear => losses.retry.failed().delay,
        };
        let cause = match lost {
            Lost::Fenced => "another process writes for it",
            Lost::Unclear => "it is not known what became of its last transaction",
        };
        let cause = format!("{cause}; next try in {} s", delay.as_secs());
        self.status.detached(cause, lost == Lost::Fenced);
        tokio::select! {
            () = self.stop.intake.cancelled() => false,
            () = sleep(delay) => true,
        }
    }
}

fn after(stored: StoredPosition) -> StartPosition {
    StartPosition::After(Position {
        sequence_number: stored.sequence_number,
        offset: Some(stored.offset),
        enqueued_time: Some(stored.enqueued_time),
        hub_created_at: Some(stored.hub_created_at),
    })
}
