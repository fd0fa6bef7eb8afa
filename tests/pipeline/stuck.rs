//! Partitions from which nothing comes, and what is done about it.

use std::time::Duration;

use hub2siem::emulator::event_hub::Mute;
use hub2siem::event::{PartitionId, SequenceNumber, Timestamp};
use hub2siem::eventhub::{EndReason, HubClient, HubSettings, PartitionReader, StartPosition, Step, rival};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::items::{alert, single, unreadable};
use super::plan::{DEFAULT_GROUP, Plan, TargetPlan};
use super::run::total;
use super::stage::{PATIENCE, Stage};
use crate::support::proxy::Mode;

fn plan(partitions: u32) -> Plan {
    Plan::new(partitions, [TargetPlan::splunk("soc")])
}

fn stuck(stage: &Stage) -> u64 {
    total(&stage.bridge().metrics.eventhub_stuck_total, &[])
}

/// Scenario: the hub sends one partition nothing more on the connections there are, while heartbeats and requests go on.
/// Guarantees: that is noticed, a new connection is made, and every event arrives; nothing needs an operator.
#[tokio::test]
async fn a_silent_link_is_replaced() {
    let mut stage = Stage::open(plan(2)).await;
    stage.send_alerts(4);
    stage.settled().await;
    stage.hub.mute(1, Mute::OpenConnections);
    stage.send_alerts(10);
    stage.settled().await;
    let reconnects = &stage.bridge().metrics.eventhub_reconnects_total;
    assert_eq!((stuck(&stage), total(reconnects, &["stuck"])), (1, 1));
    assert!(stage.bridge().readiness.report().is_ready);
    stage.close().await;
}

/// Scenario: a new connection does not help either; later the service sends again.
/// Guarantees: `/readyz` says that the partition is stuck and how often was tried; it is well again with the first event.
#[tokio::test]
async fn a_partition_that_stays_silent_is_an_alarm() {
    let mut stage = Stage::open(plan(1)).await;
    stage.send_alerts(2);
    stage.settled().await;
    stage.hub.mute(0, Mute::Everybody);
    stage.send_alerts(3);
    stage
        .until("the alarm", |stage| {
            let report = stage.bridge().readiness.report();
            let says = |problem: &String| {
                // Two at first, more if this is looked at late.
                problem.contains("the hub has events up to number 4, and its link brings none; ")
                    && problem.contains(" new connections did not help")
            };
            !report.is_ready && report.problems.iter().any(says)
        })
        .await;
    stage.hub.mute(0, Mute::Nobody);
    stage.settled().await;
    stage
        .until("readiness", |stage| stage.bridge().readiness.report().is_ready)
        .await;
    stage.close().await;
}

/// Scenario: the target is away until the window is full, for many times the patience with a silent link.
/// Guarantees: no link is given up, because silence without credit is what was asked for.
#[tokio::test]
async fn a_full_window_is_no_dead_link() {
    let mut stage = Stage::open(Plan {
        window_events: 16,
        ..plan(1)
    })
    .await;
    stage.send_alerts(2);
    stage.settled().await;
    stage.receiver("soc").proxy.set(Mode::Refuse).await;
    stage.send_alerts(100);
    stage
        .until("a full window", |stage| {
            stage.bridge().readiness.held_events() >= 10
        })
        .await;
    stage.pass(Duration::from_secs(3)).await;
    assert_eq!(stuck(&stage), 0);
    stage.receiver("soc").proxy.set(Mode::Pass).await;
    stage.settled().await;
    assert_eq!(stuck(&stage), 0);
    stage.close().await;
}

/// Scenario: another program with an owner level takes the only partition, through the same consumer group; then the bridge is
/// restarted.
/// Guarantees: `/readyz` names the other program and says what to do; the bridge does not take the partition back by itself, and
/// what it does take at a start is told to the other one under a name.
#[tokio::test]
async fn another_program_on_the_group_is_named() {
    let mut stage = Stage::open(plan(1)).await;
    stage.send_alerts(2);
    stage.settled().await;
    let mut thief = thief(&stage, "logstash-7");
    let step = within(thief.next(1)).await;
    assert!(matches!(step, Step::Attached { .. }), "{step:?}");
    stage
        .until("the problem", |stage| {
            let report = stage.bridge().readiness.report();
            let says = |problem: &String| {
                problem.contains("in the same consumer group: receiver `logstash-7`; give the bridge a consumer group of its own")
            };
            !report.is_ready && report.problems.iter().any(says)
        })
        .await;
    let thefts = |stage: &Stage| total(&stage.bridge().metrics.eventhub_reconnects_total, &["stolen"]);
    stage.until("the count of it", |stage| thefts(stage) == 1).await;
    stage.pass(Duration::from_secs(1)).await;
    assert_eq!(thefts(&stage), 1);
    assert!(thief.is_attached());
    stage.stop().await;
    stage.start().await;
    let step = loop {
        let step = within(thief.next(0)).await;
        if !matches!(step, Step::Event(_)) {
            break step;
        }
    };
    let Step::Detached {
        reason: EndReason::Stolen,
        detail,
        ..
    } = step
    else {
        panic!("{step:?}");
    };
    assert!(rival::name(&detail).is_some(), "{detail}");
    thief.close().await;
    stage.close().await;
}

