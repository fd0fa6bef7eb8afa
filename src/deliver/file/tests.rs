//! The target on real files.

use std::num::NonZeroU32;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use super::config::{Rotate, Settings};
use super::{check, run};
use crate::acknowledge::{InFlight, Window};
use crate::config::ByteSize;
use crate::deliver::{Context, DeadLetters};
use crate::event::rendered::About;
use crate::event::{Event, EventId, Hub, Kind, Offset, PartitionId, Rendered, SequenceNumber, Timestamp};
use crate::telemetry::{BlockReason, Metrics, TargetHealth};

/// A target under test, fed by hand.
struct Target {
    context: Context,
    in_flight: Arc<InFlight>,
    records: mpsc::Sender<Rendered>,
    worker: tokio::task::JoinHandle<()>,
}

impl Target {
    fn start(settings: Settings) -> Self {
        let metrics = Arc::new(Metrics::new());
        let context = Context {
            target: "everything".into(),
            hub: Hub {
                namespace: "contoso.servicebus.windows.net".into(),
                name: "defender".into(),
            },
            consumer_group: "$Default".into(),
            dead_letters: DeadLetters::channel().0,
            health: Arc::new(TargetHealth::new("everything", &metrics)),
            metrics,
            abandon: CancellationToken::new(),
        };
        let (records, receiver) = mpsc::channel(10_000);
        let worker = tokio::spawn(run(settings, receiver, context.clone()));
        Self {
            context,
            in_flight: InFlight::new(PartitionId::new("0"), 0, Window::new(100_000, 1 << 30)),
            records,
            worker,
        }
    }

    async fn send(&self, number: i64, text: String) {
        let event = Event {
            partition: PartitionId::new("0"),
            sequence_number: SequenceNumber(number),
            offset: Offset::new(number.to_string()),
            enqueued_time: Timestamp::from_millis(0),
            body: Bytes::new(),
            last_enqueued: None,
        };
        let in_flight = self.in_flight.begin(&event);
        let about = About {
            kind: Kind::Alert,
            index: 0,
            event_id: EventId::new(
                &self.context.hub,
                &event.partition,
                event.sequence_number,
                event.enqueued_time,
                0,
            ),
            key: None,
            time: event.enqueued_time,
            is_snapshot: false,
            mapping_revision: None,
            details: None,
        };
        let record = Rendered {
            held: self.in_flight.window().hold(text.len()),
            bytes: text.into(),
            about,
            original: None,
            ticket: in_flight.ticket(),
        };
        in_flight.close();
        self.records.send(record).await.expect("the worker runs");
    }

    /// Ends the channel and waits for the worker; gives back how many events are not settled.
    async fn stop(self) -> usize {
        drop(self.records);
        tokio::time::timeout(Duration::from_secs(60), self.worker)
            .await
            .expect("the worker ends")
            .expect("the worker does not panic");
        assert_eq!(self.in_flight.window().bytes(), 0);
        self.in_flight.len()
    }
}

fn settings(path: &Path) -> Settings {
    Settings {
        path: path.to_owned(),
        rotate: None,
    }
}

