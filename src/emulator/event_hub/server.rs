//! The emulated hub as tests, demo and command line hold it.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use bytes::Bytes;
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio_rustls::TlsAcceptor;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::event::{SequenceNumber, Timestamp};

use super::body::{Body, Template};
use super::faults::{Faults, Mute};
use super::hub::Hub;
use super::log::Log;
use super::options::Options;
use super::websocket;

/// Receive buffer of the listener: above it the loopback segment size can reach a value that the official Python
/// client writes back to the socket and Linux refuses.
const RECEIVE_BUFFER_BYTES: u32 = 65_536;
/// Policy and key of the connection string when none is configured; any token is accepted then.
const ANY_KEY: (&str, &str) = ("RootManageSharedAccessKey", "SAS_KEY_VALUE");

/// Why an emulated hub could not start.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The address is taken or not of this machine.
    #[error("failed to listen on `{address}`")]
    Listen {
        /// The configured address.
        address: SocketAddr,
        /// What the system said.
        source: std::io::Error,
    },
    /// A hub has at least one partition.
    #[error("a hub needs at least one partition")]
    NoPartitions,
}

/// A running hub. It ends when this is dropped; [`EventHubEmulator::shutdown`] also waits for its tasks.
#[derive(Debug)]
pub struct EventHubEmulator {
    hub: Arc<Hub>,
    address: SocketAddr,
    stop: CancellationToken,
    tasks: TaskTracker,
}

/// Totals since the start, and what is attached now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Statistics {
    /// Connections ever accepted.
    pub connections: u64,
    /// Connections open now.
    pub open_connections: u64,
    /// Tokens presented, accepted or not.
    pub tokens: u64,
    /// Management requests.
    pub management_requests: u64,
    /// Attaches of receivers of events, refused ones included.
    pub attaches: u64,
    /// Events that senders brought over AMQP.
    pub events_received: u64,
    /// Events sent to receivers, by partition number, over all consumer groups; repeats count again.
    pub events_sent: Vec<u64>,
    /// Receivers attached now, by partition number, over all consumer groups.
    pub attached: Vec<usize>,
}

impl EventHubEmulator {
    /// Starts listening.
    pub async fn start(options: Options) -> Result<Self, Error> {
        if options.partitions == 0 {
            return Err(Error::NoPartitions);
        }
        let listener = listen(options.listen).map_err(|source| Error::Listen {
            address: options.listen,
            source,
        })?;
        let address = listener.local_addr().map_err(|source| Error::Listen {
            address: options.listen,
            source,
        })?;
        let emulator = Self {
            hub: Arc::new(Hub::new(options)),
            address,
            stop: CancellationToken::new(),
            tasks: TaskTracker::new(),
        };
        let accept = accept(
            listener,
            Arc::clone(&emulator.hub),
            emulator.stop.clone(),
            emulator.tasks.clone(),
        );
        emulator.tasks.spawn(accept);
        Ok(emulator)
    }

    /// Where it listens, with the port it got.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Connection string for clients, without TLS unless it was configured.
    pub fn connection_string(&self) -> String {
        let (name, key) = match &self.hub.options.key {
            Some(key) => (key.name.as_str(), key.key.as_str()),
            None => ANY_KEY,
        };
        let development = if self.hub.options.tls.is_none() {
            ";UseDevelopmentEmulator=true"
        } else {
            ""
        };
        format!(
            "Endpoint=sb://{};SharedAccessKeyName={name};SharedAccessKey={key};EntityPath={}{development}",
            self.address, self.hub.options.hub
        )
    }

    /// Appends an event that is enqueued now. Panics if there is no such partition.
    pub fn append(&self, partition: u32, body: impl Into<Body>) -> SequenceNumber {
        self.append_at(partition, body, Timestamp::now())
    }

    /// Appends an event with an enqueued time of one's own, which should not lie before the last one's.
    pub fn append_at(
        &self,
        partition: u32,
        body: impl Into<Body>,
        enqueued_time: Timestamp,
    ) -> SequenceNumber {
        let body = body.into();
        SequenceNumber(
            self.hub
                .change_log(|log| log.partitions[partition as usize].append(body, None, enqueued_time)),
        )
    }

    /// Appends `events` events made from `lines` in turn, spread over all partitions. They are rendered only when
    /// they are sent, so their number costs no memory.
    pub fn append_repeated(&self, lines: &Arc<[Template]>, events: u64) {
        if events > 0 && !lines.is_empty() {
            self.hub
                .change_log(|log| log.append_repeated(lines, events, Timestamp::now()));
        }
    }

    /// Sequence number of the newest event of a partition; -1 before the first.
    pub fn last_sequence_number(&self, partition: u32) -> SequenceNumber {
        SequenceNumber(self.hub.log().partitions[partition as usize].last())
    }

    /// Forgets the events of a partition before `sequence_number`, as retention does.
    pub fn truncate(&self, partition: u32, sequence_number: SequenceNumber) {
        self.hub
            .change_log(|log| log.partitions[partition as usize].truncate(sequence_number.0));
    }

    /// Leaves a gap of `count` sequence numbers before the next event of a partition.
    pub fn skip_sequence_numbers(&self, partition: u32, count: u32) {
        self.hub
            .change_log(|log| log.partitions[partition as usize].skip(i64::from(count)));
    }

