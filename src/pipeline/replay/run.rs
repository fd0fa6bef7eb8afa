//! A replay from its start to its end: readers of the ranges, workers of the target, and who takes what is refused.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use governor::Quota;
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use super::connected::{Connected, usage};
use super::progress::Progress;
use super::reading::Reading;
use super::rejected::Rejected;
use super::report::Report;
use super::scope::Scope;
use super::target::{check_file, target};
use super::work::{Refused, Work};
use crate::acknowledge::Window;
use crate::cli::exit::Failure;
use crate::config::target::Snapshots;
use crate::config::{Configuration, TargetConfiguration};
use crate::deliver::Context;
use crate::deliver::dead_letter::DeadLetters;
use crate::deliver::rate::{self, MAX_PASSED_RECORDS};
use crate::event::Rendered;
use crate::pipeline::bridge::ALLOCATOR_FRACTION;
use crate::pipeline::counters::{Counters, Decisions};
use crate::pipeline::dispatch::{Destination, Dispatch, Unrouted};
use crate::pipeline::undeliverable::{self, MAX_WAITING_LETTERS, Undeliverable};
use crate::pipeline::workers;
use crate::route::SnapshotRule;
use crate::telemetry::{Metrics, TargetHealth};

/// Records that may wait for the target. There is no other target to be held up, and what waits here would only make a stop
/// longer.
const MAX_WAITING_RECORDS: usize = 1_000;

/// What is to be replayed, and how.
#[derive(Debug, Clone)]
pub struct Settings {
    /// The target, one of the configuration.
    pub target: Arc<str>,
    /// The consumer group to read through; one that the configuration does not read.
    pub consumer_group: Arc<str>,
    /// What is read.
    pub scope: Scope,
    /// Whether the target gets every record, whatever its route and its rule for snapshots say.
    pub all_records: bool,
    /// The most records it gets in a time, besides its own `rate`.
    pub rate: Option<Quota>,
    /// Where refused records are written.
    pub rejected: Option<PathBuf>,
}

/// A replay whose ranges are known and which is not running yet.
pub struct Replay {
    target: TargetConfiguration,
    settings: Settings,
    grace_period: Duration,
    idle_interval: Duration,
    window: Arc<Window>,
    dispatch_hub: crate::event::Hub,
    metrics: Arc<Metrics>,
    health: Arc<TargetHealth>,
    hub: Connected,
    rejected: Rejected,
    progress: Arc<Progress>,
}

impl Replay {
    /// Asks the hub for the ranges, and opens everything that can be refused. Nothing is read or sent yet.
    pub async fn open(configuration: Configuration, settings: Settings) -> Result<Self, Failure> {
        settings.scope.check().map_err(usage)?;
        let target = target(&configuration, &settings.target)?;
        let hub = Connected::new(&configuration, &settings.consumer_group);
        let asked = hub.ranges(&settings.scope).await;
        // Last, because a file that is not there yet is made.
        let opened = asked.and_then(|ranges| Ok((ranges, open_files(&target, &settings)?)));
        let (ranges, rejected) = match opened {
            Ok(opened) => opened,
            Err(failure) => {
                hub.close().await;
                return Err(failure);
            }
        };
        let metrics = Arc::new(Metrics::new());
        let health = Arc::new(TargetHealth::new(&target.name, &metrics));
        let window_bytes = configuration.window_bytes - configuration.window_bytes / ALLOCATOR_FRACTION;
        let window = Window::new(configuration.window_events, window_bytes);
        Ok(Self {
            progress: Progress::new(ranges, &window, Arc::clone(&health)),
            target,
            settings,
            grace_period: configuration.grace_period,
            idle_interval: configuration.intervals.idle,
            window,
            dispatch_hub: configuration.hub.hub.clone(),
            metrics,
            health,
            hub,
            rejected,
        })
    }

    /// What becomes of it while it runs.
    pub fn progress(&self) -> &Arc<Progress> {
        &self.progress
    }

    /// Runs until every range is read and everything is settled, until `stop` is cancelled and what is on its way is
    /// settled or the grace period is over, or until something cannot go on. The report is there in any case.
    pub async fn run(self, stop: CancellationToken) -> (Report, Result<(), Failure>) {
        let started = Instant::now();
        let (name, progress) = (Arc::clone(&self.target.name), Arc::clone(&self.progress));
        let result = self.run_to_the_end(stop).await;
        (Report::new(&name, &progress, started.elapsed()), result)
    }