fn line(number: i64) -> String {
    format!(r#"{{"number":{number}}}"#)
}

fn read(path: &Path) -> Vec<String> {
    let text = std::fs::read_to_string(path).expect("the file can be read");
    assert!(text.is_empty() || text.ends_with('\n'), "every line is whole");
    text.lines().map(str::to_owned).collect()
}

async fn wait_for(condition: impl Fn() -> bool) {
    let wait = async {
        while !condition() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(60), wait)
        .await
        .expect("the state is reached");
}

/// Scenario: records arrive while a torn line of the last run ends the file; then the bridge stops.
/// Guarantees: the torn line is gone, every record is there once, in order, and settled; the metrics agree.
#[tokio::test]
async fn writes_every_record_once() {
    let directory = tempfile::tempdir().expect("a temporary directory can be made");
    let path = directory.path().join("new/all.jsonl");
    std::fs::create_dir(directory.path().join("new")).expect("it can be made");
    std::fs::write(&path, "{\"number\":0}\n{\"num").expect("it can be written");
    let target = Target::start(settings(&path));
    for number in 1..=5_000 {
        target.send(number, line(number)).await;
    }
    let metrics = Arc::clone(&target.context.metrics);
    assert_eq!(target.stop().await, 0);
    assert_eq!(read(&path), (0..=5_000).map(line).collect::<Vec<_>>());
    let delivered = metrics
        .deliver_records_total
        .with_label_values(&["everything", "delivered"]);
    assert_eq!(delivered.get(), 5_000);
    let batches = metrics
        .deliver_batches_total
        .with_label_values(&["everything"])
        .get();
    assert!(
        (5..5_000).contains(&batches),
        "{batches} batches: records share an fsync"
    );
}

/// Scenario: files are rotated all the time, and only some are kept.
/// Guarantees: no file is larger than allowed, the number of old ones is right, and the kept lines are the newest,
/// in order, without a gap.
#[tokio::test]
async fn rotates_by_size() {
    let directory = tempfile::tempdir().expect("a temporary directory can be made");
    let path = directory.path().join("all.jsonl");
    let target = Target::start(Settings {
        path: path.clone(),
        rotate: Some(Rotate {
            bytes: ByteSize(200),
            keep: NonZeroU32::new(3).expect("it is not zero"),
        }),
    });
    for number in 1..=300 {
        target.send(number, line(number)).await;
    }
    assert_eq!(target.stop().await, 0);
    let mut lines = Vec::new();
    for suffix in [".3", ".2", ".1", ""] {
        let part = directory.path().join(format!("all.jsonl{suffix}"));
        assert!(part.metadata().expect("it is there").len() <= 200);
        lines.extend(read(&part));
    }
    let files = std::fs::read_dir(directory.path())
        .expect("it can be read")
        .count();
    assert_eq!(files, 4);
    let first = 301 - lines.len() as i64;
    assert_eq!(lines, (first..=300).map(line).collect::<Vec<_>>());
}

/// Scenario: the device is full and stays so; the grace period ends.
/// Guarantees: the target is blocked for its storage, nothing settles, and the worker returns when abandoned.
#[tokio::test]
async fn a_full_device_blocks_and_settles_nothing() {
    let target = Target::start(settings(Path::new("/dev/full")));
    target.send(1, line(1)).await;
    let health = Arc::clone(&target.context.health);
    wait_for(|| health.blocked().is_some()).await;
    let blocked = health.blocked().expect("it is blocked");
    assert_eq!(blocked.reason, BlockReason::Storage);
    assert!(blocked.detail.contains("No space left"), "{}", blocked.detail);
    target.context.abandon.cancel();
    assert_eq!(target.stop().await, 1);
}

/// Scenario: the directory cannot be made, because a file is in the way; later it is removed.
/// Guarantees: the target heals by itself and writes what waited, once.
#[tokio::test]
async fn heals_when_the_path_can_be_written() {
    let directory = tempfile::tempdir().expect("a temporary directory can be made");
    let obstacle = directory.path().join("out");
    std::fs::write(&obstacle, "in the way").expect("it can be written");
    let path = obstacle.join("all.jsonl");
    let target = Target::start(settings(&path));
    let health = Arc::clone(&target.context.health);
    wait_for(|| health.blocked().is_some()).await;
    for number in 1..=3 {
        target.send(number, line(number)).await;
    }
    let metrics = Arc::clone(&target.context.metrics);
    let retries = metrics
        .deliver_retries_total
        .with_label_values(&["everything", "storage"]);
    wait_for(|| retries.get() > 0).await;
    std::fs::remove_file(&obstacle).expect("it can be removed");
    assert_eq!(target.stop().await, 0);
    assert_eq!(health.blocked(), None);
    assert_eq!(read(&path), (1..=3).map(line).collect::<Vec<_>>());
}

#[tokio::test]
async fn a_stop_without_records_ends_although_nothing_can_be_written() {
    let target = Target::start(settings(Path::new("/proc/none/all.jsonl")));
    assert_eq!(target.stop().await, 0);
}

#[test]
fn the_check_changes_nothing() {
    let directory = tempfile::tempdir().expect("a temporary directory can be made");
    let path = directory.path().join("deep/all.jsonl");
    check(&settings(&path)).expect("the directory above can be written");
    assert!(!directory.path().join("deep").exists());
    check(&settings(Path::new("-"))).expect("standard output is always there");
    check(&settings(directory.path())).expect_err("a directory is no file");
    check(&settings(Path::new("/proc/none/all.jsonl"))).expect_err("nothing can be made there");
}
