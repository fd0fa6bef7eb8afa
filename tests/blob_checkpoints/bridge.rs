use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde_json::Value;

use crate::azurite::{Azurite, Container, installed};
use crate::harness::{Bridge, Hub, LATER, Process, wait_for};

const PARTITIONS: i64 = 4;
const EVENTS: i64 = 5000;
const KILLS: usize = 3;
const CONTAINER: &str = "checkpoints";

/// Scenario: a bridge with the blob store reads a full hub into a file; it is killed three times, each time after positions
/// moved, and at last stopped.
/// Guarantees: every event arrives; none at or below a stored position is sent again; at the end the container has the
/// position of the last event of each partition.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn kills_lose_nothing() {
    let Some(installed) = installed("a bridge with the blob store").await else {
        return;
    };
    let azurite = Azurite::start(&installed).await;
    let container = Container::new(&azurite, CONTAINER);
    let directory = tempfile::tempdir().expect("a temporary directory");
    let directory = directory.path();
    let hub = full_hub(directory);
    configure(directory, &hub.connection_string, &azurite);
    let mut before: BTreeMap<String, i64> = BTreeMap::new();
    let mut lines = 0;
    for kill in 0..=KILLS {
        let bridge = Bridge::start_file(directory, "bridge");
        let is_last = kill == KILLS;
        let deadline = std::time::Instant::now() + LATER;
        let stored = loop {
            let stored = positions(&container).await;
            let sum: i64 = stored.values().map(|number| number + 1).sum();
            let is_done = sum == PARTITIONS * EVENTS;
            if is_done || (!is_last && stored != before && sum > 0) {
                break stored;
            }
            assert!(
                std::time::Instant::now() < deadline,
                "positions do not move: {stored:?}"
            );
            tokio::time::sleep(Duration::from_millis(20)).await;
        };
        if is_last {
            bridge.process.stop();
        } else {
            bridge.process.kill();
        }
        let arrived = arrivals(&directory.join("out.jsonl"));
        for (partition, number) in &arrived[lines..] {
            let stored = before.get(partition).copied().unwrap_or(-1);
            assert!(
                *number > stored,
                "event {number} of {partition} again, after {stored}"
            );
        }
        lines = arrived.len();
        // What was stored between our look and the end of the process is further only.
        before = stored;
    }
    let mut distinct = arrivals(&directory.join("out.jsonl"));
    distinct.sort();
    distinct.dedup();
    assert_eq!(distinct.len() as i64, PARTITIONS * EVENTS);
    let positions = positions(&container).await;
    assert_eq!(positions.len() as i64, PARTITIONS);
    assert!(
        positions.values().all(|number| *number == EVENTS - 1),
        "{positions:?}"
    );
}

/// Scenario: a bridge is started while a checkpoint says nothing, and while the store is away. Guarantees: it ends with the
/// exit code of state, of a peer; and says which blob it was and what to do.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_start_without_positions_is_refused() {
    let Some(installed) = installed("a start without the blob store").await else {
        return;
    };
    let mut azurite = Azurite::start(&installed).await;
    let directory = tempfile::tempdir().expect("a temporary directory");
    let directory = directory.path();
    let hub = "Endpoint=sb://127.0.0.1:9;SharedAccessKeyName=k;SharedAccessKey=a;UseDevelopmentEmulator=true";
    let path = configure(directory, hub, &azurite);
    let path = path.to_str().expect("temporary paths are UTF-8");
    let container = Container::new(&azurite, CONTAINER);
    container.create().await;
    let lost = "127.0.0.1:9/defender/$default/checkpoint/0";
    container.put(lost, &[("note", "lost")]).await;
    let invalid = format!("`{lost}` is no checkpoint");
    for (is_away, code, said) in [
        (false, 74, &*invalid),
        (true, 69, "the blob store cannot be reached"),
    ] {
        if is_away {
            azurite.stop().await;
        }
        let mut process = Process::start(directory, "bridge", &["run", "--config", path], &[]);
        let status = process.wait(LATER);
        let text = process.log_text();
        assert_eq!(status.code(), Some(code), "{text}");
        assert!(text.contains(said) && text.contains("hint: "), "{text}");
    }
}

/// The numbers in the checkpoints of the container, by partition.
async fn positions(container: &Container) -> BTreeMap<String, i64> {
    if !container.exists().await {
        return BTreeMap::new();
    }
    let blobs = container.list().await.into_iter();
    blobs
        .filter_map(|blob| {
            let (_, partition) = blob.name.split_once("/checkpoint/")?;
            let number = blob.metadata["sequencenumber"].parse().expect("it is a number");
            Some((partition.to_owned(), number))
        })
        .collect()
}

/// Partition and number of every whole line.
pub fn arrivals(path: &Path) -> Vec<(String, i64)> {
    let text = fs::read_to_string(path).unwrap_or_default();
    let whole = text.rfind('\n').map_or("", |end| &text[..end]);
    let records = whole.lines().filter(|line| !line.is_empty());
    records
        .filter_map(|line| {
            // A kill tears the line it meets; the record comes again.
            let record: Value = serde_json::from_str(line).ok()?;
            let partition = record["hub"]["partition"].as_str()?.to_owned();
            Some((partition, record["hub"]["sequence_number"].as_i64()?))
        })
        .collect()
}

fn full_hub(directory: &Path) -> Hub {
    let item = r#"{"type":"Microsoft.Security/assessments","id":"/subscriptions/5d1f0b5e-0000-4000-8000-000000000001/providers/Microsoft.Security/assessments/a","name":"a","properties":{"displayName":"Ports","status":{"code":"Unhealthy"}}}"#;
    let path = directory.join("items.jsonl");
    fs::write(&path, format!("{item}\n")).expect("the directory is writable");
    let (partitions, repeat) = (PARTITIONS.to_string(), (PARTITIONS * EVENTS).to_string());
    let path = path.to_str().expect("temporary paths are UTF-8");
    Hub::start(
        directory,
        &["--partitions", &partitions, "--events", path, "--repeat", &repeat],
    )
}

/// Writes `bridge.yaml`: the hub, the store, and a file `out.jsonl`.
pub fn configure(directory: &Path, connection_string: &str, azurite: &Azurite) -> PathBuf {
    let write = |name: &str, text: &str| {
        let path = directory.join(name);
        fs::write(&path, text).expect("the directory is writable");
        path
    };
    let (hub, account) = (
        write("hub-connection", connection_string),
        write("account-connection", &azurite.connection_string()),
    );
    let folder = directory.display();
    write(
        "bridge.yaml",
        &format!(
            "event_hub: {{ connection_string: {{ file: {hub:?} }}, name: defender }}
checkpoint:
  blob: {{ connection_string: {{ file: {account:?} }}, container: {CONTAINER} }}
state: {{ directory: {folder}/state }}
dead_letter: {{ file: {{ directory: {folder}/dead-letters }} }}
window: {{ events: 1000 }}
http: {{ listen: \"127.0.0.1:0\" }}
log: {{ format: json }}
targets:
  all: {{ file: {{ path: {folder}/out.jsonl }}, mapping: native }}
"
        ),
    )
}

/// Waits until the file has this many different events.
pub fn wait_for_arrivals(directory: &Path, count: usize) {
    wait_for("events in the file", LATER, || {
        let mut arrived = arrivals(&directory.join("out.jsonl"));
        arrived.sort();
        arrived.dedup();
        (arrived.len() >= count).then_some(())
    });
}
