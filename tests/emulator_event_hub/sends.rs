//! Sends to the hub.

use fe2o3_amqp::Sendable;
use fe2o3_amqp::types::messaging::{Batch, Data, Message, MessageAnnotations};
use fe2o3_amqp::types::primitives::Binary;
use hub2siem::event::SequenceNumber;
use serde_amqp::Value;

use crate::client::{Attach, Client, HUB, take, within};
use crate::hub;

const EARLIEST: &str = "amqp.annotation.x-opt-offset > '-1'";
const BATCH_FORMAT: u32 = 0x8001_3700;

fn keyed(key: &str, text: &str) -> Message<Data> {
    let annotations = MessageAnnotations::builder()
        .insert("x-opt-partition-key", Value::String(key.to_owned()))
        .build();
    Message::builder()
        .message_annotations(annotations)
        .data(Binary::from(text.as_bytes()))
        .build()
}

/// Scenario: single events to the hub, to a partition, and with a partition key.
/// Guarantees: the hub spreads them in turn, a partition gets its own, equal keys share a partition and keep the key.
#[tokio::test]
async fn single_events_go_where_they_should() {
    let emulator = hub(2, 0).await;
    let mut client = Client::connect(emulator.address()).await.unwrap();
    let mut to_hub = client.sender(HUB).await;
    for text in ["a", "b", "c", "d"] {
        let data = Data(Binary::from(text.as_bytes()));
        within(to_hub.send(Message::from(data))).await.unwrap();
    }
    assert_eq!(emulator.last_sequence_number(0), SequenceNumber(1));
    assert_eq!(emulator.last_sequence_number(1), SequenceNumber(1));
    let mut to_partition = client
        .sender(&format!("amqp://127.0.0.1/{HUB}/Partitions/1"))
        .await;
    within(to_partition.send(Message::from(Data(Binary::from("own")))))
        .await
        .unwrap();
    assert_eq!(emulator.last_sequence_number(1), SequenceNumber(2));
    for text in ["k1", "k2"] {
        within(to_hub.send(keyed("same", text))).await.unwrap();
    }
    let mut events = Vec::new();
    for partition in [0, 1] {
        let id = partition.to_string();
        let mut receiver = client.attach(Attach::at(&id, EARLIEST)).await.unwrap();
        let count = emulator.last_sequence_number(partition).0 + 1;
        events.push(take(&mut receiver, count as usize).await);
        within(receiver.close()).await.unwrap();
    }
    let keyed_bodies = |events: &[crate::client::Event]| {
        events
            .iter()
            .filter(|event| event.partition_key.as_deref() == Some("same"))
            .map(|event| event.body.clone())
            .collect::<Vec<_>>()
    };
    let found = [keyed_bodies(&events[0]), keyed_bodies(&events[1])].concat();
    assert_eq!(found, ["k1", "k2"]);
    assert!(keyed_bodies(&events[0]).is_empty() || keyed_bodies(&events[1]).is_empty());
    assert_eq!(emulator.statistics().events_received, 7);
    within(to_hub.close()).await.unwrap();
    within(to_partition.close()).await.unwrap();
    emulator.shutdown().await;
}

/// A whole message with one data section.
fn encoded(text: &str) -> Vec<u8> {
    let mut bytes = vec![0x00, 0x53, 0x75, 0xb0];
    bytes.extend(u32::try_from(text.len()).unwrap().to_be_bytes());
    bytes.extend(text.as_bytes());
    bytes
}

/// Scenario: a batch of three events in one delivery, larger than a frame.
/// Guarantees: three events arrive in order in one partition.
#[tokio::test]
async fn batch_becomes_its_events() {
    let emulator = hub(2, 0).await;
    let mut client = Client::connect(emulator.address()).await.unwrap();
    let bodies = ["x".repeat(100_000), "second".to_owned(), "third".to_owned()];
    let inner: Vec<Data> = bodies
        .iter()
        .map(|text| Data(Binary::from(encoded(text))))
        .collect();
    let batch = Message::builder().data_batch(Batch::new(inner)).build();
    let sendable = Sendable::builder()
        .message(batch)
        .message_format(BATCH_FORMAT)
        .build();
    let mut sender = client.sender(HUB).await;
    within(sender.send(sendable)).await.unwrap();
    let mut receiver = client.attach(Attach::at("0", EARLIEST)).await.unwrap();
    let received: Vec<String> = take(&mut receiver, 3)
        .await
        .into_iter()
        .map(|event| event.body)
        .collect();
    assert_eq!(received, bodies);
    within(sender.close()).await.unwrap();
    within(receiver.close()).await.unwrap();
    emulator.shutdown().await;
}

/// Scenario: an event larger than the hub takes.
/// Guarantees: the sender learns it, nothing is stored.
#[tokio::test]
async fn too_large_event_is_refused() {
    let emulator = hub(1, 0).await;
    let mut client = Client::connect(emulator.address()).await.unwrap();
    let mut sender = client.sender(HUB).await;
    let data = Data(Binary::from(vec![0; 1_100_000]));
    assert!(within(sender.send(Message::from(data))).await.is_err());
    assert_eq!(emulator.last_sequence_number(0), SequenceNumber(-1));
    emulator.shutdown().await;
}
