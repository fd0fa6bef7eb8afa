//! An emulated hub and readers of it.

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use hub2siem::emulator::event_hub::{EventHubEmulator, Options, Statistics};
use hub2siem::event::{Event, Hub, Offset, PartitionId, SequenceNumber};
use hub2siem::eventhub::{
    ConnectionString, HubClient, HubSettings, OnInvalidCheckpoint, PartitionReader, Position, StartPosition,
    Step, Transport,
};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

/// Longer than anything here should take, also on a busy machine.
const PATIENCE: Duration = Duration::from_secs(120);

pub async fn within<T>(future: impl Future<Output = T>) -> T {
    tokio::time::timeout(PATIENCE, future)
        .await
        .expect("it happens within the patience of the tests")
}

pub async fn hub(partitions: u32) -> EventHubEmulator {
    start(Options::new("defender", partitions)).await
}

pub async fn start(options: Options) -> EventHubEmulator {
    EventHubEmulator::start(options)
        .await
        .expect("a free port can be had")
}

pub fn settings(emulator: &EventHubEmulator) -> HubSettings {
    let string = ConnectionString::parse(&emulator.connection_string()).expect("it is well formed");
    HubSettings {
        hub: Hub {
            namespace: string.host.as_str().into(),
            name: string.hub(None).expect("it names the hub").into(),
        },
        consumer_group: "$Default".into(),
        address: None,
        port: string.port.expect("it names the port"),
        transport: Transport::Amqp,
        proxy: None.into(),
        tls: None.into(),
        credential: string.credential.into(),
        receiver_name: "test-reader".into(),
        on_invalid_checkpoint: OnInvalidCheckpoint::Earliest,
        token_lifetime: Duration::from_secs(3600),
        call_timeout: Duration::from_secs(60),
    }
}

pub fn client(settings: HubSettings) -> Arc<HubClient> {
    HubClient::new(settings, TaskTracker::new(), CancellationToken::new())
}

pub fn reader(client: &Arc<HubClient>, partition: u32, start: StartPosition) -> PartitionReader {
    PartitionReader::new(Arc::clone(client), PartitionId::new(partition.to_string()), start)
}

pub fn checkpoint(sequence_number: i64, offset: Option<&str>) -> Position {
    Position {
        sequence_number: SequenceNumber(sequence_number),
        offset: offset.map(Offset::new),
        enqueued_time: None,
        hub_created_at: None,
    }
}

pub async fn next(reader: &mut PartitionReader, credit: u32) -> Step {
    within(reader.next(credit)).await
}

/// Reads until `count` events have come; gives them and every other step.
pub async fn read(reader: &mut PartitionReader, count: usize) -> (Vec<Event>, Vec<Step>) {
    let (mut events, mut others) = (Vec::new(), Vec::new());
    while events.len() < count {
        let room = (count - events.len()) as u32;
        match next(reader, room.saturating_sub(reader.outstanding())).await {
            Step::Event(event) => events.push(event),
            step => others.push(step),
        }
    }
    (events, others)
}

/// Reads steps until one satisfies `wanted`, and gives it.
pub async fn read_until(reader: &mut PartitionReader, wanted: impl Fn(&Step) -> bool) -> Step {
    loop {
        let step = next(reader, 1).await;
        if wanted(&step) {
            return step;
        }
    }
}

pub fn numbers(events: &[Event]) -> Vec<i64> {
    events.iter().map(|event| event.sequence_number.0).collect()
}

pub fn append(emulator: &EventHubEmulator, partition: u32, count: usize) {
    for _ in 0..count {
        emulator.append(partition, b"{}".to_vec());
    }
}

/// Waits until the hub's counts satisfy `wanted`, also where a count changes without anything else happening.
pub async fn reached(emulator: &EventHubEmulator, wanted: impl Fn(&Statistics) -> bool) {
    let mut ticks = tokio::time::interval(Duration::from_millis(20));
    within(async {
        while !wanted(&emulator.statistics()) {
            ticks.tick().await;
        }
    })
    .await;
}