/// Another program that reads the hub of a stage.
fn thief(stage: &Stage, name: &str) -> PartitionReader {
    let loaded = hub2siem::config::load(&stage.path("bridge.yaml"));
    let (configuration, _) = loaded.expect("the bridge runs on it");
    let settings = HubSettings {
        receiver_name: name.into(),
        ..configuration.hub
    };
    let client = HubClient::new(settings, TaskTracker::new(), CancellationToken::new());
    PartitionReader::new(client, PartitionId::new("0"), StartPosition::Earliest)
}

async fn within<T>(future: impl Future<Output = T>) -> T {
    let limited = tokio::time::timeout(PATIENCE, future).await;
    limited.expect("it happens within the patience of the tests")
}

/// Scenario: while the bridge is away, retention removes all that was not read, and nothing comes since; it is restarted
/// hours later.
/// Guarantees: the loss is counted without any event arriving, once: the position passes it, and so does the lag.
#[tokio::test]
async fn a_loss_is_noticed_in_an_empty_partition() {
    let mut stage = Stage::open(plan(1)).await;
    stage.send_alerts(3);
    stage.settled().await;
    stage.stop().await;
    let hours_ago = Timestamp::from_millis(Timestamp::now().as_millis() - 2 * 3_600_000);
    for number in 101..108 {
        stage.send_at(0, single(alert(number)), hours_ago);
    }
    stage.hub.truncate(0, SequenceNumber(10));
    stage.oracle.excuse(0, 10);
    stage.start().await;
    stage
        .until("a checkpoint after what was removed", |stage| {
            stage.oracle.checkpoint(DEFAULT_GROUP, 0) == Some(9)
        })
        .await;
    let lost = |stage: &Stage| total(&stage.bridge().metrics.eventhub_lost_events_total, &[]);
    assert_eq!((lost(&stage), stuck(&stage)), (7, 0));
    assert_eq!(stage.bridge().readiness.lag_events(), 0);
    stage.stop().await;
    stage.start().await;
    stage.send_alerts(1);
    stage.settled().await;
    assert_eq!(lost(&stage), 0);
    stage.close().await;
}

/// Scenario: the hub says again and again that it keeps nothing, although its newest events are minutes old, and the link brings
/// nothing.
/// Guarantees: no hub removes events so young, so none is passed; the link is what is doubted.
#[tokio::test]
async fn young_events_are_never_passed_as_removed() {
    let mut stage = Stage::open(plan(1)).await;
    stage.send_alerts(3);
    stage.settled().await;
    stage.stop().await;
    stage.send_alerts(7);
    stage.hub.truncate(0, SequenceNumber(10));
    stage.start().await;
    stage.until("a new connection", |stage| stuck(stage) > 1).await;
    let lost = total(&stage.bridge().metrics.eventhub_lost_events_total, &[]);
    assert_eq!((lost, stage.oracle.checkpoint(DEFAULT_GROUP, 0)), (0, Some(2)));
    // What the emulated hub removed all the same is a loss once an event comes after it.
    stage.oracle.excuse(0, 10);
    stage.close().await;
}

/// Scenario: the newest events of a partition cannot be read, and nothing follows them; then the link begins anew.
/// Guarantees: that is no dead link; once a second link could not read them either they become dead letters under their numbers,
/// and the position passes them.
#[tokio::test]
async fn unreadable_newest_events_are_no_dead_link() {
    let mut stage = Stage::open(plan(1)).await;
    stage.send_alerts(2);
    stage.settled().await;
    stage.stop().await;
    for _ in 0..2 {
        stage.send(0, unreadable());
    }
    stage.start().await;
    stage
        .until("a checkpoint after them", |stage| {
            stage.oracle.checkpoint(DEFAULT_GROUP, 0) == Some(3)
        })
        .await;
    let reconnects = &stage.bridge().metrics.eventhub_reconnects_total;
    assert_eq!((stuck(&stage), total(reconnects, &["stuck"])), (0, 1));
    assert_eq!(stage.bridge().readiness.lag_events(), 0);
    stage.close().await;
}

/// Scenario: the hub is made anew while a link hangs, so that nothing ends it; the new hub has fewer events than were received.
/// Guarantees: the numbers tell, the partition is attached on a new connection, and the new hub is read from its first event.
#[tokio::test]
async fn a_hub_made_anew_is_noticed_behind_a_dead_link() {
    let mut stage = Stage::open(plan(1)).await;
    stage.send_alerts(5);
    stage.settled().await;
    stage.hub.mute(0, Mute::OpenConnections);
    stage.oracle.begin_life();
    stage.hub.recreate_hub();
    stage.send_alerts(2);
    stage.settled().await;
    let reconnects = &stage.bridge().metrics.eventhub_reconnects_total;
    assert_eq!((stuck(&stage), total(reconnects, &["stuck"])), (1, 1));
    stage.close().await;
}
