//! A hub as its readers share it: a few connections, each opened once for all of its partitions.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use tokio::sync::Mutex;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::connection::Connection;
use super::end_reason::End;
use super::management::{HubProperties, PartitionProperties};
use super::settings::{HubSettings, Position};
use crate::event::PartitionId;

/// Connections of one consumer group. Each holds buffers, and all of them must fit a small process.
pub const MAX_CONNECTIONS: usize = 8;

/// One consumer group of one hub.
#[derive(Debug)]
pub struct HubClient {
    settings: Arc<HubSettings>,
    slots: [Slot; MAX_CONNECTIONS],
    assignment: std::sync::Mutex<HashMap<PartitionId, usize>>,
    next_id: AtomicU64,
    tasks: TaskTracker,
    stop: CancellationToken,
}

/// Place of one connection.
#[derive(Debug, Default)]
struct Slot(Mutex<SlotState>);

#[derive(Debug, Default)]
struct SlotState {
    connection: Option<Arc<Connection>>,
    failure: Option<Failure>,
    attempts: u32,
}

#[derive(Debug)]
struct Failure {
    end: End,
    not_before: Instant,
    /// How often the credential had been replaced: with another one it is worth a try at once.
    replacements: u64,
}

/// No connection now, and when there may be one.
#[derive(Debug, Clone)]
pub(super) struct Unavailable {
    pub(super) end: End,
    pub(super) retry_after: Duration,
}

impl HubClient {
    /// A client that connects when first asked. Its tasks run on `tasks` until `stop` is cancelled, which must happen
    /// only after every [`super::PartitionReader`] is closed.
    pub fn new(settings: HubSettings, tasks: TaskTracker, stop: CancellationToken) -> Arc<Self> {
        Arc::new(Self {
            settings: Arc::new(settings),
            slots: Default::default(),
            assignment: std::sync::Mutex::default(),
            next_id: AtomicU64::new(0),
            tasks,
            stop,
        })
    }

    /// What it was made with.
    pub fn settings(&self) -> &Arc<HubSettings> {
        &self.settings
    }

    /// The hub as it is now: its partitions, which may grow, and when it was made. One request on an open connection.
    pub async fn hub_properties(&self) -> Result<HubProperties, End> {
        let connection = self.slots[0].get(self).await.map_err(|refused| refused.end)?;
        connection.hub_properties().await
    }

    /// Names of the partitions now, in numeric order; to be asked again every few minutes.
    pub async fn partitions(&self) -> Result<Vec<PartitionId>, End> {
        Ok(self.hub_properties().await?.partitions)
    }

    /// A partition as it is now, for the lag of one that is idle.
    pub async fn partition_properties(&self, partition: &PartitionId) -> Result<PartitionProperties, End> {
        let connection = self.connection(partition).await.map_err(|refused| refused.end)?;
        connection.partition_properties(partition).await
    }

    /// Makes `latest` a position that can be stored: after the newest event of this moment.
    pub async fn latest(&self, partition: &PartitionId) -> Result<Position, End> {
        let connection = self.connection(partition).await.map_err(|refused| refused.end)?;
        let properties = connection.partition_properties(partition).await?;
        Ok(properties.latest(connection.hub.created_at))
    }

    /// Closes every connection. Readers must be closed before.
    pub async fn close(&self) {
        for slot in &self.slots {
            let mut state = slot.0.lock().await;
            if let Some(connection) = state.connection.take() {
                connection.retire();
            }
        }
    }

    /// The open connection of a partition, opened if need be.
    pub(super) async fn connection(&self, partition: &PartitionId) -> Result<Arc<Connection>, Unavailable> {
        self.slots[self.slot_of(partition)].get(self).await
    }

    /// Where one connection was opened just now, the others need not wait until they may try again: an instance whose way to
    /// the hub is back claims partitions of others, and nobody reads those meanwhile.
    fn forget_failures(&self) {
        for slot in &self.slots {
            // One that is locked is being tried, or is the one that succeeded.
            if let Ok(mut state) = slot.0.try_lock() {
                state.failure = None;
            }
        }
    }

    pub(super) fn tasks(&self) -> &TaskTracker {
        &self.tasks
    }

