//! Where reading starts, and what a hub does to positions.

use std::time::{Duration, SystemTime};

use hub2siem::audit::history::{Finding, What};
use hub2siem::emulator::event_hub::Condition;
use hub2siem::event::{SequenceNumber, Timestamp};

use super::files::forget_hub;
use super::items::{alert, single};
use super::plan::{DEFAULT_GROUP, Plan, TargetPlan};
use super::run::total;
use super::stage::Stage;
use crate::support::proxy::Mode;

fn plan(partitions: u32, hub: impl Into<String>) -> Plan {
    Plan {
        hub: hub.into(),
        ..Plan::new(partitions, [TargetPlan::splunk("soc")])
    }
}

/// Scenario: five events wait in each of two partitions; the start is named by number, offset or time for the first.
/// Guarantees: the named event is the first one read, and the partition that is not listed is read from its beginning.
#[tokio::test]
async fn a_start_names_the_first_event() {
    // The emulated hub numbers bytes 4096 apart, so that an offset is no sequence number.
    let starts = [
        (", start: { sequence_number: { '0': 3 } }", [3, 0]),
        (", start: { offset: { '0': '8192' } }", [2, 0]),
        (", start: { enqueued_after: '2026-01-01T00:00:04Z' }", [4, 4]),
        (", start: earliest", [0, 0]),
    ];
    let runs = starts.map(|(start, first)| async move {
        let mut stage = Stage::set_up(plan(2, start)).await;
        for index in 0..5 {
            let time = Timestamp::parse(&format!("2026-01-01T00:00:0{index}Z")).expect("it is a time");
            for partition in 0..2 {
                let number = stage.next_number();
                stage.send_at(partition, single(alert(number)), time);
            }
        }
        for partition in 0..2 {
            stage.oracle.excuse(partition, first[partition as usize]);
        }
        stage.start().await;
        stage.settled().await;
        let owed: i64 = first.iter().map(|first| 5 - first).sum();
        assert_eq!(stage.oracle.confirmed("soc") as i64, owed, "{start}");
        stage.close().await;
    });
    futures_util::future::join_all(runs).await;
}

/// Scenario: `latest` on a hub with events; the bridge is killed before another one comes, and one is sent while it is
/// away.
/// Guarantees: nothing before the start is read, and nothing after it is skipped.
#[tokio::test]
async fn latest_is_resolved_once() {
    let mut stage = Stage::set_up(plan(1, ", start: latest")).await;
    for _ in 0..5 {
        stage.send_alerts(1);
    }
    stage.oracle.excuse(0, 5);
    stage.start().await;
    stage
        .until("a stored start", |stage| {
            stage.oracle.checkpoint(DEFAULT_GROUP, 0) == Some(4)
        })
        .await;
    stage.kill().await;
    stage.send_alerts(1);
    stage.start().await;
    stage.settled().await;
    assert_eq!(stage.oracle.confirmed("soc"), 1);
    stage.close().await;
}

/// Scenario: a partition is added while the bridge runs.
/// Guarantees: it is noticed without a restart, and read from its beginning.
#[tokio::test]
async fn a_new_partition_is_noticed() {
    let mut stage = Stage::open(plan(1, ", start: latest")).await;
    stage
        .until("an attached partition", |stage| {
            stage.hub.statistics().attached == [1]
        })
        .await;
    let partition = stage.hub.add_partition();
    let number = stage.next_number();
    stage.send(partition, single(alert(number)));
    stage.settled().await;
    stage
        .until("a checkpoint of the new partition", |stage| {
            stage.oracle.checkpoint(DEFAULT_GROUP, partition) == Some(0)
        })
        .await;
    stage.close().await;
}

/// Scenario: while the bridge is away, retention removes six of the ten events it had not read.
/// Guarantees: the six are counted as lost, in the audit too, which is not balanced then; the rest is delivered.
#[tokio::test]
async fn events_lost_to_retention_are_counted() {
    let mut stage = Stage::open(plan(1, "")).await;
    stage.send_alerts(3);
    stage.settled().await;
    stage.stop().await;
    stage.send_alerts(10);
    stage.hub.truncate(0, SequenceNumber(9));
    stage.oracle.excuse(0, 9);
    stage.start().await;
    stage.settled().await;
    assert_eq!(stage.oracle.confirmed("soc"), 3 + 4);
    assert_eq!(total(&stage.bridge().metrics.eventhub_lost_events_total, &[]), 6);
    stage.stop().await;
    let audit = stage.oracle.audit();
    let [partition] = &audit.partitions[..] else {
        panic!("{audit:?}");
    };
    let lost: u64 = partition.days.values().map(|day| day.totals.gaps.lost).sum();
    assert_eq!((lost, audit.is_balanced()), (6, false));
    assert_eq!(partition.findings, []);
    stage.close().await;
}

