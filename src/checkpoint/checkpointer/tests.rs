//! The checkpointer with a paused clock and a store in memory.

use bytes::Bytes;
use prometheus::core::Collector;

use super::*;
use crate::acknowledge::{Mark, Window};
use crate::checkpoint::MemoryStore;
use crate::event::{Event, Offset, SequenceNumber};

struct Group {
    store: MemoryStore,
    checkpointer: Arc<Checkpointer>,
    metrics: Arc<Metrics>,
    stop: CancellationToken,
    task: tokio::task::JoinHandle<Result<(), Error>>,
}

fn start() -> Group {
    start_with(|checkpointer| checkpointer)
}

fn start_with(change: impl FnOnce(Checkpointer) -> Checkpointer) -> Group {
    let store = MemoryStore::default();
    let metrics = Arc::new(Metrics::new());
    let checkpointer = Checkpointer::new(
        Store::Memory(store.clone()),
        "$Default".into(),
        Arc::clone(&metrics),
    );
    let checkpointer = Arc::new(change(checkpointer));
    let stop = CancellationToken::new();
    let task = tokio::spawn({
        let (checkpointer, stop) = (Arc::clone(&checkpointer), stop.clone());
        async move { checkpointer.run(stop).await }
    });
    Group {
        store,
        checkpointer,
        metrics,
        stop,
        task,
    }
}

impl Group {
    fn register(&self, partition: &str, generation: u64) -> Arc<InFlight> {
        let in_flight = InFlight::new(
            PartitionId::new(partition),
            generation,
            Window::new(100_000, 1 << 20),
        );
        self.checkpointer
            .register(Arc::clone(&in_flight), Some(Timestamp::from_millis(1)));
        in_flight
    }

    fn stored(&self, partition: &str) -> Option<i64> {
        let checkpoint = self.store.load(&PartitionId::new(partition))?;
        Some(checkpoint.sequence_number.0)
    }

    async fn stop(self) -> Result<(), Error> {
        self.stop.cancel();
        self.task.await.expect("the task does not panic")
    }
}

fn event(number: i64) -> Event {
    Event {
        partition: PartitionId::new("0"),
        sequence_number: SequenceNumber(number),
        offset: Offset::new(number.to_string()),
        enqueued_time: Timestamp::from_millis(number),
        body: Bytes::new(),
        last_enqueued: None,
    }
}

fn mark(number: i64) -> Mark {
    Mark {
        sequence_number: SequenceNumber(number),
        offset: Offset::new(number.to_string()),
        enqueued_time: Timestamp::from_millis(number),
    }
}

fn settle(in_flight: &Arc<InFlight>, numbers: std::ops::RangeInclusive<i64>) {
    for number in numbers {
        in_flight.begin(&event(number)).close();
    }
}

/// Lets the task run without letting an interval pass.
async fn turn() {
    tokio::time::sleep(Duration::from_millis(1)).await;
}

/// Lets intervals pass until something is seen.
async fn wait_until(seen: impl Fn() -> bool) {
    for _ in 0..100 {
        if seen() {
            return;
        }
        tokio::time::sleep(INTERVAL / 2).await;
    }
    panic!("not seen within 50 intervals");
}

/// Scenario: events settle between two intervals; one stays open.
/// Guarantees: the mark is stored with the next interval, nothing is stored while nothing moves, and nothing passes
/// the open event.
#[tokio::test(start_paused = true)]
async fn stores_what_moved_each_interval() {
    let group = start();
    let in_flight = group.register("0", 0);
    turn().await;
    settle(&in_flight, 1..=3);
    let open = in_flight.begin(&event(4));
    settle(&in_flight, 5..=6);
    turn().await;
    assert_eq!(group.stored("0"), None, "not before the interval");
    tokio::time::sleep(INTERVAL).await;
    assert_eq!(group.stored("0"), Some(3));
    tokio::time::sleep(10 * INTERVAL).await;
    assert_eq!(group.store.stores(), 1, "a mark that stands still is stored once");
    open.close();
    tokio::time::sleep(INTERVAL).await;
    assert_eq!(group.stored("0"), Some(6));
    let gauge = group
        .metrics
        .checkpoint_sequence_number
        .with_label_values(&["0", "$Default"]);
    assert_eq!(gauge.get(), 6);
    let checkpoint = group.store.load(&PartitionId::new("0")).expect("it is stored");
    assert_eq!(checkpoint.hub_created_at, Some(Timestamp::from_millis(1)));
}

/// Scenario: a backlog of one partition is read faster than the interval; another partition settles little.
/// Guarantees: no more than the documented number of events settle between two stores of the one; the other waits for
/// its interval.
#[tokio::test(start_paused = true)]
async fn stores_sooner_where_much_settled() {
    let group = start();
    let in_flight = group.register("0", 0);
    turn().await;
    let limit = MAX_SETTLED_EVENTS as i64;
    let quiet = group.register("1", 0);
    settle(&quiet, 1..=1);
    settle(&in_flight, 1..=limit - 1);
    turn().await;
    assert_eq!(group.stored("0"), None);
    settle(&in_flight, limit..=limit);
    turn().await;
    assert_eq!((group.stored("0"), group.stored("1")), (Some(limit), None));
    settle(&in_flight, limit + 1..=2 * limit + 5);
    turn().await;
    assert_eq!(group.stored("0"), Some(2 * limit + 5));
}

