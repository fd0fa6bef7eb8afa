//! A hub that gets nothing, and one that is not what it was.

use hub2siem::event::Timestamp;
use prometheus::core::Collector;

use super::items::{alert, single};
use super::plan::{DEFAULT_GROUP, Plan, TargetPlan};
use super::stage::Stage;

fn plan(partitions: u32, hub: impl Into<String>) -> Plan {
    Plan {
        hub: hub.into(),
        ..Plan::new(partitions, [TargetPlan::splunk("soc")])
    }
}

/// The only sample of a gauge of the bridge, as it is shown now.
fn gauge(stage: &Stage, gauge: &impl Collector) -> Option<f64> {
    stage.bridge().readiness.refresh(&stage.bridge().metrics);
    let families = gauge.collect();
    let sample = families.first()?.get_metric().first()?;
    Some(sample.get_gauge().get_value())
}

fn overdue(stage: &Stage) -> Option<f64> {
    gauge(stage, &stage.bridge().metrics.eventhub_event_overdue)
}

fn notices(stage: &Stage) -> Vec<String> {
    stage.bridge().readiness.report().notices
}

/// Scenario: an event every hour is expected; the newest one was enqueued two hours ago and is read now; the bridge is
/// restarted; then one comes.
/// Guarantees: that is told though an event has just arrived, and again after the restart; it is no reason to be unready; a
/// new event ends it.
#[tokio::test]
async fn an_event_that_is_overdue_is_told() {
    let mut stage = Stage::set_up(plan(2, ", expect_event_every: 1h")).await;
    let two_hours_ago = Timestamp::from_millis(Timestamp::now().as_millis() - 2 * 3_600_000);
    // The age of the hub counts where there never was an event.
    stage.start().await;
    stage
        .until("a look at the hub", |stage| overdue(stage) == Some(0.0))
        .await;
    stage.stop().await;
    stage.close().await;

    let mut stage = Stage::set_up(plan(2, ", expect_event_every: 1h")).await;
    stage.hub.pretend_created_at(two_hours_ago);
    let number = stage.next_number();
    stage.send_at(1, single(alert(number)), two_hours_ago);
    stage.start().await;
    stage.settled().await;
    for _ in 0..2 {
        // The hub may be asked before every partition is attached, until which the bridge is not ready.
        stage
            .until("the notice of a bridge that is ready", |stage| {
                overdue(stage) == Some(1.0) && stage.bridge().readiness.report().is_ready
            })
            .await;
        let said = notices(&stage);
        assert!(
            said.len() == 1
                && said[0].contains("the hub has taken in nothing for ")
                && said[0].contains(", and an event is expected every 1h"),
            "{said:?}"
        );
        let age = gauge(&stage, &stage.bridge().metrics.eventhub_seconds_since_last_event);
        assert!(age.is_some_and(|seconds| seconds >= 7200.0), "{age:?}");
        stage.stop().await;
        stage.start().await;
    }
    stage.send_alerts(1);
    stage
        .until("the end of the notice", |stage| overdue(stage) == Some(0.0))
        .await;
    assert_eq!(notices(&stage), [""; 0]);
    stage.settled().await;
    stage.close().await;
}

/// Scenario: the hub is made anew with one partition instead of two, then grows to three.
/// Guarantees: the partition that is gone is told of with its position, which is kept; the bridge is ready without it; the
/// new ones are read, and nothing is told of any more.
#[tokio::test]
async fn partitions_that_are_gone_are_told() {
    let mut stage = Stage::open(plan(2, "")).await;
    stage.send_alerts(4);
    stage.settled().await;
    stage
        .until("two checkpoints", |stage| {
            [0, 1].map(|partition| stage.oracle.checkpoint(DEFAULT_GROUP, partition)) == [Some(1); 2]
        })
        .await;
    stage.oracle.begin_life();
    stage.plan.partitions = 1;
    stage.hub.recreate_hub_with(1);
    stage.send_alerts(3);
    stage.settled().await;
    let gone = |stage: &Stage| gauge(stage, &stage.bridge().metrics.eventhub_gone_partitions);
    stage.until("the notice", |stage| gone(stage) == Some(1.0)).await;
    let said = notices(&stage);
    let text = "partition 1 of consumer group $Default: the hub has no such partition any more; its checkpoint is kept: \
                sequence number 1, enqueued at 2";
    assert!(said.len() == 1 && said[0].starts_with(text), "{said:?}");
    stage
        .until("readiness", |stage| stage.bridge().readiness.report().is_ready)
        .await;
    assert_eq!(stage.oracle.checkpoint(DEFAULT_GROUP, 1), Some(1));

    // A start says the same.
    stage.stop().await;
    stage.start().await;
    stage.until("the notice", |stage| gone(stage) == Some(1.0)).await;
    assert_eq!(notices(&stage).len(), 1);

    stage.hub.add_partition();
    stage.hub.add_partition();
    stage.plan.partitions = 3;
    stage.send_alerts(6);
    stage.settled().await;
    stage.until("no notice", |stage| gone(stage) == Some(0.0)).await;
    assert_eq!(notices(&stage), [""; 0]);
    stage.close().await;
}

/// Scenario: the hub is made anew while the bridge is away, and `on_invalid_checkpoint` is `fail`; then it is `earliest`.
/// Guarantees: nothing is read, and `/readyz` says why; the decision is carried out.
#[tokio::test]
async fn another_hub_waits_for_a_decision() {
    let mut stage = Stage::open(plan(1, ", on_invalid_checkpoint: fail")).await;
    stage.send_alerts(3);
    stage.settled().await;
    stage.stop().await;
    stage.oracle.begin_life();
    stage.hub.recreate_hub();
    stage.send_alerts(2);
    stage.start().await;
    stage
        .until("the problem", |stage| {
            let problems = stage.bridge().readiness.report().problems;
            let says = |problem: &String| {
                problem.contains("the stored position is of another one")
                    && problem.contains("waits for a decision")
            };
            problems.iter().any(says)
        })
        .await;
    assert_eq!(stage.oracle.confirmed("soc"), 3);
    stage.stop().await;
    stage.plan.hub = ", on_invalid_checkpoint: earliest".to_owned();
    stage.start().await;
    stage.settled().await;
    assert_eq!(stage.oracle.confirmed("soc"), 5);
    stage.close().await;
}
