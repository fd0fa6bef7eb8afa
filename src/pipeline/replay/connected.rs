//! The hub as a replay sees it: through a consumer group of its own, asked for ranges and ended with the replay.

use std::sync::Arc;

use anyhow::anyhow;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::range::Range;
use super::scope::{self, Scope};
use crate::cli::exit::Failure;
use crate::config::Configuration;
use crate::eventhub::{End, HubClient, HubSettings, OnInvalidCheckpoint};

/// The hub, and what has to be ended with it.
pub(super) struct Connected {
    pub(super) client: Arc<HubClient>,
    tasks: TaskTracker,
    stop: CancellationToken,
}

impl Connected {
    pub(super) fn new(configuration: &Configuration, consumer_group: &Arc<str>) -> Self {
        let (tasks, stop) = (TaskTracker::new(), CancellationToken::new());
        let settings = HubSettings {
            consumer_group: Arc::clone(consumer_group),
            receiver_name: format!("{}-replay", configuration.hub.receiver_name).into(),
            // Reading elsewhere than asked for would be another range.
            on_invalid_checkpoint: OnInvalidCheckpoint::Fail,
            ..configuration.hub.clone()
        };
        Self {
            client: HubClient::new(settings, tasks.clone(), stop.clone()),
            tasks,
            stop,
        }
    }

    /// Asks for the range of each partition.
    pub(super) async fn ranges(&self, scope: &Scope) -> Result<Vec<Range>, Failure> {
        let peer = |end: End| Failure::Peer(anyhow!(end).context("failed to ask the hub for its partitions"));
        let hub = self.client.hub_properties().await.map_err(peer)?;
        let chosen = scope.choose(&hub.partitions).map_err(usage)?;
        let resolved = scope.resolve(chosen, &self.client, hub.created_at).await;
        let ranges = resolved.map_err(peer)?;
        for range in ranges.iter().filter(|range| range.gone > 0) {
            tracing::warn!(
                partition = %range.partition, events = range.gone, sequence_number = %range.oldest,
                "events of the range are gone: the hub's oldest event is later than its beginning"
            );
        }
        Ok(ranges)
    }

    /// Ends every connection, and waits for that.
    pub(super) async fn close(self) {
        self.client.close().await;
        self.stop.cancel();
        self.tasks.close();
        self.tasks.wait().await;
    }
}

/// A scope that cannot be read is a mistake of whoever asked for it.
pub(super) fn usage(error: scope::Error) -> Failure {
    Failure::Usage(error.into())
}