    async fn run_to_the_end(self, stop: CancellationToken) -> Result<(), Failure> {
        let (intake, abandon) = (CancellationToken::new(), CancellationToken::new());
        let (dead_letters, requests) = DeadLetters::channel();
        let (undeliverable, waiting) = mpsc::channel(MAX_WAITING_LETTERS);
        let (records, queue) = mpsc::channel(MAX_WAITING_RECORDS);
        // Held until the last reader is seen to have ended: a worker that ends before is known to have failed.
        let held = (records.clone(), undeliverable.clone());
        let mut work = Work {
            readers: self.spawn_readers(records, undeliverable, &intake),
            workers: JoinSet::new(),
            refused: Refused::spawn(self.rejected, requests, &self.progress),
        };
        let letters = tokio::spawn(undeliverable::run(waiting, dead_letters.clone()));
        let context = Context {
            target: Arc::clone(&self.target.name),
            hub: self.dispatch_hub.clone(),
            consumer_group: Arc::clone(&self.settings.consumer_group),
            dead_letters,
            metrics: Arc::clone(&self.metrics),
            health: Arc::clone(&self.health),
            abandon: abandon.clone(),
        };
        let queue = limited(&mut work.workers, self.settings.rate, queue, &context);
        // Nothing is reloaded here, so the way for new settings is not kept.
        drop(workers::spawn(
            &mut work.workers,
            &self.target,
            queue,
            None,
            context,
        ));
        let read = work.read(&stop, &intake).await;
        drop(held);
        let is_ending = read.is_err() || stop.is_cancelled();
        let drained = work
            .drain(letters, &stop, is_ending, self.grace_period, &abandon)
            .await;
        self.hub.close().await;
        read.and(drained)
    }

    fn spawn_readers(
        &self,
        records: mpsc::Sender<Rendered>,
        undeliverable: mpsc::Sender<Undeliverable>,
        intake: &CancellationToken,
    ) -> JoinSet<Result<(), Failure>> {
        let dispatch = Arc::new(self.dispatch(records));
        let mut readers = JoinSet::new();
        for account in &self.progress.partitions {
            let reading = Reading {
                account: Arc::clone(account),
                client: Arc::clone(&self.hub.client),
                dispatch: Arc::clone(&dispatch),
                window: Arc::clone(&self.window),
                undeliverable: undeliverable.clone(),
                idle_interval: self.idle_interval,
                intake: intake.clone(),
            };
            readers.spawn(reading.run());
        }
        readers
    }

    /// The target alone. Unknown records that no route takes are the bridge's affair, and so is what was last delivered: a
    /// target that compares snapshots gets all of them.
    fn dispatch(&self, records: mpsc::Sender<Rendered>) -> Dispatch {
        let target = &self.target;
        let destination = Destination {
            name: Arc::clone(&target.name),
            route: target.route.clone().filter(|_| !self.settings.all_records),
            mapping: Arc::clone(&target.mapping),
            native: Arc::clone(&target.native),
            snapshots: match target.snapshots {
                Snapshots::Drop if !self.settings.all_records => SnapshotRule::Drop,
                Snapshots::Pass | Snapshots::Drop | Snapshots::ChangesOnly => SnapshotRule::Pass,
            },
            on_map_error: target.on_map_error,
            wanted_details: target.settings.wanted_details(),
            records,
            decisions: Decisions::new(&self.metrics, &target.name),
            in_flight: self
                .metrics
                .deliver_in_flight_records
                .with_label_values(&[&*target.name]),
        };
        Dispatch {
            hub: self.dispatch_hub.clone(),
            consumer_group: Arc::clone(&self.settings.consumer_group),
            targets: vec![destination],
            unrouted: Unrouted::Elsewhere,
            counters: Counters::new(&self.metrics),
        }
    }
}

/// The file of refused records. The target's own file is tried as well.
fn open_files(target: &TargetConfiguration, settings: &Settings) -> Result<Rejected, Failure> {
    check_file(target)?;
    Rejected::open(settings.rejected.as_deref()).map_err(|error| Failure::State(error.into()))
}

/// Puts the limit of this replay before the target's own one.
fn limited(
    workers: &mut JoinSet<()>,
    quota: Option<Quota>,
    records: mpsc::Receiver<Rendered>,
    context: &Context,
) -> mpsc::Receiver<Rendered> {
    let Some(quota) = quota else {
        return records;
    };
    let (passed, records_passed) = mpsc::channel(MAX_PASSED_RECORDS);
    workers.spawn(rate::limit(quota, records, passed, context.clone()));
    records_passed
}
