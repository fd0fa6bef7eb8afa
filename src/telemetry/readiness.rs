//! Whether the bridge does its work: what `/readyz` says, and the gauges that change with time alone.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use serde::Serialize;

use super::Metrics;
use super::health::{Blocked, TargetHealth};
use super::partition_status::PartitionStatus;
use super::retention::Left;
use super::silence::Silence;
use crate::acknowledge::Window;
use crate::deliver::dead_letter;
use crate::event::{PartitionId, Timestamp};

/// What has waited for a target for so long is no longer just on its way.
const HELD_UP: Duration = Duration::from_secs(60);

/// What is known of everything that can be in trouble.
#[derive(Debug, Default)]
pub struct Readiness {
    partitions: Mutex<Partitions>,
    windows: Mutex<BTreeMap<Arc<str>, Arc<Window>>>,
    targets: Mutex<Vec<Target>>,
    troubles: Mutex<BTreeMap<Arc<str>, String>>,
    dead_letters: Arc<dead_letter::Health>,
    /// Why the changed files are not in use.
    reload: Mutex<Vec<String>>,
    /// How long the hub keeps events, if known.
    retention: Option<Duration>,
    /// The longest time between two events that is normal, if known.
    expect_event_every: Option<Duration>,
    silences: Mutex<BTreeMap<Arc<str>, Arc<Silence>>>,
}

#[derive(Debug)]
struct Target {
    name: Arc<str>,
    consumer_group: Arc<str>,
    health: Arc<TargetHealth>,
}