    /// Adds an empty partition and gives its number.
    pub fn add_partition(&self) -> u32 {
        let retention = self.hub.options.retention;
        self.hub.change_log(|log| {
            log.add_partition(retention);
            u32::try_from(log.partitions.len() - 1).expect("partitions are added one by one")
        })
    }

    /// Deletes the hub and makes it anew: empty, counting from 0, with a later creation time. Receivers are detached.
    pub fn recreate_hub(&self) {
        let partitions = self.hub.log().partitions.len();
        self.recreate_hub_with(u32::try_from(partitions).expect("partitions are added one by one"));
    }

    /// The same with so many partitions.
    pub fn recreate_hub_with(&self, partitions: u32) {
        let options = &self.hub.options;
        self.hub.change_log(|log| {
            // Two lives within one millisecond would look like one.
            let created_at = Timestamp::now().max(Timestamp::from_millis(log.created_at.as_millis() + 1));
            *log = Log::new(partitions, options.retention, created_at);
        });
    }

    /// Says that the hub was made then, before anyone connects.
    pub fn pretend_created_at(&self, created_at: Timestamp) {
        self.hub.change_log(|log| log.created_at = created_at);
    }

    /// Lets receivers of a partition starve, from now on: no event reaches them, nor the end of the hub.
    pub fn mute(&self, partition: u32, mute: Mute) {
        let first = match mute {
            Mute::Nobody => 0,
            Mute::OpenConnections => self.hub.counters.connections.load(Ordering::Relaxed) + 1,
            Mute::Everybody => u64::MAX,
        };
        self.hub.faults.mute_before(partition as usize, first);
    }

    /// Switches for misbehaviour.
    pub fn faults(&self) -> &Faults {
        &self.hub.faults
    }

    /// The counts of this moment.
    pub fn statistics(&self) -> Statistics {
        let counters = &self.hub.counters;
        let partitions = self.hub.log().partitions.len();
        let mut events_sent = counters.events_sent.lock().expect("no counting panics").clone();
        events_sent.resize(partitions, 0);
        Statistics {
            connections: counters.connections.load(Ordering::Relaxed),
            open_connections: counters.open_connections.load(Ordering::Relaxed),
            tokens: counters.tokens.load(Ordering::Relaxed),
            management_requests: counters.management_requests.load(Ordering::Relaxed),
            attaches: counters.attaches.load(Ordering::Relaxed),
            events_received: counters.events_received.load(Ordering::Relaxed),
            events_sent,
            attached: (0..partitions)
                .map(|partition| self.hub.receivers.attached(partition))
                .collect(),
        }
    }

    /// Waits until the counts satisfy `reached`. Without a limit of its own: put a timeout around it.
    pub async fn wait_for(&self, mut reached: impl FnMut(&Statistics) -> bool) -> Statistics {
        let mut changes = self.hub.changes.subscribe();
        let mut progress = self.hub.progress.subscribe();
        loop {
            let statistics = self.statistics();
            if reached(&statistics) {
                return statistics;
            }
            // The hub holds both senders, so these end only with a change.
            tokio::select! {
                _ = changes.changed() => {}
                _ = progress.changed() => {}
            }
        }
    }

    /// Ends all connections and waits for the tasks.
    pub async fn shutdown(self) {
        self.stop.cancel();
        self.tasks.close();
        self.tasks.wait().await;
    }
}

impl Drop for EventHubEmulator {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}

fn listen(address: SocketAddr) -> std::io::Result<TcpListener> {
    let socket = if address.is_ipv4() {
        TcpSocket::new_v4()?
    } else {
        TcpSocket::new_v6()?
    };
    socket.set_reuseaddr(true)?;
    socket.set_recv_buffer_size(RECEIVE_BUFFER_BYTES)?;
    socket.bind(address)?;
    socket.listen(128)
}

async fn accept(listener: TcpListener, hub: Arc<Hub>, stop: CancellationToken, tasks: TaskTracker) {
    loop {
        let stream = tokio::select! {
            () = stop.cancelled() => return,
            accepted = listener.accept() => match accepted {
                Ok((stream, _)) => stream,
                Err(error) => {
                    tracing::warn!(%error, "emulated hub failed to accept a connection");
                    continue;
                }
            },
        };
        if hub.faults.state().refuse_connects {
            continue;
        }
        tasks.spawn(connection(stream, Arc::clone(&hub), stop.clone()));
    }
}

async fn connection(stream: TcpStream, hub: Arc<Hub>, stop: CancellationToken) {
    // Best effort: without it small frames only wait a little.
    let _ = stream.set_nodelay(true);
    let result = match hub.options.tls.clone() {
        None => websocket::serve(stream, hub, stop).await,
        Some(tls) => match TlsAcceptor::from(tls).accept(stream).await {
            Ok(stream) => websocket::serve(stream, hub, stop).await,
            Err(error) => Err(error.into()),
        },
    };
    if let Err(error) = result {
        tracing::debug!(error = %error, "emulated hub lost a connection");
    }
}

impl From<Vec<u8>> for Body {
    fn from(bytes: Vec<u8>) -> Self {
        Body::Data(Bytes::from(bytes))
    }
}
