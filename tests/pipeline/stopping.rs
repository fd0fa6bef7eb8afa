//! How a run ends.

use super::plan::{DEFAULT_GROUP, Plan, TargetPlan};
use super::stage::Stage;
use crate::support::proxy::Mode;

/// Scenario: a stop while events flow and the receiver takes its time to confirm.
/// Guarantees: everything that was received is settled before the end, and a new run repeats nothing.
#[tokio::test]
async fn a_stop_drains() {
    let mut stage = Stage::open(Plan {
        window_events: 100,
        ..Plan::new(1, [TargetPlan::splunk("soc")])
    })
    .await;
    stage.receiver("soc").emulator.script().questions_before_true = 1;
    stage.send_alerts(500);
    stage
        .until("records at the receiver", |stage| {
            stage.receiver("soc").emulator.statistics().received > 0
        })
        .await;
    stage.stop().await;
    let statistics = stage.receiver("soc").emulator.statistics();
    assert_eq!(statistics.acknowledged, statistics.received);
    let stored = stage.oracle.checkpoint(DEFAULT_GROUP, 0);
    assert_eq!(
        stored,
        Some(statistics.acknowledged as i64 - 1),
        "events are numbered from 0"
    );
    assert!(
        statistics.received < 500,
        "all was delivered before the stop: the test needs more events"
    );
    stage.receiver("soc").emulator.script().questions_before_true = 0;
    stage.start().await;
    stage.settled().await;
    assert_eq!(stage.receiver("soc").emulator.statistics().duplicates, 0);
    stage.close().await;
}

/// Scenario: a stop whose grace period ends before the receiver confirms; one receiver is silent, another is away.
/// Guarantees: the bridge ends all the same, no checkpoint passes what was not confirmed, and the next run repeats it.
#[tokio::test]
async fn what_the_grace_period_leaves_is_sent_again() {
    let mut stage = Stage::open(Plan {
        grace_period: "500ms",
        ..Plan::new(2, [TargetPlan::splunk("away"), TargetPlan::splunk("silent")])
    })
    .await;
    stage.receiver("silent").emulator.script().never_acknowledges = true;
    stage.receiver("away").proxy.set(Mode::Refuse).await;
    stage.send_alerts(50);
    stage
        .until("everything at the silent one", |stage| {
            stage.receiver("silent").emulator.statistics().received == 50
        })
        .await;
    stage.stop().await;
    assert_eq!(stage.oracle.checkpoint(DEFAULT_GROUP, 0), None);
    stage.receiver("silent").emulator.script().never_acknowledges = false;
    stage.receiver("away").proxy.set(Mode::Pass).await;
    stage.start().await;
    stage.settled().await;
    let statistics = stage.receiver("silent").emulator.statistics();
    assert_eq!((statistics.received, statistics.duplicates), (100, 50));
    stage.close().await;
}

/// Scenario: a stop while the hub neither reads nor writes.
/// Guarantees: the bridge ends well all the same, and everything it had received is settled.
#[tokio::test]
async fn a_silent_hub_does_not_hold_up_the_end() {
    let mut stage = Stage::open(Plan::new(2, [TargetPlan::splunk("soc")])).await;
    stage.send_alerts(20);
    stage
        .until("arrival of everything", |stage| {
            stage.receiver("soc").emulator.statistics().received == 20
        })
        .await;
    stage.hub.faults().silent(true);
    stage.stop().await;
    assert!(stage.oracle.is_settled());
    stage.oracle.check_final_checkpoints();
    stage.hub.faults().silent(false);
    stage.close().await;
}