    /// Partitions are spread in the order they are first seen, so that few partitions use few connections.
    fn slot_of(&self, partition: &PartitionId) -> usize {
        let mut assignment = self.assignment.lock().expect("nothing panics while it is locked");
        let next = assignment.len() % MAX_CONNECTIONS;
        *assignment.entry(partition.clone()).or_insert(next)
    }
}

impl Slot {
    /// Whoever comes first opens the connection; the others wait for it here, and share its failure.
    async fn get(&self, client: &HubClient) -> Result<Arc<Connection>, Unavailable> {
        let mut state = self.0.lock().await;
        if let Some(connection) = state.connection.as_ref().filter(|it| !it.is_closed()) {
            return Ok(Arc::clone(connection));
        }
        let replacements = client.settings.credential.replacements();
        if let Some(Failure {
            end,
            not_before,
            replacements: before,
        }) = &state.failure
            && *before == replacements
            && let Some(retry_after) = not_before.checked_duration_since(Instant::now())
            && !retry_after.is_zero()
        {
            return Err(Unavailable {
                end: end.clone(),
                retry_after,
            });
        }
        let id = client.next_id.fetch_add(1, Ordering::Relaxed);
        match Connection::open(&client.settings, id, &client.tasks, &client.stop).await {
            Ok(connection) => {
                *state = SlotState {
                    connection: Some(Arc::clone(&connection)),
                    ..SlotState::default()
                };
                client.forget_failures();
                Ok(connection)
            }
            Err(end) => {
                let retry_after = end.reason.delay(state.attempts, rand::random());
                state.attempts = state.attempts.saturating_add(1);
                state.connection = None;
                state.failure = Some(Failure {
                    end: end.clone(),
                    not_before: Instant::now() + retry_after,
                    replacements,
                });
                Err(Unavailable { end, retry_after })
            }
        }
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::super::end_reason::EndReason;
    use super::super::settings::{Address, CALL_TIMEOUT, OnInvalidCheckpoint, TOKEN_LIFETIME, Transport};
    use super::*;
    use crate::emulator::event_hub::{EventHubEmulator, Options};
    use crate::event::Hub;
    use crate::eventhub::Credential;

    /// A hub at `port` of this machine.
    pub(in crate::eventhub) fn settings(port: u16) -> HubSettings {
        HubSettings {
            hub: Hub {
                namespace: "127.0.0.1".into(),
                name: "defender".into(),
            },
            consumer_group: "$Default".into(),
            address: Address::parse("127.0.0.1"),
            port,
            transport: Transport::Amqp,
            proxy: None.into(),
            tls: None.into(),
            credential: Credential::SharedAccessKey {
                name: "reader".into(),
                key: "k".into(),
            }
            .into(),
            receiver_name: "test".into(),
            on_invalid_checkpoint: OnInvalidCheckpoint::Earliest,
            token_lifetime: TOKEN_LIFETIME,
            call_timeout: CALL_TIMEOUT,
        }
    }

    /// Scenario: the connections of two partitions failed, and the second is to wait for long; then the first is open again.
    /// Guarantees: the second is tried at once, and not before.
    #[tokio::test]
    async fn one_way_that_is_back_is_a_sign_for_all() {
        let hub = EventHubEmulator::start(Options::new("defender", 2)).await;
        let hub = hub.expect("this machine has a free port");
        let stop = CancellationToken::new();
        let client = HubClient::new(settings(hub.address().port()), TaskTracker::new(), stop.clone());
        let [first, second] = ["0", "1"].map(PartitionId::new);
        assert_eq!((client.slot_of(&first), client.slot_of(&second)), (0, 1));
        client.slots[1].0.lock().await.failure = Some(Failure {
            end: End::new(EndReason::ConnectFailed, "by a test"),
            not_before: Instant::now() + Duration::from_secs(3600),
            replacements: client.settings.credential.replacements(),
        });
        let refused = client.connection(&second).await;
        refused.expect_err("it is not to be tried yet");
        client.connection(&first).await.expect("the hub is there");
        client.connection(&second).await.expect("the hub is there");
        client.close().await;
        stop.cancel();
        hub.shutdown().await;
    }
}
