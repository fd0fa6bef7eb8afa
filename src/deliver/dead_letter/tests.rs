//! The writer on real files.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use tokio_util::sync::CancellationToken;

use super::{Content, DeadLetter, DeadLetters, Found, Health, Writer, config, entries};
use crate::config::ByteSize;
use crate::event::{EventId, Hub, Kind, Offset, PartitionId, RejectReason, SequenceNumber, Timestamp};
use crate::telemetry::Metrics;

/// A letter of invented content.
pub(super) fn letter(sequence_number: i64) -> DeadLetter {
    let hub = Hub {
        namespace: "contoso.servicebus.windows.net".into(),
        name: "defender".into(),
    };
    let partition = PartitionId::new("3");
    let enqueued_time = Timestamp::from_millis(1_700_000_000_123);
    let sequence_number = SequenceNumber(sequence_number);
    DeadLetter {
        event_id: Some(EventId::new(&hub, &partition, sequence_number, enqueued_time, 2)),
        hub,
        consumer_group: "$Default".into(),
        partition,
        sequence_number,
        offset: Some(Offset::new("4:5:6")),
        enqueued_time: Some(enqueued_time),
        record_index: 2,
        kind: Kind::Alert,
        key: Some("key-1".into()),
        target: Some("soc".into()),
        stage: "deliver",
        reason: RejectReason::Refused,
        detail: "Invalid data format".into(),
        mapping_revision: Some("ecs/alert@1".into()),
        content: Content::Body(Bytes::from_static(b"{\"a\":1}")),
    }
}

struct Bridge {
    letters: DeadLetters,
    metrics: Arc<Metrics>,
    health: Arc<Health>,
    writer: tokio::task::JoinHandle<()>,
}

fn start(directory: &Path, limit: u64) -> Bridge {
    let settings = config::File {
        directory: directory.to_owned(),
        limit: ByteSize(limit),
        age: crate::config::Duration::from_secs(86_400),
    };
    let metrics = Arc::new(Metrics::new());
    let health = Arc::new(Health::default());
    let writer = Writer::open(&settings, Arc::clone(&metrics), Arc::clone(&health))
        .expect("the directory can be opened");
    let (letters, requests) = DeadLetters::channel();
    let writer = tokio::spawn(writer.run(requests, CancellationToken::new()));
    Bridge {
        letters,
        metrics,
        health,
        writer,
    }
}

fn sequence_numbers(directory: &Path) -> Vec<i64> {
    let mut numbers = Vec::new();
    entries::read(directory, &mut |found| {
        match found {
            Found::Entry(entry) => numbers.push(entry.letter.sequence_number),
            // Being written just now.
            Found::Torn(_) => {}
            Found::Damaged(damaged) => panic!("{damaged:?}"),
        }
        true
    })
    .expect("the directory can be read");
    numbers.sort();
    numbers
}

/// Scenario: many callers write at once, then the bridge stops.
/// Guarantees: each letter is on disk before its answer, once, and is counted.
#[tokio::test]
async fn an_answer_means_on_disk() {
    let directory = tempfile::tempdir().expect("a temporary directory can be made");
    let bridge = start(directory.path(), 1 << 20);
    let calls = (0..100).map(|number| {
        let (letters, path) = (bridge.letters.clone(), directory.path());
        async move {
            letters
                .write(vec![letter(number)])
                .await
                .expect("the writer runs");
            assert!(sequence_numbers(path).contains(&number));
        }
    });
    futures_util::future::join_all(calls).await;
    drop(bridge.letters);
    bridge.writer.await.expect("the writer ends by itself");
    assert_eq!(sequence_numbers(directory.path()), (0..100).collect::<Vec<_>>());
    let counted = bridge
        .metrics
        .dead_letter_records_total
        .with_label_values(&["soc", "refused"])
        .get();
    assert_eq!(counted, 100);
    assert!(bridge.metrics.dead_letter_bytes.get() > 0);
}

/// Scenario: the limit is reached, and later an operator moves the old files away.
/// Guarantees: no answer and a readable reason while it is reached; the waiting letter is written once there is room.
#[tokio::test]
async fn the_limit_holds_the_answer_back() {
    let directory = tempfile::tempdir().expect("a temporary directory can be made");
    let full = directory.path().join("20010101T000000000.letters");
    std::fs::write(&full, vec![b'\n'; 4_000]).expect("it can be written");
    let bridge = start(directory.path(), 4_100);
    let letters = bridge.letters.clone();
    let mut call = tokio::spawn(async move { letters.write(vec![letter(1)]).await });
    let blocked = async {
        while bridge.health.blocked().is_none() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(60), blocked)
        .await
        .expect("the limit is noticed");
    assert!(
        bridge
            .health
            .blocked()
            .is_some_and(|detail| detail.contains("limit of 4100B"))
    );
    assert!(!call.is_finished(), "no answer before the letter is on disk");
    std::fs::remove_file(&full).expect("it can be removed");
    let answer = tokio::time::timeout(Duration::from_secs(60), &mut call)
        .await
        .expect("room was made");
    answer.expect("the call ends").expect("the writer runs");
    assert_eq!(sequence_numbers(directory.path()), [1]);
    assert_eq!(bridge.health.blocked(), None);
}

/// Scenario: a crash left half an entry at the end of the newest segment, with letters before it.
/// Guarantees: after the next start nothing is added there and nothing cut off; every letter is read.
#[tokio::test]
async fn a_torn_end_hides_nothing() {
    let directory = tempfile::tempdir().expect("a temporary directory can be made");
    for number in [1, 2] {
        let bridge = start(directory.path(), 1 << 20);
        bridge
            .letters
            .write(vec![letter(number)])
            .await
            .expect("the writer runs");
        drop(bridge.letters);
        bridge.writer.await.expect("the writer ends by itself");
    }
    let names = entries::file_names(directory.path()).expect("it can be listed");
    let newest = directory.path().join(names.last().expect("there are two"));
    let mut torn = std::fs::read(&newest).expect("it can be read");
    torn.extend_from_slice(&torn.clone()[..torn.len() / 2]);
    std::fs::write(&newest, &torn).expect("it can be written");
    let bridge = start(directory.path(), 1 << 20);
    bridge
        .letters
        .write(vec![letter(3), letter(4)])
        .await
        .expect("the writer runs");
    assert_eq!(sequence_numbers(directory.path()), [1, 2, 3, 4]);
    assert_eq!(std::fs::read(&newest).expect("it can be read"), torn);
}
