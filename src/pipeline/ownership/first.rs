//! What an instance does for its group before it reads anything.

use tokio::time::sleep;

use super::cycle::Cycle;
use crate::config::event_hub::Start;
use crate::durable::Retry;
use crate::durable::retry::chain;

/// What there is left to do.
enum Left {
    Nothing,
    /// Another instance may be about to do it; look once more.
    Perhaps,
}

impl Cycle<'_> {
    /// Looks at the checkpoints there are. Without any, `latest` is resolved for every partition: whoever claims one later
    /// finds a position there, and a partition that the hub gets later has none and is read from its beginning.
    pub(super) async fn begin_group(&mut self) {
        let mut retry = Retry::default();
        let mut known = None;
        loop {
            let delay = match self.resolve_latest().await {
                Ok(Left::Nothing) => return,
                // Somebody else is at it, as long as there are more from look to look.
                Ok(Left::Perhaps) if known == Some(self.stored.len()) => return,
                Ok(Left::Perhaps) => {
                    known = Some(self.stored.len());
                    self.sharing.interval
                }
                Err(cause) => {
                    let failure = retry.failed();
                    if failure.is_to_be_logged {
                        tracing::warn!(
                            consumer_group = &*self.group.name,
                            cause,
                            "failed to find out where the partitions start"
                        );
                    }
                    failure.delay
                }
            };
            sleep(delay).await;
        }
    }

    async fn resolve_latest(&mut self) -> Result<Left, String> {
        let group = &mut *self.group;
        let store = group.checkpointer.store();
        let stored = store.load_all().await.map_err(|error| chain(&error))?;
        group.seen_until(stored.values());
        if stored.is_empty() {
            tracing::warn!(
                consumer_group = &*group.name, start = ?group.start,
                "no checkpoint at all; if this is not the first start, the container is not the one used before"
            );
        }
        self.stored = stored.into_keys().collect();
        if group.start != Start::Latest {
            return Ok(Left::Nothing);
        }
        let partitions = group.client.partitions().await.map_err(|end| end.to_string())?;
        if !self.stored.is_empty() {
            let is_whole = partitions.iter().all(|partition| self.stored.contains(partition));
            return Ok(if is_whole { Left::Nothing } else { Left::Perhaps });
        }
        for partition in &partitions {
            group.resolve_latest(partition).await?;
        }
        Ok(Left::Nothing)
    }
}
