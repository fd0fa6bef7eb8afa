//! The whole bridge: what it opens, what it starts, and how it stops.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use super::dispatch::{Counters, Decisions, Destination, Dispatch, Unrouted};
use super::group::Group;
use crate::acknowledge::Window;
use crate::checkpoint::file::Scope;
use crate::checkpoint::{FileStore, Store};
use crate::cli::exit::Failure;
use crate::config::target::Snapshots;
use crate::config::{Configuration, TargetConfiguration, TargetSettings};
use crate::deliver::dead_letter::{self, DeadLetters};
use crate::deliver::{Context, file, splunk_hec};
use crate::event::{Rendered, Timestamp};
use crate::eventhub::settings::PORT_TLS;
use crate::route::last_delivered::{Keeper, Remembering};
use crate::route::{ChangesOnly, SnapshotRule};
use crate::telemetry::http::Server;
use crate::telemetry::{Metrics, Readiness, TargetHealth};

/// Rendered records that may wait for a target's batcher; what is in them is booked in the window.
const MAX_QUEUED_RECORDS: usize = 256;
/// This part of `window.bytes` is left to the allocator: what is given back on another thread than it was taken on is of
/// use again only later. Measured under load: half as much again is resident as is held.
const ALLOCATOR_FRACTION: usize = 3;
/// How long the last checkpoint and the last dead letters may take beyond the grace period.
const CLOSE_TIMEOUT: Duration = Duration::from_millis(1200);

/// How everything is told to stop.
#[derive(Debug, Clone, Default)]
pub struct Stop {
    /// No more credit, no more events; what is on its way is finished.
    pub intake: CancellationToken,
    /// Every target has settled what it will settle; the last checkpoint can be written.
    pub delivered: CancellationToken,
    /// The grace period is over: let go of everything.
    pub abandon: CancellationToken,
}

/// A bridge that is opened and not running yet.
pub struct Bridge {
    configuration: Configuration,
    metrics: Arc<Metrics>,
    readiness: Arc<Readiness>,
    stores: BTreeMap<Arc<str>, Store>,
    last_delivered: Arc<Keeper>,
    writer: dead_letter::Writer,
    server: Server,
}

impl Bridge {
    /// Opens everything that can be refused: the address of metrics and health, and the state, which it locks.
    pub async fn start(configuration: Configuration, metrics: Arc<Metrics>) -> Result<Self, Failure> {
        let server = Server::bind(configuration.http)
            .await
            .map_err(|error| Failure::Usage(error.into()))?;
        let readiness = Arc::new(Readiness::new(configuration.retention));
        let mut stores = BTreeMap::new();
        let mut settled_until = BTreeMap::new();
        for group in configuration.groups() {
            let hub = &configuration.hub;
            let scope = Scope {
                namespace: &hub.hub.namespace,
                port: (hub.port != PORT_TLS).then_some(hub.port),
                hub: &hub.hub.name,
                consumer_group: &group,
            };
            let store = FileStore::open(&configuration.checkpoint_directory, scope).map(Store::File);
            let store = store.map_err(|error| Failure::State(error.into()))?;
            // Read now, so that a foreign or torn checkpoint is said before anything starts.
            let checkpoints = store
                .load_all()
                .await
                .map_err(|error| Failure::State(error.into()))?;
            let newest = checkpoints
                .values()
                .map(|checkpoint| checkpoint.enqueued_time)
                .max();
            settled_until.insert(Arc::clone(&group), newest);
            stores.insert(group, store);
        }
        let last_delivered = open_last_delivered(&configuration, &settled_until, &metrics)?;
        let health = readiness.dead_letters();
        let writer = dead_letter::Writer::open(&configuration.dead_letter.file, Arc::clone(&metrics), health)
            .map_err(|error| Failure::State(error.into()))?;
        metrics
            .build_info
            .with_label_values(&[env!("CARGO_PKG_VERSION")])
            .set(1);
        Ok(Self {
            configuration,
            metrics,
            readiness,
            stores,
            last_delivered,
            writer,
            server,
        })
    }

    /// Where metrics and health are served.
    pub fn http_address(&self) -> SocketAddr {
        self.server.address
    }

    /// What `/readyz` says.
    pub fn readiness(&self) -> &Arc<Readiness> {
        &self.readiness
    }

