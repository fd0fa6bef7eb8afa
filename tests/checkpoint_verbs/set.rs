//! `checkpoint set`: what becomes of each way to name a position.

use std::fs;

use hub2siem::event::SequenceNumber;
use serde_json::Value;

use super::stage::{FIRST_TIME_MILLIS, Stage, check};

const CONFIG: &str = "hub2siem.yaml";

/// Scenario: ten events; the position is moved by number, forward and back, with a bridge between.
/// Guarantees: before and after are said, and how many events are skipped or come again; the bridge reads exactly what
/// follows, and the checkpoint has everything the hub knows of the event.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_bridge_goes_on_after_the_position() {
    let stage = Stage::new(10).await;
    let ended = stage
        .checkpoint_verb(&["set", "--partition", "0", "--sequence-number", "4"])
        .await;
    check(
        &ended,
        0,
        &[
            "before: no checkpoint",
            "after:  4 (offset 16384, enqueued 2026-03-01T08:00:04.000Z)",
            "warning: partition 0: 5 events are skipped: no target ever gets them",
        ],
    );
    let text = fs::read_to_string(stage.checkpoint("state", "0")).expect("it is there");
    let checkpoint: Value = serde_json::from_str(&text).expect("it is JSON");
    assert_eq!(checkpoint["offset"], "16384");
    assert!(checkpoint["hub_created_at"].is_string(), "{checkpoint}");
    stage.deliver(CONFIG, &[("0", 5..10), ("1", 0..10)]).await;

    let back = ["set", "--partition", "0", "--sequence-number", "7"];
    let ended = stage.checkpoint_verb(&back).await;
    check(&ended, 0, &["before: 9 ", "2 events come again"]);
    stage.deliver(CONFIG, &[("0", 8..10)]).await;
    let ended = stage
        .checkpoint_verb(&["set", "--partition", "all", "--earliest"])
        .await;
    check(&ended, 0, &["partition 1: 10 events come again"]);
    stage.deliver(CONFIG, &[("0", 0..10), ("1", 0..10)]).await;
}

/// Scenario: every way to name a position, in a partition whose first events the hub has removed.
/// Guarantees: each becomes the number and offset of the event before the next one to be read.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_position_becomes_a_number_and_an_offset() {
    let stage = Stage::new(10).await;
    stage.hub.truncate(0, SequenceNumber(3));
    for (position, number, offset, said) in [
        (&["--earliest"][..], 2, "-1", ""),
        (&["--latest"], 9, "36864", "7 events are skipped"),
        (&["--offset", "16384"], 4, "16384", "5 events come again"),
        (&["--sequence-number", "3"], 3, "12288", "1 events come again"),
        (&["--sequence-number", "9"], 9, "36864", ""),
        (&["--sequence-number", "2"], 2, "-1", ""),
        (
            &["--sequence-number", "-1"],
            -1,
            "-1",
            "3 events after event -1 are gone",
        ),
        (&["--enqueued-after", "2026-03-01T08:00:06Z"], 5, "20480", ""),
        (&["--enqueued-after", "2026-03-01T08:00:06.001Z"], 6, "24576", ""),
        (&["--enqueued-after", "2026-02-01T00:00:00Z"], 2, "-1", ""),
        (&["--enqueued-after", "2026-03-02T00:00:00Z"], 9, "36864", ""),
    ] {
        let arguments = [&["set", "--partition", "0"], position].concat();
        let ended = stage.checkpoint_verb(&arguments).await;
        check(&ended, 0, &[said]);
        let listed = stage.listed(CONFIG).await;
        assert_eq!(listed["0"]["sequence_number"], number, "{position:?}: {ended:?}");
        assert_eq!(listed["0"]["offset"], offset, "{position:?}: {ended:?}");
    }
    let listed = stage.listed(CONFIG).await;
    assert_eq!(
        listed["0"]["enqueued_time"],
        hub2siem::event::Timestamp::from_millis(FIRST_TIME_MILLIS + 9000).to_string()
    );
    assert_eq!(listed.len(), 1, "the other partition was not named");
}

