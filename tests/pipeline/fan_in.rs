//! One event, several records, several targets.

use std::time::Duration;

use super::items::{alert, assessment, list, secure_score, single, snapshot};
use super::plan::{DEFAULT_GROUP, Plan, TargetPlan};
use super::run::total;
use super::stage::Stage;

/// Scenario: an event of three records goes to two targets; one of them takes it and is silent about it, the other
/// has confirmed.
/// Guarantees: the checkpoint stays before the event until all six are settled, and passes it then.
#[tokio::test]
async fn an_event_settles_when_all_of_its_records_did() {
    let targets = [TargetPlan::splunk("quick"), TargetPlan::splunk("slow")];
    let mut stage = Stage::open(Plan::new(1, targets)).await;
    stage.send_alerts(1);
    stage.settled().await;
    stage
        .until("first checkpoint", |stage| {
            stage.oracle.checkpoint(DEFAULT_GROUP, 0) == Some(0)
        })
        .await;

    stage.receiver("slow").emulator.script().never_acknowledges = true;
    let event = stage.send(0, list(vec![alert(11), assessment(12), secure_score(13)]));
    stage
        .until("confirmation of one target", |stage| {
            stage.oracle.confirmed("quick") == 4
        })
        .await;
    stage
        .until("arrival at the other", |stage| {
            stage.receiver("slow").emulator.statistics().received == 4
        })
        .await;
    stage.pass(Duration::from_millis(500)).await;
    assert_eq!(stage.oracle.checkpoint(DEFAULT_GROUP, 0), Some(0));

    stage.receiver("slow").emulator.script().never_acknowledges = false;
    stage
        .until("the checkpoint behind the event", |stage| {
            stage.oracle.checkpoint(DEFAULT_GROUP, 0) == Some(event)
        })
        .await;
    assert!(stage.oracle.is_settled());
    stage.close().await;
}

/// Scenario: events whose records nobody gets: a snapshot that the only target drops, and an empty list.
/// Guarantees: they settle without a delivery, the checkpoint passes them, and the snapshot is counted.
#[tokio::test]
async fn what_nobody_gets_is_passed() {
    let target = TargetPlan {
        drops_snapshots: true,
        ..TargetPlan::splunk("soc")
    };
    let mut stage = Stage::open(Plan::new(1, [target])).await;
    stage.send(0, single(snapshot(1)));
    let last = stage.send(0, list(Vec::new()));
    stage
        .until("the checkpoint behind both", |stage| {
            stage.oracle.checkpoint(DEFAULT_GROUP, 0) == Some(last)
        })
        .await;
    assert_eq!(stage.receiver("soc").emulator.statistics().received, 0);
    let suppressed = total(
        &stage.bridge().metrics.route_records_total,
        &["soc", "suppressed"],
    );
    assert_eq!(suppressed, 1);
    assert_eq!(stage.bridge().metrics.decode_empty_events_total.get(), 1);
    stage.close().await;
}