    /// Runs until `stop` is cancelled and everything is drained, or until something cannot go on.
    pub async fn run(self, stop: CancellationToken) -> Result<(), Failure> {
        let Self {
            configuration,
            metrics,
            readiness,
            stores,
            last_delivered,
            writer,
            server,
        } = self;
        let tokens = Stop::default();
        let served = CancellationToken::new();
        let http = tokio::spawn(server.serve(Arc::clone(&metrics), Arc::clone(&readiness), served.clone()));

        let (dead_letters, requests) = DeadLetters::channel();
        let letter_writer = tokio::spawn(writer.run(requests, tokens.abandon.clone()));

        let mut workers = JoinSet::new();
        let mut groups = Vec::new();
        let mut senders = BTreeMap::new();
        for target in &configuration.targets {
            let (sender, records) = mpsc::channel(MAX_QUEUED_RECORDS);
            let health = Arc::new(TargetHealth::new(&target.name, &metrics));
            readiness.target(&target.name, &health);
            let context = Context {
                target: Arc::clone(&target.name),
                hub: configuration.hub.hub.clone(),
                consumer_group: Arc::clone(&target.consumer_group),
                dead_letters: dead_letters.clone(),
                metrics: Arc::clone(&metrics),
                health,
                abandon: tokens.abandon.clone(),
            };
            for revision in target.mapping.revisions() {
                let labels = [&*target.name, target.mapping.name(), revision];
                metrics.mapping_revision_info.with_label_values(&labels).set(1);
            }
            spawn_target(&mut workers, target, records, context);
            senders.insert(Arc::clone(&target.name), sender);
        }
        for (name, store) in stores {
            let bytes = configuration.window_bytes;
            let window = Window::new(configuration.window_events, bytes - bytes / ALLOCATOR_FRACTION);
            readiness.window(&name, &window);
            let dispatch = dispatch(&configuration, &name, &senders, &last_delivered, &metrics);
            let dispatch = Arc::new(dispatch);
            dispatch.book_in(&window);
            groups.push(Group {
                hub: configuration.hub.clone(),
                name,
                start: configuration.start.clone(),
                intervals: configuration.intervals,
                window,
                dispatch,
                store,
                last_delivered: Arc::clone(&last_delivered),
                dead_letters: dead_letters.clone(),
                metrics: Arc::clone(&metrics),
                readiness: Arc::clone(&readiness),
                stop: tokens.clone(),
            });
        }
        drop((senders, dead_letters));
        let mut readers = JoinSet::new();
        for group in groups {
            readers.spawn(group.run());
        }
        let result = supervise(
            &mut readers,
            &mut workers,
            stop,
            &tokens,
            configuration.grace_period,
        )
        .await;
        let closed = tokio::time::timeout(CLOSE_TIMEOUT, letter_writer).await;
        if closed.is_err() {
            tracing::warn!("the dead letters were not closed in time; what was not written is read again");
        }
        served.cancel();
        if tokio::time::timeout(CLOSE_TIMEOUT, http).await.is_err() {
            tracing::debug!("a reader of metrics or health did not let go in time");
        }
        result
    }
}

/// Waits for the stop or the first failure, then drains: readers end, targets empty, then the groups' last checkpoints.
async fn supervise(
    readers: &mut JoinSet<anyhow::Result<()>>,
    workers: &mut JoinSet<()>,
    stop: CancellationToken,
    tokens: &Stop,
    grace_period: Duration,
) -> Result<(), Failure> {
    let mut failure = tokio::select! {
        () = stop.cancelled() => None,
        ended = readers.join_next() => Some(ended.map_or_else(|| Ok(()), flatten)),
        ended = workers.join_next() => Some(ended.map_or(Ok(()), |ended| ended.context("a target's worker failed"))
            .and_then(|()| Err(anyhow::anyhow!("a target's worker ended before the bridge did")))),
    };
    tokens.intake.cancel();
    let drained = async {
        while let Some(ended) = workers.join_next().await {
            failure = failure
                .take()
                .or(ended.context("a target's worker failed").err().map(Err));
        }
        tokens.delivered.cancel();
        while let Some(ended) = readers.join_next().await {
            failure = failure.take().or(flatten(ended).err().map(Err));
        }
    };
    if tokio::time::timeout(grace_period, drained).await.is_err() {
        tracing::warn!(
            grace_period_seconds = grace_period.as_secs(),
            "the grace period is over; unsettled records are sent again after the start"
        );
        tokens.abandon.cancel();
        let closed = async {
            while workers.join_next().await.is_some() {}
            tokens.delivered.cancel();
            while readers.join_next().await.is_some() {}
        };
        if tokio::time::timeout(CLOSE_TIMEOUT, closed).await.is_err() {
            tracing::warn!("some tasks did not end in time and are cut off");
        }
    }
    match failure {
        Some(Err(error)) => Err(Failure::Internal(error)),
        _ => Ok(()),
    }
}