/// Scenario: the store of one partition fails for a while; another partition's does not.
/// Guarantees: the other is stored, the failure is counted and its age grows, and the mark is stored later.
#[tokio::test(start_paused = true)]
async fn tries_again_until_it_is_stored() {
    let group = start();
    let (first, second) = (group.register("0", 0), group.register("1", 0));
    let failing = PartitionId::new("0");
    group.store.refuse(&failing, true);
    settle(&first, 1..=1);
    settle(&second, 7..=7);
    tokio::time::sleep(4 * INTERVAL).await;
    assert_eq!((group.stored("0"), group.stored("1")), (None, Some(7)));
    assert!(group.metrics.checkpoint_errors_total.get() >= 3);
    let age = group
        .metrics
        .checkpoint_age_seconds
        .with_label_values(&["0", "$Default"]);
    assert!(age.get() >= 10.0, "{}", age.get());
    group.store.refuse(&failing, false);
    tokio::time::sleep(INTERVAL).await;
    assert_eq!((group.stored("0"), age.get()), (Some(1), 0.0));
}

/// Scenario: the bridge stops shortly after events settled.
/// Guarantees: the last marks are stored; if that fails, the caller is told.
#[tokio::test(start_paused = true)]
async fn stores_a_last_time_at_stop() {
    let group = start();
    let in_flight = group.register("0", 0);
    turn().await;
    settle(&in_flight, 1..=5);
    let store = group.store.clone();
    group.stop().await.expect("it can be stored");
    let checkpoint = store.load(&PartitionId::new("0")).expect("it is stored");
    assert_eq!(checkpoint.sequence_number.0, 5);

    let group = start();
    let in_flight = group.register("0", 0);
    turn().await;
    group.store.refuse(&PartitionId::new("0"), true);
    settle(&in_flight, 1..=5);
    group.stop().await.expect_err("the store refuses");
}

/// Scenario: a hub is made anew: its events count from 0, while an old outcome still arrives.
/// Guarantees: the new generation's position is stored, and the old one moves nothing any more.
#[tokio::test(start_paused = true)]
async fn an_old_generation_moves_no_position() {
    let group = start();
    let old = group.register("0", 0);
    settle(&old, 900..=900);
    tokio::time::sleep(INTERVAL).await;
    assert_eq!(group.stored("0"), Some(900));
    old.retire();
    settle(&old, 901..=901);
    tokio::time::sleep(INTERVAL).await;
    assert_eq!(group.stored("0"), Some(900));
    let new = group.register("0", 1);
    settle(&new, 0..=2);
    settle(&old, 902..=902);
    tokio::time::sleep(INTERVAL).await;
    assert_eq!(group.stored("0"), Some(2));
}

/// Scenario: a pass has a mark in hand; before it is written the partition is lost, another instance stores a later
/// position, and the partition is claimed again.
/// Guarantees: the claim waits for a write that is under way, finds the later position, and the mark in hand is not
/// written over it; what is read from there is stored.
#[tokio::test(start_paused = true)]
async fn a_mark_of_the_time_before_a_claim_is_not_stored() {
    let group = start();
    let (zero, checkpointer) = (PartitionId::new("0"), &group.checkpointer);
    turn().await;
    let old = group.register("0", 0);
    settle(&old, 1..=5);
    let in_hand = checkpointer.moved(Pass::All).pop().expect("the mark moved");
    let later = Checkpoint::new(mark(50), Some(Timestamp::from_millis(1)));
    group.store.store(&zero, &later).expect("it can be stored");

    let writing = checkpointer.writing.lock().await;
    let mut resumed = std::pin::pin!(checkpointer.resume(&zero));
    tokio::time::timeout(INTERVAL, resumed.as_mut())
        .await
        .expect_err("something is written just now");
    drop(writing);
    let found = resumed.await.expect("it can be read");
    assert_eq!(found, Some(later));

    checkpointer
        .store_one(&in_hand)
        .await
        .expect("nothing is written");
    assert_eq!(group.stored("0"), Some(50), "it went back");
    let new = group.register("0", 1);
    checkpointer
        .store_one(&in_hand)
        .await
        .expect("nothing is written");
    assert_eq!(group.stored("0"), Some(50), "it went back");
    settle(&new, 51..=53);
    settle(&old, 6..=7);
    tokio::time::sleep(INTERVAL).await;
    assert_eq!(group.stored("0"), Some(53));
}

