//! `latest` is resolved into a position, which is stored before anything is received.

use std::time::Duration;

use super::{Reader, mark_of};
use crate::checkpoint::Checkpoint;
use crate::eventhub::settings::{Position, StartPosition};

/// A position that could not be stored is tried again after this.
const STORE_RETRY_DELAY: Duration = Duration::from_secs(5);

impl Reader {
    /// `latest` is resolved once and stored, so that a reconnect before the first event skips nothing.
    pub(super) async fn resolve(&mut self) -> bool {
        let mut attempt = 0;
        let mut credential = self.client.settings().credential.subscribe();
        loop {
            let resolved = tokio::select! {
                () = self.stop.intake.cancelled() => return false,
                resolved = self.client.latest(&self.partition) => resolved,
            };
            let wait = match resolved {
                Ok(position) => {
                    if !self.store_resolved(&position).await {
                        return false;
                    }
                    self.start = StartPosition::After(position);
                    return true;
                }
                Err(end) => {
                    attempt += 1;
                    self.status
                        .detached(format!("the newest event is not known: {end}"), false);
                    end.reason.delay(attempt, rand::random())
                }
            };
            tokio::select! {
                () = self.stop.intake.cancelled() => return false,
                () = tokio::time::sleep(wait) => {}
                () = credential.replaced() => attempt = 0,
            }
        }
    }

    /// Stores a position that was resolved before any event, as often as it takes; `false` when told to stop.
    pub(super) async fn store_resolved(&self, position: &Position) -> bool {
        loop {
            let stored = tokio::select! {
                () = self.stop.intake.cancelled() => return false,
                stored = self.store_initial(position) => stored,
            };
            let Err(error) = stored else { return true };
            if let crate::checkpoint::Error::Lost { .. } = error {
                // Whoever owns the partition decides where it starts; we are told to stop soon.
                self.stop.intake.cancelled().await;
                return false;
            }
            tracing::error!(
                partition = %self.partition, error = &error as &dyn std::error::Error,
                "failed to store the position that `latest` stands for"
            );
            tokio::select! {
                () = self.stop.intake.cancelled() => return false,
                () = tokio::time::sleep(STORE_RETRY_DELAY) => {}
            }
        }
    }

    async fn store_initial(&self, position: &Position) -> Result<(), crate::checkpoint::Error> {
        let checkpoint = Checkpoint::new(mark_of(position), position.hub_created_at);
        self.checkpointer
            .store_initial(&self.partition, &checkpoint)
            .await
    }
}