fn flatten(ended: Result<anyhow::Result<()>, tokio::task::JoinError>) -> anyhow::Result<()> {
    ended.context("a consumer group's task failed")?
}

fn spawn_target(
    workers: &mut JoinSet<()>,
    target: &TargetConfiguration,
    records: mpsc::Receiver<Rendered>,
    context: Context,
) {
    match target.settings.clone() {
        TargetSettings::SplunkHec(settings) => workers.spawn(splunk_hec::run(*settings, records, context)),
        TargetSettings::File(settings) => workers.spawn(file::run(settings, records, context)),
    };
}

/// Opens what the targets that compare snapshots last delivered, and locks it.
fn open_last_delivered(
    configuration: &Configuration,
    settled_until: &BTreeMap<Arc<str>, Option<Timestamp>>,
    metrics: &Metrics,
) -> Result<Arc<Keeper>, Failure> {
    let comparing = configuration
        .targets
        .iter()
        .filter(|target| target.snapshots == Snapshots::ChangesOnly);
    let remembering: Vec<_> = comparing
        .map(|target| Remembering {
            name: Arc::clone(&target.name),
            settled_until: settled_until[&target.consumer_group],
        })
        .collect();
    let directory = &configuration.state_directory;
    Keeper::open(directory, &remembering, configuration.state_items, metrics)
        .map(Arc::new)
        .map_err(|error| Failure::State(error.into()))
}

fn snapshot_rule(target: &TargetConfiguration, last_delivered: &Keeper) -> SnapshotRule {
    match target.snapshots {
        Snapshots::Pass => SnapshotRule::Pass,
        Snapshots::Drop => SnapshotRule::Drop,
        Snapshots::ChangesOnly => SnapshotRule::ChangesOnly(ChangesOnly {
            last_delivered: Arc::clone(
                last_delivered
                    .target(&target.name)
                    .expect("every target that compares has a memory"),
            ),
            score_change_at_least: target.score_change_at_least,
        }),
    }
}

/// What the readers of one group do with an event.
fn dispatch(
    configuration: &Configuration,
    group: &Arc<str>,
    senders: &BTreeMap<Arc<str>, mpsc::Sender<Rendered>>,
    last_delivered: &Keeper,
    metrics: &Arc<Metrics>,
) -> Dispatch {
    let (mine, others): (Vec<_>, Vec<_>) = configuration
        .targets
        .iter()
        .partition(|target| target.consumer_group == *group);
    let targets = mine.into_iter().map(|target| Destination {
        name: Arc::clone(&target.name),
        route: target.route.clone(),
        mapping: Arc::clone(&target.mapping),
        native: Arc::clone(&target.native),
        snapshots: snapshot_rule(target, last_delivered),
        on_map_error: target.on_map_error,
        records: senders[&target.name].clone(),
        decisions: Decisions::new(metrics, &target.name),
        in_flight: metrics
            .deliver_in_flight_records
            .with_label_values(&[&*target.name]),
    });
    let elsewhere = others.iter().map(|target| target.route.clone()).collect();
    let unrouted = match configuration.unrouted_group() {
        Some(chosen) if chosen == *group => match configuration.dead_letter.unrouted_unknown {
            dead_letter::config::UnroutedUnknown::DeadLetter => Unrouted::DeadLetter(elsewhere),
            dead_letter::config::UnroutedUnknown::Count => Unrouted::Count(elsewhere),
        },
        _ => Unrouted::Elsewhere,
    };
    Dispatch {
        hub: configuration.hub.hub.clone(),
        consumer_group: Arc::clone(group),
        targets: targets.collect(),
        unrouted,
        counters: Counters::new(metrics),
    }
}
