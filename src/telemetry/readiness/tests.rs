//! What `/readyz` and the gauges say in each state.

use prometheus::core::Collector;

use super::*;
use crate::acknowledge::{EventInFlight, InFlight};
use crate::event::{Event, Offset, SequenceNumber};
use crate::telemetry::BlockReason;

/// Scenario: a partition attaches, loses its link for a passing reason, then to another reader.
/// Guarantees: only what needs an operator, or was never attached, makes the bridge not ready.
#[test]
fn a_passing_detach_is_no_problem() {
    let readiness = Readiness::new(None);
    let group: Arc<str> = "$Default".into();
    let status = readiness.partition(&group, &PartitionId::new("1"));
    assert_eq!(
        readiness.report().problems,
        ["partition 1 of consumer group $Default: not attached yet"]
    );
    status.attached();
    assert!(readiness.report().is_ready);
    status.detached("connection reset".to_owned(), false);
    assert!(readiness.report().is_ready);
    status.detached("another reader took it".to_owned(), true);
    assert_eq!(
        readiness.report().problems,
        ["partition 1 of consumer group $Default: another reader took it"]
    );
    status.attached();
    assert!(readiness.report().is_ready);
}

/// Scenario: changed files are refused, then mended. Guarantees: that is said, and does not make the bridge unready.
#[test]
fn a_refused_reload_is_a_notice() {
    let readiness = Readiness::new(None);
    assert!(!readiness.reload_refused(vec!["a.yaml:1: wrong".to_owned()]));
    let report = readiness.report();
    assert!(report.is_ready);
    assert_eq!(
        report.notices,
        ["changed files are not taken over: a.yaml:1: wrong"]
    );
    assert!(readiness.reload_refused(Vec::new()));
    assert!(readiness.report().notices.is_empty());
}

/// Scenario: a consumer group is read whose partitions are not known yet. Guarantees: not ready until they are.
#[test]
fn waits_for_the_partitions_of_every_group() {
    let readiness = Readiness::new(None);
    let (first, second): (Arc<str>, Arc<str>) = ("a".into(), "b".into());
    for group in [&first, &second] {
        readiness.window(group, &Window::new(100, 1 << 20));
    }
    readiness.trouble(&first, None);
    assert!(!readiness.report().is_ready);
    readiness.trouble(&second, None);
    assert!(readiness.report().is_ready);
}

/// A partition that holds one event, taken in so many minutes ago.
fn holds(readiness: &Readiness, group: &Arc<str>, minutes: i64) -> Arc<EventInFlight> {
    let partition = PartitionId::new("0");
    let in_flight = InFlight::new(partition.clone(), 0, Window::new(10, 10));
    let now = Timestamp::now().as_millis();
    let event = in_flight.begin(&Event {
        partition: partition.clone(),
        sequence_number: SequenceNumber(41),
        offset: Offset::new("o41"),
        enqueued_time: Timestamp::from_millis(now - minutes * 60_000),
        body: bytes::Bytes::new(),
        last_enqueued: None,
    });
    let status = readiness.partition(group, &partition);
    status.attached();
    status.tracks(&in_flight, None);
    event
}

/// Scenario: a target is blocked while its group holds an event of an hour ago, and another group one of five hours.
/// Guarantees: it is said how long its own event is still kept, here and in the metric; once nothing waits for it, no
/// longer.
#[test]
fn a_blocked_target_has_the_time_of_its_own_group() {
    let readiness = Readiness::new(Some(Duration::from_secs(24 * 3600)));
    let metrics = Metrics::new();
    let (mine, other): (Arc<str>, Arc<str>) = ("mine".into(), "other".into());
    let health = Arc::new(TargetHealth::new("soc", &metrics));
    readiness.target(&"soc".into(), &mine, &health);
    health.block(BlockReason::Authorization, "403 Forbidden");
    let event = holds(&readiness, &mine, 60);
    let _other = holds(&readiness, &other, 300);
    assert_eq!(
        readiness.report().problems,
        ["target soc is blocked (authorization): 403 Forbidden; the hub removes what waits in 23h"]
    );
    readiness.refresh(&metrics);
    let left = |metrics: &Metrics| {
        let families = metrics.deliver_retention_left_seconds.collect();
        let gauges = families.iter().flat_map(|family| family.get_metric());
        gauges
            .map(|metric| metric.get_gauge().get_value())
            .collect::<Vec<_>>()
    };
    assert!(
        matches!(left(&metrics)[..], [left] if (82_000.0..=82_900.0).contains(&left)),
        "{:?}",
        left(&metrics)
    );
    event.close();
    readiness.refresh(&metrics);
    assert_eq!(left(&metrics), Vec::<f64>::new());
    assert_eq!(
        readiness.report().problems,
        ["target soc is blocked (authorization): 403 Forbidden"]
    );
}

