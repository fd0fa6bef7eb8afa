//! The tasks of a replay, and how it waits for their ends.

use std::sync::Arc;
use std::time::Duration;

use anyhow::anyhow;
use tokio::sync::mpsc;
use tokio::task::{JoinHandle, JoinSet};
use tokio_util::sync::CancellationToken;

use super::Progress;
use super::rejected::Rejected;
use crate::cli::exit::Failure;
use crate::deliver::dead_letter::Request;
use crate::durable::line_file;
use crate::pipeline::bridge::CLOSE_TIMEOUT;

/// The tasks of a replay.
pub(super) struct Work {
    pub(super) readers: JoinSet<Result<(), Failure>>,
    pub(super) workers: JoinSet<()>,
    pub(super) refused: Refused,
}

/// The task that takes refused records, until it has ended.
pub(super) struct Refused(Option<JoinHandle<Result<(), line_file::Error>>>);

impl Refused {
    pub(super) fn spawn(
        rejected: Rejected,
        requests: mpsc::Receiver<Request>,
        progress: &Arc<Progress>,
    ) -> Self {
        Self(Some(tokio::spawn(rejected.run(requests, Arc::clone(progress)))))
    }

    /// Waits for its end, which comes before its time only with an error. Cancel-safe.
    async fn end(&mut self) -> Result<(), Failure> {
        let Some(task) = &mut self.0 else {
            return Ok(());
        };
        let ended = task.await;
        self.0 = None;
        let written = ended.map_err(Failure::of_task("the writer of refused records failed"))?;
        written.map_err(|error| Failure::State(error.into()))
    }
}

impl Work {
    /// Waits until every range is read; ends the intake at the stop and at the first failure.
    pub(super) async fn read(
        &mut self,
        stop: &CancellationToken,
        intake: &CancellationToken,
    ) -> Result<(), Failure> {
        let mut result = Ok(());
        while !self.readers.is_empty() {
            let failure = tokio::select! {
                () = stop.cancelled(), if !intake.is_cancelled() => {
                    intake.cancel();
                    continue;
                }
                Some(ended) = self.readers.join_next() => {
                    ended.map_err(Failure::of_task("a reader failed")).flatten().err()
                }
                Some(ended) = self.workers.join_next() => Some(match ended {
                    Ok(()) => Failure::Internal(anyhow!("a worker of the target ended before the replay did")),
                    Err(panicked) => Failure::of_task("a worker of the target failed")(panicked),
                }),
                ended = self.refused.end(), if self.refused.0.is_some() => ended.err(),
            };
            if let Some(failure) = failure {
                intake.cancel();
                result = result.and(Err(failure));
            }
        }
        result
    }

    /// Waits until everything on its way is settled. After the stop for the grace period at most, otherwise for as long as
    /// the target takes.
    pub(super) async fn drain(
        mut self,
        letters: JoinHandle<()>,
        stop: &CancellationToken,
        is_ending: bool,
        grace_period: Duration,
        abandon: &CancellationToken,
    ) -> Result<(), Failure> {
        let mut drained = std::pin::pin!(async {
            let mut result = Ok(());
            while let Some(ended) = self.workers.join_next().await {
                result = result.and(ended.map_err(Failure::of_task("a worker of the target failed")));
            }
            result = result.and(
                letters
                    .await
                    .map_err(Failure::of_task("the writer of undeliverable records failed")),
            );
            result.and(self.refused.end().await)
        });
        let patience = async {
            if !is_ending {
                stop.cancelled().await;
            }
            tokio::time::sleep(grace_period).await;
        };
        tokio::select! {
            result = &mut drained => return result,
            () = patience => {}
        }
        tracing::warn!(
            grace_period_seconds = grace_period.as_secs(),
            "the grace period is over; what is not settled is left to another replay"
        );
        abandon.cancel();
        match tokio::time::timeout(CLOSE_TIMEOUT, drained).await {
            Ok(result) => result,
            Err(_) => {
                tracing::warn!("some tasks did not end in time and are cut off");
                Ok(())
            }
        }
    }
}