/// Scenario: positions that the hub does not have, partitions it does not have, a hub that is away, wrong words.
/// Guarantees: each has the exit code of its kind, and nothing is stored.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_the_hub_does_not_have_is_refused() {
    let stage = Stage::new(10).await;
    for (arguments, said) in [
        (
            &["--partition", "0", "--sequence-number", "10"][..],
            "event 10 is not in this hub, whose newest is 9",
        ),
        (
            &["--partition", "0", "--offset", "999999"],
            "offset 999999 is not in this hub",
        ),
        (&["--partition", "7", "--latest"], "no partition `7`"),
        (
            &["--partition", "all", "--sequence-number", "3"],
            "name one partition",
        ),
        (&["--partition", "0", "--sequence-number", "-2"], "-2"),
        (
            &["--partition", "0", "--latest", "--earliest"],
            "cannot be used with",
        ),
        (&["--partition", "0"], "required"),
        (
            &["--partition", "0", "--enqueued-after", "2999-01-01T00:00:00Z"],
            "in the future",
        ),
        (
            &["--partition", "0", "--latest", "--consumer-group", "nobody"],
            "no target of this configuration reads consumer group `nobody`; it has `$Default`",
        ),
    ] {
        let ended = stage.checkpoint_verb(&[&["set"], arguments].concat()).await;
        check(&ended, 64, &[said]);
    }
    assert_eq!(stage.listed(CONFIG).await.len(), 0);

    let latest = ["set", "--partition", "0", "--latest"];
    stage.hub.faults().refuse_connects(true);
    stage.hub.faults().drop_connections();
    check(
        &stage.checkpoint_verb(&latest).await,
        69,
        &["failed to ask the hub"],
    );
    assert_eq!(stage.listed(CONFIG).await.len(), 0);
}

/// Scenario: the first event after a moment is one that AMQP cannot carry.
/// Guarantees: the refusal names the way that is left, nothing is stored, and that way works.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_moment_before_an_unreadable_event_is_refused_with_the_way_left() {
    let stage = Stage::new(4).await;
    stage.append_broken(0);
    let moment = [
        "set",
        "--partition",
        "0",
        "--enqueued-after",
        "2026-04-01T00:00:00Z",
    ];
    let said = ["cannot be read", "checkpoint set --partition 0 --sequence-number"];
    check(&stage.checkpoint_verb(&moment).await, 69, &said);
    assert_eq!(stage.listed(CONFIG).await.len(), 0);
    let number = ["set", "--partition", "0", "--sequence-number", "3"];
    check(&stage.checkpoint_verb(&number).await, 0, &[]);
    assert_eq!(stage.numbers(CONFIG).await, [("0".to_owned(), 3)]);
}

/// Scenario: a checkpoint is torn. Guarantees: a list says so with 74; `set` replaces it, and says that too.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_torn_checkpoint_can_be_set() {
    let stage = Stage::new(10).await;
    let latest = ["set", "--partition", "0", "--latest"];
    check(&stage.checkpoint_verb(&latest).await, 0, &[]);
    fs::write(stage.checkpoint("state", "0"), "{\"version\":1,").expect("it is writable");
    check(
        &stage.checkpoint_verb(&["list"]).await,
        74,
        &["0.json", "is no checkpoint"],
    );
    let before = stage.tree();
    let dry = [&latest[..], &["--dry-run"]].concat();
    check(
        &stage.checkpoint_verb(&dry).await,
        0,
        &["cannot be read and is replaced", "nothing was changed"],
    );
    assert_eq!(stage.tree(), before);
    check(
        &stage.checkpoint_verb(&latest).await,
        0,
        &["10 events are skipped"],
    );
    assert_eq!(stage.numbers(CONFIG).await, [("0".to_owned(), 9)]);
}

/// Scenario: a target keeps the positions of its group in Kafka, beside its records.
/// Guarantees: a position that goes back, which would have no effect, is refused with 64 and not stored; one that goes
/// forward is taken.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_position_without_effect_is_refused() {
    let stage = Stage::new(10).await;
    let kafka = "kafka: { brokers: '127.0.0.1:1', topic: records, exactly_once: true }";
    let config = std::fs::read_to_string(stage.path(CONFIG)).expect("it is there");
    stage.write(CONFIG, &config.replace("file: { path: ./out.jsonl }", kafka));
    let set = ["set", "--partition", "0", "--sequence-number"];
    let forward = stage.checkpoint_verb(&[&set[..], &["7"]].concat()).await;
    check(&forward, 0, &["8 events are skipped"]);
    let back = stage.checkpoint_verb(&[&set[..], &["6"]].concat()).await;
    check(
        &back,
        64,
        &["cannot go back: target `out` keeps the positions", "replay"],
    );
    assert_eq!(stage.numbers(CONFIG).await, [("0".to_owned(), 7)]);
}