/// Scenario: a target is given up. Guarantees: `/readyz` has a notice with the count, and stays ready.
#[test]
fn a_target_that_is_given_up_is_a_notice() {
    let readiness = Readiness::new(None);
    let metrics = Metrics::new();
    let health = Arc::new(TargetHealth::new("soc", &metrics));
    readiness.target(&"soc".into(), &"$Default".into(), &health);
    assert!(readiness.report().notices.is_empty());
    health.given_up(0);
    health.given_up(7);
    let report = readiness.report();
    assert!(report.is_ready);
    assert_eq!(
        report.notices,
        ["target soc is given up: 7 of its records went to the dead letters since the start"]
    );
    assert_eq!(metrics.deliver_given_up.with_label_values(&["soc"]).get(), 1);
}

/// Scenario: a link stays stuck through re-attaching, then an event comes. Guarantees: the problem is told until then, in
/// place of the mere standstill, and a new link alone does not end it.
#[test]
fn a_stuck_link_is_a_problem_until_an_event_comes() {
    let readiness = Readiness::new(None);
    let status = readiness.partition(&"$Default".into(), &PartitionId::new("1"));
    status.attached();
    status.stuck(Some("its link brings nothing".to_owned()));
    let problems = ["partition 1 of consumer group $Default: its link brings nothing"];
    assert_eq!(readiness.report().problems, problems);
    status.detached("given up".to_owned(), false);
    status.attached();
    assert_eq!(readiness.report().problems, problems);
    status.stuck(None);
    assert!(readiness.report().is_ready);
}

/// Scenario: a partition that was read is no longer in the hub, and comes back later.
/// Guarantees: meanwhile it is a notice and no problem that it is not attached, and its gauges are not shown.
#[test]
fn a_partition_that_is_gone_is_a_notice() {
    let readiness = Readiness::new(None);
    let metrics = Metrics::new();
    let shown = |metrics: &Metrics| {
        readiness.refresh(metrics);
        let families = metrics.eventhub_attached.collect();
        families
            .iter()
            .map(|family| family.get_metric().len())
            .sum::<usize>()
    };
    let status = readiness.partition(&"$Default".into(), &PartitionId::new("1"));
    status.detached("there is no such partition".to_owned(), true);
    assert_eq!(shown(&metrics), 1);
    assert!(!readiness.report().is_ready);
    status.gone(Some("it is gone".to_owned()));
    let report = readiness.report();
    assert!(report.is_ready);
    assert_eq!(
        report.notices,
        ["partition 1 of consumer group $Default: it is gone"]
    );
    assert_eq!(shown(&metrics), 0);
    status.gone(None);
    assert!(!readiness.report().is_ready);
    assert_eq!(shown(&metrics), 1);
}

/// Scenario: an event is expected every hour, and the last one is two hours old.
/// Guarantees: once the hub has confirmed it, it is a notice and a gauge, and no reason to be unready.
#[test]
fn an_overdue_event_is_a_notice() {
    let readiness = Readiness::new(None).expecting(Some(Duration::from_secs(3600)));
    let metrics = Metrics::new();
    let group: Arc<str> = "$Default".into();
    let status = readiness.partition(&group, &PartitionId::new("0"));
    status.attached();
    status.enqueued(Timestamp::from_millis(Timestamp::now().as_millis() - 7_230_000));
    let silence = readiness.silence(&group);
    readiness.refresh(&metrics);
    assert!(silence.is_suspicious(Timestamp::now()));
    assert!(readiness.report().notices.is_empty());
    silence.set_overdue(true);
    readiness.refresh(&metrics);
    let report = readiness.report();
    assert!(report.is_ready);
    let notice =
        "consumer group $Default: the hub has taken in nothing for 2h, and an event is expected every 1h";
    assert!(report.notices[0].starts_with(notice), "{:?}", report.notices);
    let overdue = metrics.eventhub_event_overdue.with_label_values(&[&*group]);
    let age = metrics
        .eventhub_seconds_since_last_event
        .with_label_values(&[&*group]);
    assert_eq!(overdue.get(), 1);
    assert!((7200.0..7300.0).contains(&age.get()), "{}", age.get());
}
