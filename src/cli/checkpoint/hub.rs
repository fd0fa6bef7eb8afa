//! The hub as a verb asks it about positions: through the consumer group itself, without an owner level.

use std::sync::Arc;
use std::time::Duration;

use anyhow::anyhow;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::cli::exit::Failure;
use crate::config::Configuration;
use crate::event::{Event, PartitionId, Timestamp};
use crate::eventhub::lookup::first_event;
use crate::eventhub::{End, EndReason, HubClient, HubSettings, PartitionProperties, Position, StartPosition};

/// How long the hub may take to show an event that it says it has.
const PATIENCE: Duration = Duration::from_secs(20);

/// A connected hub.
pub(super) struct Hub {
    client: Arc<HubClient>,
    tasks: TaskTracker,
    stop: CancellationToken,
    /// When it was made.
    pub(super) created_at: Timestamp,
    /// Its partitions, in numeric order.
    pub(super) partitions: Vec<PartitionId>,
}

impl Hub {
    /// Connects, and asks for the partitions.
    pub(super) async fn connect(
        configuration: &Configuration,
        consumer_group: &Arc<str>,
    ) -> Result<Self, Failure> {
        let (tasks, stop) = (TaskTracker::new(), CancellationToken::new());
        let settings = HubSettings {
            consumer_group: Arc::clone(consumer_group),
            receiver_name: format!("{}-checkpoint", configuration.hub.receiver_name).into(),
            ..configuration.hub.clone()
        };
        let mut hub = Self {
            client: HubClient::new(settings, tasks.clone(), stop.clone()),
            tasks,
            stop,
            created_at: Timestamp::from_millis(0),
            partitions: Vec::new(),
        };
        match hub.client.hub_properties().await {
            Ok(properties) => {
                hub.created_at = properties.created_at;
                hub.partitions = properties.partitions;
                Ok(hub)
            }
            Err(end) => {
                hub.close().await;
                Err(Failure::Peer(
                    anyhow!(end).context("failed to ask the hub for its partitions"),
                ))
            }
        }
    }

    /// Oldest and newest event of a partition.
    pub(super) async fn properties(&self, partition: &PartitionId) -> Result<PartitionProperties, End> {
        self.client.partition_properties(partition).await
    }

    /// The position after the newest event that `properties` tells of.
    pub(super) fn latest(&self, properties: &PartitionProperties) -> Position {
        properties.latest(self.created_at)
    }

    /// The first event of a partition at `start`, which must be one that the hub has.
    pub(super) async fn first(
        &self,
        partition: &PartitionId,
        start: &StartPosition,
    ) -> Result<Option<Event>, End> {
        first_event(&self.client, partition, start, PATIENCE).await
    }

    /// Ends every connection, and waits for that.
    pub(super) async fn close(self) {
        self.client.close().await;
        self.stop.cancel();
        self.tasks.close();
        self.tasks.wait().await;
    }

    /// The failure that an end is, with what it says about other readers.
    pub(super) fn failure(&self, partition: &PartitionId, end: End) -> Failure {
        let group = &self.client.settings().consumer_group;
        let what = match end.reason {
            EndReason::Stolen => format!("consumer group `{group}` is being read; stop its reader first"),
            EndReason::Unreadable => format!(
                "the event of partition `{partition}` at that place cannot be read, so that its number is not known; give the \
                 place by a number: `checkpoint set --partition {partition} --sequence-number`"
            ),
            _ => format!("failed to ask the hub about partition `{partition}`"),
        };
        Failure::Peer(anyhow!(end).context(what))
    }
}