/// Scenario: events are at the receiver and not confirmed when the hub is deleted and made again; they are confirmed
/// while the new hub cannot be read yet.
/// Guarantees: the old events are finished, and their late outcomes move no position; then the new hub is read from
/// its beginning.
#[tokio::test]
async fn late_outcomes_of_a_former_hub_move_no_position() {
    let mut stage = Stage::open(plan(1, "")).await;
    stage.send_alerts(10);
    stage.settled().await;
    stage
        .until("a checkpoint", |stage| {
            stage.oracle.checkpoint(DEFAULT_GROUP, 0) == Some(9)
        })
        .await;
    stage.receiver("soc").emulator.script().never_acknowledges = true;
    stage.send_alerts(5);
    stage
        .until("arrival of five more", |stage| {
            stage.receiver("soc").emulator.statistics().received == 15
        })
        .await;
    let attaches = stage.hub.statistics().attaches;
    let refusal = Condition::new("amqp:internal-error", "by a test");
    stage.hub.faults().refuse_attach(Some(refusal));
    stage.oracle.begin_life();
    stage.hub.recreate_hub();
    stage.send_alerts(3);
    stage
        .until("a try to read the new hub", |stage| {
            stage.hub.statistics().attaches > attaches
        })
        .await;
    stage.receiver("soc").emulator.script().never_acknowledges = false;
    stage
        .until("confirmation of what was in flight", |stage| {
            stage.oracle.confirmed("soc") == 15
        })
        .await;
    stage.pass(Duration::from_millis(500)).await;
    assert_eq!(stage.oracle.checkpoint(DEFAULT_GROUP, 0), Some(9));
    stage.hub.faults().refuse_attach(None);
    stage.settled().await;
    stage
        .until("the new hub's last position", |stage| {
            stage.oracle.checkpoint(DEFAULT_GROUP, 0) == Some(2)
        })
        .await;
    stage.close().await;
}

/// Scenario: the hub is made again and at once has more events than were read of the former one.
/// Guarantees: it is read from its beginning, although the old position exists in it too.
#[tokio::test]
async fn a_hub_made_anew_is_noticed_although_it_has_grown() {
    let mut stage = Stage::open(plan(1, "")).await;
    stage.send_alerts(3);
    stage.settled().await;
    stage.oracle.begin_life();
    stage.hub.recreate_hub();
    stage.send_alerts(20);
    stage.settled().await;
    assert_eq!(stage.oracle.confirmed("soc"), 23);
    stage.close().await;
}

/// Scenario: the hub is made again while the bridge is away, and has fewer events than the stored position counts.
/// Guarantees: it is read from its beginning.
#[tokio::test]
async fn a_hub_made_anew_is_read_from_its_beginning() {
    let mut stage = Stage::open(plan(1, "")).await;
    stage.send_alerts(10);
    stage.settled().await;
    stage.stop().await;
    stage.oracle.begin_life();
    stage.hub.recreate_hub();
    stage.send_alerts(3);
    stage.start().await;
    stage.settled().await;
    assert_eq!(stage.oracle.confirmed("soc"), 13);
    stage.stop().await;
    let audit = stage.oracle.audit();
    let findings = &audit.partitions[0].findings;
    let is_recreated = matches!(
        &findings[..],
        [Finding {
            what: What::Recreated { last: 9, .. },
            ..
        }]
    );
    assert!(is_recreated && audit.is_balanced(), "{audit:?}");
    stage.close().await;
}

/// Scenario: the hub does not answer while a lost connection is made anew, for longer than a partition may be idle.
/// Guarantees: when it answers again, reading goes on.
#[tokio::test]
async fn an_idle_partition_without_a_connection_comes_back() {
    let mut stage = Stage::open(plan(8, "")).await;
    stage.send_alerts(8);
    stage.settled().await;
    stage.hub_proxy.set(Mode::Stall).await;
    let reset = tokio::time::timeout(Duration::from_millis(200), stage.hub_proxy.reset_connections());
    let _is_seen = reset.await.is_ok();
    stage.pass(Duration::from_millis(1500)).await;
    stage.hub_proxy.set(Mode::Pass).await;
    stage.send_alerts(16);
    stage.settled().await;
    stage.close().await;
}

/// Scenario: a checkpoint that does not name its hub, as other consumers leave, was stored before the hub was made anew, which
/// has passed its number since.
/// Guarantees: its time tells, and the new hub is read from its beginning.
#[tokio::test]
async fn a_checkpoint_older_than_the_hub_is_not_used() {
    let mut stage = Stage::open(plan(1, "")).await;
    stage.send_alerts(3);
    stage.settled().await;
    stage.stop().await;
    forget_hub(&stage.path("state"), SystemTime::now() - Duration::from_secs(60));
    stage.oracle.begin_life();
    stage.hub.recreate_hub();
    stage.send_alerts(10);
    stage.start().await;
    stage.settled().await;
    assert_eq!(stage.oracle.confirmed("soc"), 13);
    stage.close().await;
}

/// Scenario: reading starts at an offset without a number; its event and those after it were removed.
/// Guarantees: the hub does not say so, but the bridge does, by a count of what it cannot count; the rest is read.
#[tokio::test]
async fn an_offset_that_is_gone_is_told() {
    let mut stage = Stage::set_up(plan(1, ", start: { offset: { '0': '8192' } }")).await;
    stage.send_alerts(8);
    stage.hub.truncate(0, SequenceNumber(5));
    stage.oracle.excuse(0, 5);
    stage.start().await;
    stage.settled().await;
    let metrics = &stage.bridge().metrics;
    assert_eq!(total(&metrics.eventhub_gone_offsets_total, &[]), 1);
    assert_eq!(total(&metrics.eventhub_lost_events_total, &[]), 0);
    assert_eq!(stage.oracle.confirmed("soc"), 3);
    stage.close().await;
}
