//! A target that takes nothing: who waits for it, who does not, and how much is held meanwhile.

use std::time::Duration;

use super::items::{alert, single};
use super::plan::{Plan, TargetPlan};
use super::stage::Stage;
use crate::support::proxy::Mode;

const EVENTS: u64 = 150;
const WINDOW_EVENTS: usize = 50;
/// The last few places are divided among the partitions, and less than one for each is none.
const FULL_EVENTS: usize = 48;
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
        .until("a full window", |stage| bytes(stage) >= WINDOW_BYTES / 2)
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