/// Scenario: a partition is lost while its mark is being stored.
/// Guarantees: the metrics say nothing more of it, though they said something before.
#[tokio::test(start_paused = true)]
async fn nothing_is_shown_of_a_partition_that_was_lost_meanwhile() {
    let group = start();
    let (zero, checkpointer) = (PartitionId::new("0"), &group.checkpointer);
    let gauges = &group.metrics.checkpoint_sequence_number;
    let shown = || gauges.collect()[0].get_metric().len();
    turn().await;
    settle(&group.register("0", 0), 1..=5);
    let in_hand = checkpointer.moved(Pass::All).pop().expect("the mark moved");
    checkpointer.store_one(&in_hand).await.expect("it can be stored");
    assert_eq!(shown(), 1);

    checkpointer.lose(&zero);
    gauges.reset();
    checkpointer.note_stored(&in_hand);
    assert_eq!(shown(), 0);
}

#[tokio::test(start_paused = true)]
async fn stores_a_position_before_any_event() {
    let group = start();
    let partition = PartitionId::new("3");
    let checkpoint = Checkpoint::new(mark(-1), None);
    group
        .checkpointer
        .store_initial(&partition, &checkpoint)
        .await
        .expect("it can be stored");
    let loaded = group
        .checkpointer
        .store()
        .load(&partition)
        .await
        .expect("it can be read");
    assert_eq!(loaded, Some(checkpoint));
}

/// Scenario: the audit cannot be written, then it can again, then the process stops.
/// Guarantees: positions are stored meanwhile, and the metric counts; the first line that is written reaches back to where
/// recording began, and a store that fails makes the next line begin where the stored position is.
#[tokio::test(start_paused = true)]
async fn the_audit_holds_nothing_up_and_misses_nothing() {
    let directory = tempfile::tempdir().expect("a temporary directory");
    let recorder = Recorder::open(directory.path(), "$Default".into()).expect("it can be opened");
    let audit = directory.path().join("audit/1");
    let obstacles = [0, 1].map(|days| {
        let day = crate::audit::places::day(Timestamp::now());
        let day = day
            .checked_add(jiff::Span::new().days(days))
            .expect("there is a tomorrow");
        crate::audit::places::path(&audit, day)
    });
    for obstacle in &obstacles {
        std::fs::create_dir(obstacle).expect("the directory is writable");
    }
    let group = start_with(|checkpointer| checkpointer.audited_by(recorder));
    let in_flight = group.register("0", 0);
    settle(&in_flight, 1..=3);
    wait_until(|| group.stored("0") == Some(3)).await;
    assert!(group.metrics.audit_errors_total.get() > 0);

    for obstacle in &obstacles {
        std::fs::remove_dir(obstacle).expect("it is empty");
    }
    settle(&in_flight, 4..=5);
    wait_until(|| group.stored("0") == Some(5)).await;
    group.store.refuse(&PartitionId::new("0"), true);
    let failed = group.metrics.checkpoint_errors_total.get();
    settle(&in_flight, 6..=7);
    wait_until(|| group.metrics.checkpoint_errors_total.get() > failed).await;
    group.store.refuse(&PartitionId::new("0"), false);
    settle(&in_flight, 8..=8);
    group.stop().await.expect("it can be stored");

    let mut ranges = Vec::new();
    for line in recorded(&audit) {
        if let Line::Settled(line) = line {
            assert_eq!(line.totals.numbers(), i128::from(line.to.0 - line.from.0));
            ranges.push((line.from.0, line.to.0));
        }
    }
    assert_eq!(
        (ranges[0], ranges[1], ranges.last()),
        ((0, 5), (5, 7), Some(&(5, 8)))
    );
}

/// Scenario: a partition is lost while events are in flight, and after events whose mark was not stored yet.
/// Guarantees: the audit has a line that says so, soon and not only at the next interval, with as many events as are read
/// again.
#[tokio::test(start_paused = true)]
async fn the_audit_is_told_of_a_loss() {
    let directory = tempfile::tempdir().expect("a temporary directory");
    let recorder = Recorder::open(directory.path(), "$Default".into()).expect("it can be opened");
    let audit = directory.path().join("audit/1");
    let group = start_with(|checkpointer| checkpointer.audited_by(recorder).every(100 * INTERVAL));
    let in_flight = group.register("0", 7);
    settle(&in_flight, 1..=3);
    wait_until(|| group.stored("0") == Some(3)).await;
    settle(&in_flight, 4..=5);
    let _open = in_flight.begin(&event(6));
    group.checkpointer.lose(&PartitionId::new("0"));
    let told = || {
        let mut lines = recorded(&audit);
        lines.retain(|line| matches!(line, Line::Standing(_)));
        lines
    };
    wait_until(|| !told().is_empty()).await;
    group.stop().await.expect("nothing is left to store");
    let [Line::Standing(line)] = &told()[..] else {
        panic!("it is told once: {:?}", told());
    };
    assert_eq!((line.in_flight, line.reading.generation), (3, 7));
    assert!(line.is_taken && !line.is_stop);
}

/// What the audit's files say.
fn recorded(audit: &std::path::Path) -> Vec<Line> {
    let files = crate::audit::places::files(audit).expect("it can be read");
    let read = |path: &std::path::PathBuf| crate::audit::file::read(path).expect("it can be read");
    files.iter().flat_map(|(_, path)| read(path).lines).collect()
}
