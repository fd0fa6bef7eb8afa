//! Connections, targets and events that go away in the middle.

use std::num::NonZeroU32;
use std::time::{Duration, Instant};

use governor::Quota;
use hub2siem::cli::exit::Failure;
use hub2siem::emulator::event_hub::Condition;
use hub2siem::event::{PartitionId, SequenceNumber};
use hub2siem::eventhub::{HubClient, HubSettings, PartitionReader, StartPosition, Step};
use hub2siem::pipeline::replay::Settings;

use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::stage::{Stage, settings, to_splunk};

const EVENTS: usize = 300;

fn quota(records: u32) -> Option<Quota> {
    let records = NonZeroU32::new(records).expect("it is not zero");
    Some(Quota::per_second(records).allow_burst(NonZeroU32::MIN))
}

/// Scenario: the connection to the hub breaks three times while a range is replayed.
/// Guarantees: reading goes on after the last event received: every event arrives once, in its order.
#[tokio::test]
async fn a_reconnect_goes_on_where_it_was() {
    let mut stage = Stage::new(1).await;
    // Small, so that most of the range is still in the hub when the connection breaks.
    stage.window_events = 20;
    stage.append(0, EVENTS);
    let running = stage
        .start(Settings {
            rate: quota(400),
            ..settings()
        })
        .await;
    for delivered in [20, 80, 150] {
        running
            .until("delivery", |progress| progress.totals().delivered >= delivered)
            .await;
        stage.hub.faults().drop_connections();
    }
    assert!(
        running.progress.totals().events < EVENTS as u64,
        "the last break was in the middle"
    );
    let (report, result) = running.end().await;
    assert!(result.is_ok() && report.complete, "{result:?} {report:?}");
    assert_eq!(stage.take_file()["0"], (0..EVENTS as i64).collect::<Vec<_>>());
}

/// Scenario: the target refuses who we are for a while, in the middle.
/// Guarantees: the replay waits, says why, and goes on; every record is indexed.
#[tokio::test]
async fn an_outage_of_the_target_is_waited_out() {
    let mut stage = Stage::new(1).await;
    stage.window_events = 150;
    stage.append(0, EVENTS);
    stage.receiver.set_token("another-token");
    let running = stage.start(to_splunk()).await;
    running
        .until("a blocked target", |progress| progress.totals().blocked.is_some())
        .await;
    let totals = running.progress.totals();
    assert!(
        totals.events < EVENTS as u64,
        "the window bounds what is read: {totals:?}"
    );
    assert_eq!((totals.delivered, totals.events_expected), (0, EVENTS as u64));
    stage.receiver.set_token(super::stage::TOKEN);
    let (report, result) = running.end().await;
    assert!(result.is_ok() && report.complete, "{result:?} {report:?}");
    let mut indexed = stage.indexed();
    indexed.dedup();
    assert_eq!(indexed, (0..EVENTS as i64).collect::<Vec<_>>());
}

/// Scenario: while the target takes nothing, the hub removes the rest of the range, and no event follows.
/// Guarantees: the rest is counted as gone, and the replay ends instead of waiting for ever.
#[tokio::test]
async fn what_is_removed_meanwhile_is_gone() {
    let mut stage = Stage::new(1).await;
    stage.window_events = 20;
    stage.append(0, EVENTS);
    stage.receiver.set_token("another-token");
    let running = stage.start(to_splunk()).await;
    running
        .until("a blocked target", |progress| progress.totals().blocked.is_some())
        .await;
    stage.hub.truncate(0, SequenceNumber(EVENTS as i64));
    stage.receiver.set_token(super::stage::TOKEN);
    let (report, result) = running.end().await;
    assert!(result.is_ok() && report.complete, "{result:?} {report:?}");
    let total = report.total;
    assert!(total.gone > 0 && total.events > 0, "{total:?}");
    assert_eq!(total.events + total.gone, EVENTS as u64);
    assert_eq!(total.delivered, total.events);
}

