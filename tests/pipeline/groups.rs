//! A target that takes nothing: who waits for it, who does not, and how much is held meanwhile.

use std::time::{Duration, Instant};

use super::items::{alert, single, version};
use super::oracle::Letter;
use super::plan::{Plan, TargetPlan};
use super::stage::Stage;
use crate::support::proxy::Mode;

const EVENTS: u64 = 150;
const WINDOW_EVENTS: usize = 50;
/// The last sixteenth is shared out to nobody.
const FULL_EVENTS: usize = WINDOW_EVENTS - WINDOW_EVENTS / 16;
const WINDOW_BYTES: usize = 64 << 10;

/// Scenario: one target is away; another has a consumer group of its own.
/// Guarantees: the other gets everything, more than a window of it, while the first gets nothing.
#[tokio::test]
async fn a_group_of_its_own_waits_for_nobody() {
    let mut stage = Stage::open(Plan {
        window_events: WINDOW_EVENTS,
        ..Plan::new(
            2,
            [
                TargetPlan::splunk("away"),
                TargetPlan::splunk("own").group("apart"),
            ],
        )
    })
    .await;
    stage.receiver("away").proxy.set(Mode::Stall).await;
    stage.send_alerts(EVENTS);
    stage
        .until("everything at the target with its own group", |stage| {
            stage.oracle.confirmed("own") as u64 == EVENTS
        })
        .await;
    assert_eq!(stage.oracle.confirmed("away"), 0);
    stage.receiver("away").proxy.set(Mode::Pass).await;
    stage.settled().await;
    assert_eq!(stage.receiver("own").emulator.statistics().duplicates, 0);
    stage.close().await;
}

/// Scenario: one of two targets of a group is away while far more events wait than the window holds.
/// Guarantees: intake stops at the window, and what is held stays bounded; when the target is back, credit returns and
/// everything is delivered.
#[tokio::test]
async fn a_shared_group_stops_at_its_window() {
    let mut stage = Stage::open(Plan {
        window_events: WINDOW_EVENTS,
        ..Plan::new(2, [TargetPlan::splunk("away"), TargetPlan::splunk("there")])
    })
    .await;
    stage.receiver("away").proxy.set(Mode::Stall).await;
    stage.send_alerts(EVENTS);
    stage
        .until("a full window", |stage| {
            stage.bridge().readiness.held_events() >= FULL_EVENTS
        })
        .await;
    for _ in 0..20 {
        stage.pass(Duration::from_millis(50)).await;
        assert!(stage.bridge().readiness.held_events() <= WINDOW_EVENTS);
        let sent: u64 = stage.hub.statistics().events_sent.iter().sum();
        assert!(sent <= WINDOW_EVENTS as u64, "{sent} events were asked for");
    }
    stage.receiver("away").proxy.set(Mode::Pass).await;
    stage.settled().await;
    stage.close().await;
}

/// Scenario: one of two targets of a group is away from the first event on; the bridge is killed, and started again.
/// Guarantees: the target that was there gets nothing again, although its group has not moved; the other loses nothing.
#[tokio::test]
async fn a_target_that_is_ahead_gets_nothing_again() {
    let mut stage = Stage::open(Plan {
        window_events: WINDOW_EVENTS,
        ..Plan::new(1, [TargetPlan::splunk("away"), TargetPlan::splunk("there")])
    })
    .await;
    stage.receiver("away").proxy.set(Mode::Stall).await;
    let last = WINDOW_EVENTS as i64 / 2 - 1;
    stage.send_alerts(WINDOW_EVENTS as u64 / 2);
    stage
        .until("a position of the target that is there", |stage| {
            stage.oracle.position("$default", 0, "there") == Some(last)
        })
        .await;
    assert_eq!(stage.oracle.checkpoint("$default", 0), Some(-1));
    stage.kill().await;
    stage.start().await;
    stage.send_alerts(EVENTS);
    stage
        .until("what came after the restart", |stage| {
            stage.oracle.confirmed("there") > WINDOW_EVENTS / 2
        })
        .await;
    stage.receiver("away").proxy.set(Mode::Pass).await;
    stage.settled().await;
    assert_eq!(stage.receiver("there").emulator.statistics().duplicates, 0);
    let decisions = &stage.bridge().metrics.route_records_total;
    let repeated = decisions.with_label_values(&["there", "repeated"]).get();
    assert_eq!(repeated, WINDOW_EVENTS as u64 / 2);
    stage.close().await;
}

/// Scenario: the same with a target that gets only changed snapshots, and what it last got is lost in between.
/// Guarantees: it gets everything again that its group has not passed: what is not delivered could not be noted.
#[tokio::test]
async fn a_target_that_forgot_gets_everything_again() {
    const FORGOTTEN: u64 = 20;
    let comparing = TargetPlan {
        changes_only: true,
        ..TargetPlan::splunk("there")
    };
    let mut stage = Stage::open(Plan::new(1, [TargetPlan::splunk("away"), comparing])).await;
    stage.receiver("away").proxy.set(Mode::Stall).await;
    for state in 0..FORGOTTEN as u32 {
        stage.send(0, single(version(1, state, "Insert", false)));
    }
    stage
        .until("a position of the target that is there", |stage| {
            stage.oracle.position("$default", 0, "there") == Some(FORGOTTEN as i64 - 1)
        })
        .await;
    stage.kill().await;
    std::fs::remove_file(stage.path("state/last-delivered.redb")).expect("it is there");
    stage.start().await;
    stage.receiver("away").proxy.set(Mode::Pass).await;
    stage.settled().await;
    stage
        .until("the repeats", |stage| {
            stage.receiver("there").emulator.statistics().duplicates == FORGOTTEN
        })
        .await;
    stage.close().await;
}

