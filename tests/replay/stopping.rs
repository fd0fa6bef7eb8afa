//! Before the end.

use hub2siem::event::{PartitionId, SequenceNumber};
use hub2siem::pipeline::replay::{Chosen, First, Last, PerPartition, Report, Scope, Settings};

use super::stage::{Stage, settings, to_splunk};

/// So many that they are not all read before a slow link to the other partition is attached.
const EVENTS: usize = 1_000;

/// Scenario: a replay of two partitions is stopped in the middle; another one goes on from where the report says.
/// Guarantees: what was on its way is finished; together the two deliver everything; what the first one settled is not
/// sent again, but for records beyond one that was not settled.
#[tokio::test]
async fn a_stop_says_how_to_go_on() {
    let mut stage = Stage::new(2).await;
    stage.window_events = 40;
    stage.append(0, EVENTS);
    stage.append(1, 10);
    let running = stage.start(to_splunk()).await;
    running
        .until("some deliveries, and all of the short partition", |progress| {
            progress.totals().delivered >= 40 && stage.taken_of("1") == 10
        })
        .await;
    running.stop.cancel();
    let (report, result) = running.end().await;
    assert!(result.is_ok(), "{result:?}");
    assert!(!report.complete);
    assert_eq!(report.total.unsettled, 0, "the grace period was long enough");
    assert_eq!(report.partitions[1].rest, None, "the short one is done");
    let done = report.total.delivered;

    // What arrives after the stop is no part of the range.
    stage.append(0, 25);
    stage.window_events = 50_000;
    let report = stage
        .replay(Settings {
            scope: rest(&report),
            ..to_splunk()
        })
        .await;
    assert_eq!(done + report.total.delivered, EVENTS as u64 + 10);
    let mut expected: Vec<i64> = (0..EVENTS as i64).chain(0..10).collect();
    expected.sort_unstable();
    assert_eq!(stage.indexed(), expected);
}

/// Scenario: a stop while the target takes nothing.
/// Guarantees: it ends when the grace period does; nothing is settled, so the rest is everything.
#[tokio::test]
async fn a_stop_does_not_wait_for_a_target_for_ever() {
    let mut stage = Stage::new(1).await;
    stage.grace_period = "2s";
    stage.append(0, 30);
    stage.receiver.script().never_acknowledges = true;
    let running = stage.start(to_splunk()).await;
    running
        .until("events", |progress| progress.totals().events == 30)
        .await;
    running.stop.cancel();
    let (report, result) = running.end().await;
    assert!(result.is_ok(), "{result:?}");
    assert_eq!((report.total.delivered, report.total.unsettled), (0, 30));
    let rest = report.partitions[0].rest.clone().expect("nothing is done");
    assert_eq!((&*rest.from, &*rest.to), ("0", "29"));
}

/// Scenario: a stop before the first event. Guarantees: it ends, and the rest is what was asked for.
#[tokio::test]
async fn a_stop_at_once_leaves_everything() {
    let stage = Stage::new(1).await;
    stage.append(0, 5);
    let running = stage.start(settings()).await;
    running.stop.cancel();
    let (report, result) = running.end().await;
    assert!(result.is_ok(), "{result:?}");
    if let Some(rest) = &report.partitions[0].rest {
        let next = report.partitions[0]
            .settled
            .map(|settled| settled.next().to_string());
        assert_eq!(rest.from, next.unwrap_or_else(|| "earliest".to_owned()));
        assert_eq!(rest.to, "4");
    }
}

/// What a report leaves to another replay.
fn rest(report: &Report) -> Scope {
    let rests: Vec<_> = report
        .partitions
        .iter()
        .filter_map(|it| Some((it.partition.clone(), it.rest.clone()?)))
        .collect();
    let number = |text: &str| SequenceNumber(text.parse().expect("it is a number"));
    let each = |(partition, rest): &(PartitionId, hub2siem::pipeline::replay::report::Rest)| {
        (
            (partition.clone(), First::Number(number(&rest.from))),
            (partition.clone(), Last::Number(number(&rest.to))),
        )
    };
    let (first, last) = rests.iter().map(each).unzip();
    Scope {
        partitions: Chosen::These(rests.iter().map(|(partition, _)| partition.clone()).collect()),
        first: PerPartition::Each(first),
        last: PerPartition::Each(last),
    }
}