/// Scenario: the hub is deleted and made again in the middle, with other events.
/// Guarantees: the replay ends with a failure of the peer and does not read what only has the same numbers.
#[tokio::test]
async fn another_hub_ends_it() {
    let mut stage = Stage::new(1).await;
    stage.window_events = 20;
    stage.append(0, EVENTS);
    let running = stage
        .start(Settings {
            rate: quota(200),
            ..settings()
        })
        .await;
    running
        .until("delivery", |progress| progress.totals().delivered > 0)
        .await;
    stage.hub.recreate_hub();
    stage.append(0, EVENTS);
    let (report, result) = running.end().await;
    assert!(matches!(result, Err(Failure::Peer(_))), "{result:?}");
    assert!(!report.complete);
    assert!(report.total.events < EVENTS as u64, "{:?}", report.total);
}

/// Scenario: a reader with an owner level holds the group that the replay is to read through.
/// Guarantees: the reader keeps its link; the replay ends as a failure of the peer that names the group.
#[tokio::test]
async fn a_reader_with_an_owner_level_is_left_in_peace() {
    let stage = Stage::new(1).await;
    stage.append(0, 5);
    let hub = HubSettings {
        consumer_group: settings().consumer_group,
        ..stage.configuration().hub
    };
    let client = HubClient::new(hub, TaskTracker::new(), CancellationToken::new());
    let mut reader = PartitionReader::new(client, PartitionId::new("0"), StartPosition::Earliest);
    let attached = reader.next(1).await;
    assert!(matches!(attached, Step::Attached { .. }), "{attached:?}");
    let (report, result) = stage.start(settings()).await.end().await;
    let failure = result.expect_err("the group is held");
    assert_eq!(failure.code(), 69);
    assert!(
        failure.render(false).contains("consumer group `replay`"),
        "{failure:?}"
    );
    assert_eq!(report.total.events, 0);
    let next = reader.next(1).await;
    assert!(matches!(next, Step::Event(_)), "{next:?}");
    reader.close().await;
}

/// Scenario: somebody takes the group with an owner level in the middle.
/// Guarantees: the replay gives way; what it had read is delivered, and the rest is told.
#[tokio::test]
async fn who_takes_the_group_ends_it() {
    let mut stage = Stage::new(1).await;
    stage.window_events = 20;
    stage.append(0, EVENTS);
    let running = stage
        .start(Settings {
            rate: quota(200),
            ..settings()
        })
        .await;
    running
        .until("delivery", |progress| progress.totals().delivered > 0)
        .await;
    let stolen = Condition::new(
        "amqp:link:stolen",
        "New receiver with higher epoch of '0' is created",
    );
    stage.hub.faults().detach(0, stolen);
    let (report, result) = running.end().await;
    let failure = result.expect_err("it gave way");
    assert_eq!(failure.code(), 69);
    assert!(
        failure.render(false).contains("consumer group `replay`"),
        "{failure:?}"
    );
    assert_eq!(
        report.total.delivered, report.total.events,
        "what was read is delivered"
    );
    assert!(report.partitions[0].rest.is_some());
}

/// Scenario: 60 records at 40 a second.
/// Guarantees: they take as long as that, and all arrive.
#[tokio::test]
async fn the_rate_is_kept() {
    let stage = Stage::new(1).await;
    stage.append(0, 60);
    let started = Instant::now();
    let report = stage
        .replay(Settings {
            rate: quota(40),
            ..settings()
        })
        .await;
    assert!(
        started.elapsed() >= Duration::from_millis(1400),
        "{:?}",
        started.elapsed()
    );
    assert_eq!(report.total.delivered, 60);
}

/// Scenario: the hub cannot be asked. Guarantees: a failure of the peer, at once.
#[tokio::test]
async fn a_hub_that_does_not_answer_is_a_failure() {
    let stage = Stage::new(1).await;
    stage.hub.faults().refuse_connects(true);
    let failure = stage.refused(settings()).await;
    assert!(matches!(failure, Failure::Peer(_)), "{failure:?}");
}
