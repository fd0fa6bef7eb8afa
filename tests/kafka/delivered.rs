//! What a reader finds in the topics of a real broker.

use std::collections::BTreeMap;

use hub2siem::event::{Details, Kind};

use super::bench::{NUMBER, QUICK, all, all_settled, keeping, numbers, send_keyed, settings, start_with};
use super::kafka_broker::{Broker, Isolation, jars};
use super::stage::Account;

/// Scenario: records with every compression, over three partitions, by five keys; then a record of a deleted item with
/// `tombstones`.
/// Guarantees: values, keys, times and headers arrive as documented; records of a key share a partition and stay in order.
#[tokio::test(flavor = "multi_thread")]
async fn every_compression_arrives_whole() {
    let Some(jars) = jars("what readers find").await else {
        return;
    };
    let broker = Broker::start(&jars, &keeping()).await;
    for compression in ["none", "gzip", "snappy", "lz4", "zstd"] {
        let topic = format!("mdc.{compression}");
        broker.create_topic(&topic, 3, &[]).await;
        let lines = format!(
            "topic: {topic}\nkey: subscription\ncompression: {compression}\nlibrdkafka: {{ {QUICK} }}"
        );
        let mut stage = start_with(settings(&[broker.address()], &lines));
        send_keyed(&mut stage, 100, 5).await;
        all_settled(&stage).await;
        let messages = broker.read(&topic, Isolation::Committed).await;
        let mut places: BTreeMap<&str, (i32, i64)> = BTreeMap::new();
        for message in &messages {
            let number: i64 = message.header(NUMBER).parse().expect("it is a number");
            let key = message.key.as_deref().expect("each has a key");
            assert_eq!(key, format!("s{}", number % 5));
            let (partition, before) = places
                .insert(key, (message.partition, number))
                .unwrap_or((message.partition, -1));
            assert!(partition == message.partition && before < number, "{key}");
            assert_eq!(
                message.value.as_deref(),
                Some(&*format!("{{\"number\":{number}}}"))
            );
            assert_eq!(message.timestamp, Some(1_722_937_225_045 + number));
            assert_eq!(message.header("event_id"), stage.event_id(number).to_string());
            assert_eq!(message.header("hub"), "contoso.servicebus.windows.net/defender");
            assert_eq!(message.header("content-type"), "application/json");
        }
        let mut seen = numbers(messages.iter().map(|message| message.header(NUMBER)));
        seen.sort_unstable();
        assert_eq!(seen, all(100), "{compression}");
        assert_eq!(stage.close().await, Account::delivered(100));
    }
}

/// Scenario: an item changes and is deleted, with `tombstones`.
/// Guarantees: the last message has the key and no value, and still says in its headers what it is about.
#[tokio::test(flavor = "multi_thread")]
async fn a_deleted_item_leaves_a_tombstone() {
    let Some(jars) = jars("tombstones").await else {
        return;
    };
    let broker = Broker::start(&jars, &keeping()).await;
    broker
        .create_topic("mdc", 1, &[("cleanup.policy", "compact")])
        .await;
    let lines = format!("topic: mdc\ntombstones: true\nlibrdkafka: {{ {QUICK} }}");
    let mut stage = start_with(settings(&[broker.address()], &lines));
    for action in ["Insert", "Delete"] {
        let details = Details {
            action: Some(action.into()),
            ..Details::default()
        };
        stage
            .send_bytes(Kind::Assessment, "{}".into(), Some(details))
            .await;
    }
    all_settled(&stage).await;
    let messages = broker.read("mdc", Isolation::Committed).await;
    let values: Vec<_> = messages.iter().map(|message| message.value.as_deref()).collect();
    assert_eq!(values, [Some("{}"), None]);
    assert_eq!(messages[1].header("action"), "Delete");
    assert_eq!(stage.close().await, Account::delivered(2));
}