/// Scenario: the target that held its group back is given up, after a stop; later it is taken back.
/// Guarantees: what it had not got is in the dead letters under its name, the other target goes on and gets nothing
/// again, and records that come after it was taken back are delivered to it.
#[tokio::test]
async fn a_target_can_be_given_up() {
    let mut stage = Stage::open(Plan {
        window_events: WINDOW_EVENTS,
        grace_period: "100ms",
        ..Plan::new(1, [TargetPlan::splunk("away"), TargetPlan::splunk("there")])
    })
    .await;
    stage.receiver("away").proxy.set(Mode::Stall).await;
    stage.send_alerts(EVENTS);
    stage
        .until("a full window, of which the position tells", |stage| {
            let passed = stage.oracle.position("$default", 0, "there").unwrap_or(-1) + 1;
            passed >= FULL_EVENTS as i64 && passed == stage.oracle.confirmed("there") as i64
        })
        .await;
    stage.stop().await;
    stage.plan.targets[0].more = "given_up: true";
    stage.start().await;
    stage.settled().await;
    let expected = format!("target away is given up: {EVENTS} of its records");
    // A letter is on disk before it is counted.
    stage
        .until("the notice", |stage| {
            let notices = stage.bridge().readiness.report().notices;
            notices
                .first()
                .is_some_and(|notice| notice.starts_with(&expected))
        })
        .await;
    assert_eq!(stage.oracle.confirmed("away"), 0);
    let is_given_up = |letter: &&Letter| {
        let target = letter.target.as_deref();
        (target, &*letter.reason, &*letter.stage) == (Some("away"), "given_up", "deliver")
    };
    let letters = stage.oracle.dead_letters.iter().filter(is_given_up);
    assert_eq!(letters.count() as u64, EVENTS);
    assert_eq!(stage.receiver("there").emulator.statistics().duplicates, 0);
    stage.stop().await;

    stage.plan.targets[0].more = "";
    stage.receiver("away").proxy.set(Mode::Pass).await;
    stage.start().await;
    stage.send_alerts(5);
    stage.settled().await;
    assert_eq!(stage.oracle.confirmed("away"), 5);
    stage.close().await;
}

/// Scenario: a target takes at most 100 records in ten seconds; 150 come at once, then some more, and then the bridge stops.
/// Guarantees: a burst of 100 passes at once and the rest no sooner than the rate allows; a target beside it in a group of
/// its own does not wait; nothing is lost, also of what waits while the bridge stops.
#[tokio::test]
async fn a_rate_spreads_what_comes_at_once() {
    let mut limited = TargetPlan::splunk("limited");
    // Slow enough that a machine that stands still for a moment does not let all of them pass without a wait.
    limited.more = "rate: { records: 100, per: 10s }";
    let mut stage = Stage::open(Plan {
        grace_period: "100ms",
        ..Plan::new(1, [limited, TargetPlan::splunk("own").group("apart")])
    })
    .await;
    let start = Instant::now();
    stage.send_alerts(EVENTS);
    stage
        .until("everything at the target without a rate", |stage| {
            stage.oracle.confirmed("own") as u64 == EVENTS
        })
        .await;
    stage
        .until("everything at the limited target", |stage| {
            stage.oracle.confirmed("limited") as u64 == EVENTS
        })
        .await;
    assert!(
        start.elapsed() >= Duration::from_secs(5),
        "50 of 100 in 10 s take five"
    );
    let waited = &stage.bridge().metrics.deliver_rate_limited_records_total;
    let waited = waited.with_label_values(&["limited"]).get();
    assert!((1..=50).contains(&waited), "{waited} records waited");
    stage.send_alerts(20);
    stage.stop().await;
    stage.start().await;
    stage.close().await;
}

/// Scenario: the same with events so large that the bytes of the window are what counts.
/// Guarantees: the bytes held stay within the window and what rendering the events in it adds.
#[tokio::test]
async fn bytes_bound_the_window_too() {
    let mut stage = Stage::open(Plan {
        window_bytes: "64KiB",
        ..Plan::new(2, [TargetPlan::splunk("away")])
    })
    .await;
    stage.receiver("away").proxy.set(Mode::Stall).await;
    for _ in 0..EVENTS {
        let number = stage.next_number();
        let mut item = alert(number);
        let padding = "p".repeat(4000);
        let text = String::from_utf8_lossy(&item.bytes);
        item.bytes = text.replacen("A test", &padding, 1).into_bytes().into();
        stage.send((number % 2) as u32, single(item));
    }
    let bytes = |stage: &Stage| {
        let metrics = &stage.bridge().metrics;
        stage.bridge().readiness.refresh(metrics);
        metrics
            .acknowledge_window_bytes
            .with_label_values(&["$Default"])
            .get() as usize
    };
    stage
        // Half of it is the allocator's, and the last few places are less than an event for each partition.
        .until("a full window", |stage| bytes(stage) >= WINDOW_BYTES / 3)
        .await;
    for _ in 0..20 {
        stage.pass(Duration::from_millis(50)).await;
        // Each event is held as it came and as it was rendered, so a full window of bodies may owe as much again.
        assert!(bytes(&stage) <= 2 * WINDOW_BYTES, "{}", bytes(&stage));
        let sent: u64 = stage.hub.statistics().events_sent.iter().sum();
        assert!(
            sent <= 2 * WINDOW_BYTES as u64 / 4000,
            "{sent} events were asked for"
        );
    }
    stage.receiver("away").proxy.set(Mode::Pass).await;
    stage.settled().await;
    stage.close().await;
}
