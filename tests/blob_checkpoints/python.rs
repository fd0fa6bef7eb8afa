use std::collections::BTreeMap;
use std::path::Path;

use hub2siem::emulator::event_hub::{EventHubEmulator, Options, SharedAccessKey};

use crate::azurite::{Azurite, Container, installed};
use crate::bridge::{arrivals, configure, wait_for_arrivals};
use crate::harness::Bridge;
use crate::keda::{self, Partition};
use crate::packages::{python, run_script};

const PARTITIONS: u32 = 2;
const ITEM: &str = r#"{"type":"Microsoft.Security/assessments","id":"/subscriptions/5d1f0b5e-0000-4000-8000-000000000001/providers/Microsoft.Security/assessments/a","name":"a","properties":{"displayName":"Ports","status":{"code":"Unhealthy"}}}"#;

/// Scenario: the bridge and a consumer of Microsoft's Python packages take turns at one hub and one container, twice each.
/// Guarantees: each goes on with the event after the last one of the other; none is left out and none comes twice; KEDA
/// sees each turn's end as no lag.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn takes_turns_with_the_official_consumer() {
    let Some(installed) = installed("turns with the official consumer").await else {
        return;
    };
    let Some(python) = python("turns with the official consumer").await else {
        return;
    };
    let azurite = Azurite::start(&installed).await;
    let container = Container::new(&azurite, "checkpoints");
    let emulator = EventHubEmulator::start(Options {
        key: Some(SharedAccessKey {
            name: "policy".to_owned(),
            key: "c2VjcmV0".to_owned(),
        }),
        ..Options::new("defender", PARTITIONS)
    })
    .await
    .expect("it can listen");
    let hub = emulator.connection_string();
    let directory = tempfile::tempdir().expect("a temporary directory");
    let directory = directory.path();
    configure(directory, &hub, &azurite);

    let mut sent = 0;
    for turn in 0..2 {
        send(&emulator, 30);
        let before = seen(directory).len();
        let bridge = Bridge::start_file(directory, "bridge");
        wait_for_arrivals(directory, before + 30 * PARTITIONS as usize);
        bridge.process.stop();
        let ours = by_partition(&seen(directory)[before..]);
        assert_eq!(ours, expected(sent..sent + 30), "our turn {turn}");
        sent += 30;
        assert_no_lag(&container, &emulator, sent).await;

        send(&emulator, 10);
        let count = (10 * PARTITIONS).to_string();
        let arguments = [&hub, &azurite.connection_string(), "checkpoints", &count];
        let output = run_script(&python, "blob_checkpoints.py", &arguments).await;
        let output = output.expect("the consumer works");
        let theirs: BTreeMap<String, Vec<i64>> = serde_json::from_str(&output).expect("it prints JSON");
        assert_eq!(theirs, expected(sent..sent + 10), "their turn {turn}");
        sent += 10;
        assert_no_lag(&container, &emulator, sent).await;
    }
    emulator.shutdown().await;
}

fn send(emulator: &EventHubEmulator, events: u32) {
    for partition in 0..PARTITIONS {
        for _ in 0..events {
            emulator.append(partition, ITEM.as_bytes().to_vec());
        }
    }
}

fn seen(directory: &Path) -> Vec<(String, i64)> {
    arrivals(&directory.join("out.jsonl"))
}

fn by_partition(arrivals: &[(String, i64)]) -> BTreeMap<String, Vec<i64>> {
    let mut numbers = BTreeMap::<String, Vec<i64>>::new();
    for (partition, number) in arrivals {
        numbers.entry(partition.clone()).or_default().push(*number);
    }
    numbers
}

fn expected(numbers: std::ops::Range<i64>) -> BTreeMap<String, Vec<i64>> {
    let partitions = (0..PARTITIONS).map(|partition| partition.to_string());
    partitions
        .map(|partition| (partition, numbers.clone().collect()))
        .collect()
}

async fn assert_no_lag(container: &Container, emulator: &EventHubEmulator, sent: i64) {
    let blobs = container.list().await;
    let namespace = emulator.address().to_string();
    for partition in ["0", "1"] {
        let partition = Partition {
            id: partition,
            first: 0,
            last: sent - 1,
        };
        let lag = keda::lag(&blobs, &namespace, "defender", "$Default", &partition);
        assert_eq!(lag, Ok(0), "{blobs:?}");
    }
}
