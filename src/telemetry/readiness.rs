//! Whether the bridge does its work: what `/readyz` says, and the gauges that change with time alone.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use serde::Serialize;

use super::Metrics;
use super::health::TargetHealth;
use super::partition_status::PartitionStatus;
use crate::acknowledge::Window;
use crate::config::unit;
use crate::deliver::dead_letter;
use crate::event::{PartitionId, Timestamp};

/// What is known of everything that can be in trouble.
#[derive(Debug, Default)]
pub struct Readiness {
    partitions: Mutex<Partitions>,
    windows: Mutex<BTreeMap<Arc<str>, Arc<Window>>>,
    targets: Mutex<Vec<(Arc<str>, Arc<TargetHealth>)>>,
    troubles: Mutex<BTreeMap<Arc<str>, String>>,
    dead_letters: Arc<dead_letter::Health>,
    /// Why the changed files are not in use.
    reload: Mutex<Vec<String>>,
    /// How long the hub keeps events, if known.
    retention: Option<Duration>,
}

/// By consumer group and partition.
type Partitions = BTreeMap<(Arc<str>, PartitionId), Arc<PartitionStatus>>;

/// The body of `/readyz`.
#[derive(Debug, Serialize)]
pub struct Report {
    /// Whether everything below is well.
    pub is_ready: bool,
    /// What is not, each in one sentence an operator can act on.
    pub problems: Vec<String>,
    /// What does not stop the records but should be looked at, likewise.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub notices: Vec<String>,
}

impl Readiness {
    /// Nothing is known yet but how long the hub keeps events, if that is configured.
    pub fn new(retention: Option<Duration>) -> Self {
        Self {
            retention,
            ..Self::default()
        }
    }

    /// Adds a partition; before its first attach the bridge is not ready.
    pub fn partition(&self, consumer_group: &Arc<str>, partition: &PartitionId) -> Arc<PartitionStatus> {
        let key = (Arc::clone(consumer_group), partition.clone());
        Arc::clone(
            lock(&self.partitions)
                .entry(key)
                .or_insert_with(|| Arc::new(PartitionStatus::new())),
        )
    }

    /// Adds a consumer group with its window; it is in trouble until its partitions are known.
    pub fn window(&self, consumer_group: &Arc<str>, window: &Arc<Window>) {
        let unknown = format!("consumer group {consumer_group}: the partitions of the hub are not known yet");
        self.trouble(consumer_group, Some(unknown));
        lock(&self.windows).insert(Arc::clone(consumer_group), Arc::clone(window));
    }

    /// Adds a target.
    pub fn target(&self, name: &Arc<str>, health: &Arc<TargetHealth>) {
        lock(&self.targets).push((Arc::clone(name), Arc::clone(health)));
    }

    /// Where the writer of dead letters says that it cannot write.
    pub fn dead_letters(&self) -> Arc<dead_letter::Health> {
        Arc::clone(&self.dead_letters)
    }

    /// Notes or, with `None`, ends a trouble of a whole consumer group, in one sentence.
    pub fn trouble(&self, consumer_group: &Arc<str>, sentence: Option<String>) {
        match sentence {
            Some(sentence) => lock(&self.troubles).insert(Arc::clone(consumer_group), sentence),
            None => lock(&self.troubles).remove(consumer_group),
        };
    }

    /// Notes why the changed files are not in use, one text for each problem; none ends it. Whether it was noted before.
    pub fn reload_refused(&self, problems: Vec<String>) -> bool {
        !std::mem::replace(&mut *lock(&self.reload), problems).is_empty()
    }

    /// What `/readyz` says now.
    pub fn report(&self) -> Report {
        let mut problems: Vec<String> = lock(&self.troubles).values().cloned().collect();
        for ((group, partition), status) in lock(&self.partitions).iter() {
            if let Some(problem) = status.problem() {
                problems.push(format!(
                    "partition {partition} of consumer group {group}: {problem}"
                ));
            }
        }
        for (name, health) in lock(&self.targets).iter() {
            if let Some(blocked) = health.blocked() {
                problems.push(format!(
                    "target {name} is blocked ({}): {}{}",
                    blocked.reason.as_str(),
                    blocked.detail,
                    self.time_left()
                ));
            }
        }
        if let Some(detail) = self.dead_letters.blocked() {
            problems.push(format!(
                "dead letters cannot be written, so intake stops: {detail}"
            ));
        }
        Report {
            is_ready: problems.is_empty(),
            problems,
            notices: lock(&self.reload)
                .iter()
                .map(|problem| format!("changed files are not taken over: {problem}"))
                .collect(),
        }
    }

    /// How long a target may stay blocked before the hub removes what it has not got: a time where the retention is
    /// configured, else in events.
    fn time_left(&self) -> String {
        let partitions = lock(&self.partitions);
        let Some(retention) = self.retention else {
            let kept = partitions
                .values()
                .filter_map(|status| status.kept_before_waiting());
            return kept.min().map_or_else(String::new, |events| {
                format!(
                    "; the hub keeps {events} events older than the oldest that waits, and removes them first"
                )
            });
        };
        let oldest = partitions
            .values()
            .filter_map(|status| status.oldest_waiting())
            .min();
        let age = oldest.map_or(0, |oldest| Timestamp::now().millis_since(oldest).max(0) as u64);
        let left = retention.saturating_sub(Duration::from_millis(age));
        format!(
            "; the hub removes what waits in {}",
            unit::Duration(Duration::from_secs(left.as_secs() / 60 * 60))
        )
    }

    /// Brings the gauges up to date that change without an event: called before they are shown.
    pub fn refresh(&self, metrics: &Metrics) {
        for ((group, partition), status) in lock(&self.partitions).iter() {
            let labels = [partition.as_str(), group];
            metrics
                .eventhub_attached
                .with_label_values(&labels)
                .set(i64::from(status.is_attached()));
            if let Some(lag) = status.lag_events() {
                metrics.eventhub_lag_events.with_label_values(&labels).set(lag);
                metrics
                    .eventhub_lag_seconds
                    .with_label_values(&labels)
                    .set(status.lag_seconds(lag));
            }
        }
        for (group, window) in lock(&self.windows).iter() {
            metrics
                .acknowledge_window_events
                .with_label_values(&[group])
                .set(window.events() as i64);
            metrics
                .acknowledge_window_bytes
                .with_label_values(&[group])
                .set(window.bytes() as i64);
        }
    }

    /// Events received and not settled, over all consumer groups.
    pub fn held_events(&self) -> usize {
        lock(&self.windows).values().map(|window| window.events()).sum()
    }

    /// Events in the hub that are not settled yet, over all partitions.
    pub fn lag_events(&self) -> i64 {
        lock(&self.partitions)
            .values()
            .filter_map(|status| status.lag_events())
            .sum()
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().expect("no holder of this lock panics")
}

#[cfg(test)]
mod tests {
    use super::*;

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
}