/// A target that takes nothing until an operator acts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BlockedTarget {
    /// Its name.
    pub name: Arc<str>,
    /// Why.
    pub blocked: Blocked,
    /// How long it may stay so; `None` while nothing waits for it.
    pub left: Option<Left>,
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

    /// The same, which tells of a hub that takes in nothing for longer than `expect_event_every`.
    pub fn expecting(self, expect_event_every: Option<Duration>) -> Self {
        Self {
            expect_event_every,
            ..self
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

    /// Takes a partition out that is another instance's now.
    pub fn forget(&self, consumer_group: &Arc<str>, partition: &PartitionId) {
        lock(&self.partitions).remove(&(Arc::clone(consumer_group), partition.clone()));
    }

    /// Adds a consumer group with its window; it is in trouble until its partitions are known.
    pub fn window(&self, consumer_group: &Arc<str>, window: &Arc<Window>) {
        let unknown = format!("consumer group {consumer_group}: the partitions of the hub are not known yet");
        self.trouble(consumer_group, Some(unknown));
        lock(&self.windows).insert(Arc::clone(consumer_group), Arc::clone(window));
    }

    /// What the hub of a consumer group took in last.
    pub fn silence(&self, consumer_group: &Arc<str>) -> Arc<Silence> {
        let mut silences = lock(&self.silences);
        let silence = silences
            .entry(Arc::clone(consumer_group))
            .or_insert_with(|| Arc::new(Silence::new(self.expect_event_every)));
        Arc::clone(silence)
    }

    /// When the hub took in its newest event, as far as the readers of a consumer group know.
    pub fn newest_enqueued(&self, consumer_group: &Arc<str>) -> Option<Timestamp> {
        let partitions = lock(&self.partitions);
        let of_group = partitions
            .iter()
            .filter(|((group, _), _)| group == consumer_group);
        of_group.filter_map(|(_, status)| status.newest_enqueued()).max()
    }

    /// Adds a target.
    pub fn target(&self, name: &Arc<str>, consumer_group: &Arc<str>, health: &Arc<TargetHealth>) {
        lock(&self.targets).push(Target {
            name: Arc::clone(name),
            consumer_group: Arc::clone(consumer_group),
            health: Arc::clone(health),
        });
    }

    /// The targets that take nothing now.
    pub fn blocked_targets(&self) -> Vec<BlockedTarget> {
        let targets = lock(&self.targets);
        let blocked = targets.iter().filter_map(|target| {
            Some(BlockedTarget {
                name: Arc::clone(&target.name),
                blocked: target.health.blocked()?,
                left: self.left(target, Duration::ZERO),
            })
        });
        blocked.collect()
    }

    /// How long a target may take nothing before the hub removes what waits for it; `None` where nothing has waited since
    /// the hub took it in for `at_least`.
    fn left(&self, target: &Target, at_least: Duration) -> Option<Left> {
        let now = Timestamp::now();
        let partitions = lock(&self.partitions);
        let of_group = partitions
            .iter()
            .filter(|((group, _), _)| *group == target.consumer_group);
        let waiting = of_group
            .filter_map(|(_, status)| status.waiting_for(&target.name))
            .filter(|waiting| now.millis_since(waiting.enqueued_time) >= at_least.as_millis() as i64);
        Left::of(waiting, self.retention, now)
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
        let partitions = lock(&self.partitions).clone();
        for ((group, partition), status) in &partitions {
            if status.is_gone().is_some() {
                continue;
            }
            let standstill = || Some(status.standstill()? + &self.holders(group, status));
            let problem = status.detachment().or_else(|| status.stuck_link());
            if let Some(problem) = problem.or_else(standstill) {
                problems.push(format!(
                    "partition {partition} of consumer group {group}: {problem}"
                ));
            }
        }
        for BlockedTarget { name, blocked, left } in self.blocked_targets() {
            problems.push(format!(
                "target {name} is blocked ({}): {}{}",
                blocked.reason.as_str(),
                blocked.detail,
                in_addition(left)
            ));
        }
        if let Some(detail) = self.dead_letters.blocked() {
            problems.push(format!(
                "dead letters cannot be written, so intake stops: {detail}"
            ));
        }
        Report {
            is_ready: problems.is_empty(),
            problems,
            notices: [self.notices(), self.hub_notices()].concat(),
        }
    }

    /// Brings the gauges up to date that change without an event: called before they are shown.
    pub fn refresh(&self, metrics: &Metrics) {
        for ((group, partition), status) in lock(&self.partitions).iter() {
            let labels = [partition.as_str(), group];
            if status.is_gone().is_some() {
                hide(&labels, metrics);
                continue;
            }
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
        for target in lock(&self.targets).iter() {
            self.show_left(target, metrics);
        }
        for (group, silence) in lock(&self.silences).clone().iter() {
            if let Some(newest) = self.newest_enqueued(group) {
                silence.seen(newest);
            }
            show_silence(group, silence, metrics);
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

    /// Who holds a partition, and until when the hub bears it.
    fn holders(&self, consumer_group: &Arc<str>, status: &PartitionStatus) -> String {
        let targets = lock(&self.targets);
        let holders = targets
            .iter()
            .filter(|target| target.consumer_group == *consumer_group && status.is_held_by(&target.name));
        holders
            .map(|target| {
                let waiting = status.waiting_for(&target.name).into_iter();
                let left = Left::of(waiting, self.retention, Timestamp::now());
                format!(
                    "; target {} has not taken the oldest{}",
                    target.name,
                    in_addition(left)
                )
            })
            .collect()
    }

    fn notices(&self) -> Vec<String> {
        let targets = lock(&self.targets);
        let given_up = targets.iter().filter_map(|target| {
            let records = target.health.given_up_records()?;
            let name = &target.name;
            Some(format!(
                "target {name} is given up: {records} of its records went to the dead letters since the start"
            ))
        });
        let reload = lock(&self.reload);
        let refused = reload
            .iter()
            .map(|problem| format!("changed files are not taken over: {problem}"));
        given_up.chain(refused).collect()
    }

    /// Partitions that are gone, and hubs that take in nothing: nothing here can mend either.
    fn hub_notices(&self) -> Vec<String> {
        let partitions = lock(&self.partitions).clone();
        let gone = partitions.iter().filter_map(|((group, partition), status)| {
            let notice = status.is_gone()?;
            Some(format!(
                "partition {partition} of consumer group {group}: {notice}"
            ))
        });
        let silences = lock(&self.silences).clone();
        let silent = silences.iter().filter_map(|(group, silence)| {
            let notice = silence.notice(Timestamp::now())?;
            Some(format!("consumer group {group}: {notice}"))
        });
        gone.chain(silent).collect()
    }

    /// A gauge that says nothing now is not shown.
    fn show_left(&self, target: &Target, metrics: &Metrics) {
        let labels = [&*target.name];
        let left = self.left(target, HELD_UP);
        let (seconds, events) = (
            &metrics.deliver_retention_left_seconds,
            &metrics.deliver_retention_left_events,
        );
        // An error says that it was not shown before either.
        match left.and_then(|left| left.time) {
            Some(time) => seconds.with_label_values(&labels).set(time.as_secs_f64()),
            None => drop(seconds.remove_label_values(&labels)),
        }
        match left.and_then(|left| left.events) {
            Some(events_left) => events.with_label_values(&labels).set(events_left as i64),
            None => drop(events.remove_label_values(&labels)),
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

/// A partition that is gone has no lag, and nothing to attach to. An error says that it was not shown before either.
fn hide(labels: &[&str], metrics: &Metrics) {
    drop(metrics.eventhub_attached.remove_label_values(labels));
    drop(metrics.eventhub_lag_events.remove_label_values(labels));
    drop(metrics.eventhub_lag_seconds.remove_label_values(labels));
}

fn show_silence(consumer_group: &str, silence: &Silence, metrics: &Metrics) {
    if let Some(lasts) = silence.lasts(Timestamp::now()) {
        metrics
            .eventhub_seconds_since_last_event
            .with_label_values(&[consumer_group])
            .set(lasts.as_secs_f64());
    }
    if silence.expected().is_some() {
        metrics
            .eventhub_event_overdue
            .with_label_values(&[consumer_group])
            .set(i64::from(silence.is_overdue()));
    }
}

/// What is left, as the end of a sentence.
fn in_addition(left: Option<Left>) -> String {
    let known = left.filter(Left::is_known);
    known.map_or_else(String::new, |left| format!("; {left}"))
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().expect("no holder of this lock panics")
}

#[cfg(test)]
mod tests;
