//! The official Python client sends to the emulated hub and receives from it.
//!
//! It is the strictest reader of AMQP among the official clients: it reads the fields of a frame by fixed position.

#[path = "support/python.rs"]
mod packages;

use hub2siem::emulator::event_hub::{EventHubEmulator, Options, SharedAccessKey};
use packages::{python, run_script};
use serde_json::Value;

/// Scenario: the client sends batches to the hub, to a partition and with a partition key, and single events; then it
/// receives from the earliest, after a sequence number, from an offset, after a time, and from the latest, with and
/// without owner level, with a key that the hub checks.
/// Guarantees: every event arrives once, in order, with its body, key and properties; positions mean what they say.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn python_client_sends_and_receives() {
    sends_and_receives(false).await;
}

/// Scenario: the same over WebSocket, on the same port.
/// Guarantees: the same.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn python_client_sends_and_receives_over_websocket() {
    sends_and_receives(true).await;
}

async fn sends_and_receives(is_websocket: bool) {
    let Some(python) = python("the emulated hub with the official client").await else {
        return;
    };
    let emulator = EventHubEmulator::start(Options {
        key: Some(SharedAccessKey {
            name: "policy".to_owned(),
            key: "c2VjcmV0".to_owned(),
        }),
        ..Options::new("defender", 2)
    })
    .await
    .unwrap();
    let connection_string = emulator.connection_string();
    let websocket = format!("sb://{}", emulator.address());
    let mut arguments = vec![&*connection_string];
    if is_websocket {
        arguments.push(&websocket);
    }
    let output = run_script(&python, "event_hub_client.py", &arguments)
        .await
        .unwrap();
    let seen: Value = serde_json::from_str(&output).unwrap();

    assert_eq!(seen["hub"]["name"], "defender");
    assert_eq!(seen["hub"]["partition_ids"], serde_json::json!(["0", "1"]));
    assert_eq!(seen["hub"]["empty"], true);
    assert_eq!(seen["hub"]["last_sequence_number"], -1);
    // 2 to the hub, 3 to partition 0, 2 with a key, 2 to partition 1.
    let sent: Vec<i64> = serde_json::from_value(seen["hub"]["sent"].clone()).unwrap();
    assert_eq!(sent.iter().sum::<i64>(), 9);

    let earliest = seen["earliest"].as_array().unwrap();
    assert_in_order(earliest, 0, sent[0]);
    assert_eq!(
        bodies(earliest)[..5],
        ["hub-1", "hub-2", "zero-1", "zero-2", "zero-3"]
    );
    assert_eq!(earliest[0]["properties"].as_array().unwrap().len(), 1);
    assert_eq!(earliest[0]["last_enqueued"], sent[0] - 1);

    assert_in_order(
        seen["after_sequence_number"].as_array().unwrap(),
        sent[0] - 1,
        sent[0],
    );
    assert_in_order(seen["from_offset"].as_array().unwrap(), sent[0] - 2, sent[0]);
    assert_in_order(seen["after_time"].as_array().unwrap(), 0, sent[0]);

    let owned = seen["owner_level"].as_array().unwrap();
    assert_in_order(owned, 0, sent[1]);
    assert_eq!(bodies(owned)[owned.len() - 2..], ["single", "200000"]);

    let keyed: Vec<&Value> = earliest
        .iter()
        .chain(owned)
        .filter(|event| event["partition_key"] == "a key")
        .collect();
    assert_eq!(keyed.len(), 2);

    let latest = seen["latest"].as_array().unwrap();
    assert!(!latest.is_empty());
    assert!(bodies(latest).iter().all(|body| body.starts_with("late-")));
    emulator.shutdown().await;
}

fn assert_in_order(events: &[Value], first: i64, end: i64) {
    let numbers: Vec<i64> = events
        .iter()
        .map(|event| event["sequence_number"].as_i64().unwrap())
        .collect();
    assert_eq!(numbers, (first..end).collect::<Vec<_>>());
}

fn bodies(events: &[Value]) -> Vec<String> {
    events
        .iter()
        .map(|event| match &event["body"] {
            Value::String(text) => text.clone(),
            other => other.to_string(),
        })
        .collect()
}
