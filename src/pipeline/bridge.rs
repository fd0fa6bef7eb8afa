//! The whole bridge: what it opens, what it starts, and how it stops.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use super::counters::{Counters, Decisions};
use super::dispatch::{Destination, Dispatch, Unrouted};
use super::edition::InUse;
use super::group::Group;
use super::ownership::Ownership;
use super::reload::{Exchange, Reloader, Source};
use super::remembering;
use super::workers;
use super::{auditing, blocked};
use crate::acknowledge::Window;
use crate::audit::Recorder;
use crate::checkpoint::blob::ownership;
use crate::checkpoint::file::Scope;
use crate::checkpoint::{self, BlobStore, FileStore, Store};
use crate::cli::exit::Failure;
use crate::config::{CheckpointSettings, Configuration};
use crate::deliver::Context;
use crate::deliver::dead_letter::{self, DeadLetters, Forward};
use crate::deliver::kafka::exactly_once::Claims;
use crate::event::Rendered;
use crate::route::last_delivered::Keeper;
use crate::telemetry::http::Server;
use crate::telemetry::{Metrics, Readiness, TargetHealth};

/// This part of `window.bytes` is left to the allocator and to what is under way in requests: what is given back on another
/// thread than it was taken on is of use again only later. Measured under load: twice as much is resident as is held.
pub(super) const ALLOCATOR_FRACTION: usize = 2;
/// How long the last checkpoint and the last dead letters may take beyond the grace period.
pub(super) const CLOSE_TIMEOUT: Duration = Duration::from_millis(1200);

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
    audits: BTreeMap<Arc<str>, Recorder>,
    last_delivered: Arc<Keeper>,
    writer: dead_letter::Writer,
    server: Server,
    source: Option<Source>,
}

impl Bridge {
    /// Opens everything that can be refused: the address of metrics and health, and the state, which it locks.
    pub async fn start(configuration: Configuration, metrics: Arc<Metrics>) -> Result<Self, Failure> {
        let server = Server::bind(configuration.http)
            .await
            .map_err(|error| Failure::Usage(error.into()))?;
        let readiness = Readiness::new(configuration.retention).expecting(configuration.expect_event_every);
        let readiness = Arc::new(readiness);
        let owner_id = ownership::new_owner_id();
        let mut stores = BTreeMap::new();
        let mut settled_until = BTreeMap::new();
        for group in configuration.groups() {
            let hub = &configuration.hub;
            let scope = Scope {
                namespace: &hub.hub.namespace,
                port: hub.own_port(),
                hub: &hub.hub.name,
                consumer_group: &group,
            };
            let store = open_store(&configuration.checkpoint, scope, &owner_id).await?;
            // Read now, so that a foreign or torn checkpoint is said before anything starts.
            let checkpoints = store.load_all().await?;
            let newest = checkpoints
                .values()
                .map(|checkpoint| checkpoint.enqueued_time)
                .max();
            settled_until.insert(Arc::clone(&group), newest);
            stores.insert(group, store);
        }
        let last_delivered = remembering::open(&configuration, &settled_until, &metrics)?;
        let health = readiness.dead_letters();
        let audits = auditing::open(&configuration)?;
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
            audits,
            last_delivered,
            writer,
            server,
            source: None,
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

    /// Takes over what changes in the files of `source` while it runs. Without this the configuration stays as it is.
    pub fn reload_from(&mut self, source: Source) {
        self.source = Some(source);
    }

    /// Runs until `stop` is cancelled and everything is drained, or until something cannot go on.
    pub async fn run(self, stop: CancellationToken) -> Result<(), Failure> {
        let Self {
            configuration,
            metrics,
            readiness,
            stores,
            mut audits,
            last_delivered,
            writer,
            server,
            source,
        } = self;
        let tokens = Stop::default();

        let (dead_letters, requests) = DeadLetters::channel();
        let mut workers = JoinSet::new();
        let mut groups = Vec::new();
        let (mut senders, mut settings) = (BTreeMap::new(), BTreeMap::new());
        let mut claims = BTreeMap::new();
        for target in &configuration.targets {
            // As many as the window has events, which is what bounds them: a shorter queue would make the other targets of
            // the group wait for this one before the window is full.
            let (sender, records) = mpsc::channel(configuration.window_events);
            let health = Arc::new(TargetHealth::new(&target.name, &metrics));
            readiness.target(&target.name, &target.consumer_group, &health);
            let context = Context {
                target: Arc::clone(&target.name),
                hub: configuration.hub.hub.clone(),
                consumer_group: Arc::clone(&target.consumer_group),
                dead_letters: dead_letters.clone(),
                metrics: Arc::clone(&metrics),
                health,
                abandon: tokens.abandon.clone(),
            };
            let mut requests = None;
            if target.keeps_positions() {
                let (way, end) = Claims::channel();
                claims.insert(Arc::clone(&target.consumer_group), way);
                requests = Some(end);
            }
            if let Some(sender) = workers::spawn(&mut workers, target, records, requests, context) {
                settings.insert(Arc::clone(&target.name), sender);
            }
            senders.insert(Arc::clone(&target.name), sender);
        }
        let writer = writer.forwarding_to(forward(&configuration, &senders, &metrics));
        let letter_writer = tokio::spawn(writer.run(requests, tokens.abandon.clone()));
        let (start, intervals, grace_period) = (
            configuration.start.clone(),
            configuration.intervals,
            configuration.grace_period,
        );
        let (hub, checkpoint) = (configuration.hub.clone(), configuration.checkpoint.clone());
        let window_events = configuration.window_events;
        let window_bytes = configuration.window_bytes - configuration.window_bytes / ALLOCATOR_FRACTION;
        let shared = stores.values().filter_map(|store| match store {
            Store::Blob(store) => Some(store.clone()),
            Store::File(_) | Store::Memory(_) => None,
        });
        let exchange = Exchange::new(
            configuration,
            senders,
            settings,
            shared.collect(),
            Arc::clone(&last_delivered),
            Arc::clone(&metrics),
        );
        for (name, store) in stores {
            let window = Window::new(window_events, window_bytes);
            readiness.window(&name, &window);
            remembering::book_in(exchange.current(), &name, &last_delivered, &window);
            groups.push(Group {
                ownership: Ownership::of(&checkpoint, &store),
                hub: hub.clone(),
                dispatch: InUse::new(exchange.editions(), &name),
                claims: claims.remove(&name),
                audit: audits.remove(&name).expect("the audit of every group is opened"),
                name,
                start: start.clone(),
                intervals,
                window,
                store,
                last_delivered: Arc::clone(&last_delivered),
                dead_letters: dead_letters.clone(),
                metrics: Arc::clone(&metrics),
                readiness: Arc::clone(&readiness),
                stop: tokens.clone(),
            });
        }
        // Only now: before every group is known, `/readyz` would find nothing in trouble.
        let served = CancellationToken::new();
        tracing::info!(address = %server.address, "metrics and health are served");
        let http = tokio::spawn(server.serve(Arc::clone(&metrics), Arc::clone(&readiness), served.clone()));
        drop(dead_letters);
        // It holds ways to the targets too, so it ends with the intake: the targets then see the end of their channels.
        match source {
            Some(source) => {
                let reloader = Reloader::new(source, exchange, Arc::clone(&metrics), Arc::clone(&readiness));
                tokio::spawn(reloader.run(tokens.intake.clone()));
            }
            None => drop(exchange),
        }
        tokio::spawn(blocked::report(Arc::clone(&readiness), tokens.intake.clone()));
        let mut readers = JoinSet::new();
        for group in groups {
            readers.spawn(group.run());
        }
        let result = supervise(&mut readers, &mut workers, stop, &tokens, grace_period).await;
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

async fn open_store(
    settings: &CheckpointSettings,
    scope: Scope<'_>,
    owner_id: &Arc<str>,
) -> Result<Store, checkpoint::Error> {
    match settings {
        CheckpointSettings::File { directory } => FileStore::open(directory, scope).map(Store::File),
        CheckpointSettings::Blob(settings) => {
            let store = BlobStore::open(settings, scope, Arc::clone(owner_id)).await?;
            Ok(Store::Blob(store))
        }
    }
}

/// The way of copies of dead letters, if any are wanted.
fn forward(
    configuration: &Configuration,
    senders: &BTreeMap<Arc<str>, mpsc::Sender<Rendered>>,
    metrics: &Metrics,
) -> Option<Forward> {
    let name = configuration.dead_letter.forward_to.as_ref()?;
    let mut targets = configuration.targets.iter();
    let target = targets.find(|target| *target.name == **name)?;
    let wants_details = !target.settings.wanted_details().is_empty();
    Some(Forward::new(
        &target.name,
        &senders[&target.name],
        wants_details,
        metrics,
    ))
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

/// What the readers of each consumer group do with an event.
pub(super) fn dispatches(
    configuration: &Configuration,
    senders: &BTreeMap<Arc<str>, mpsc::Sender<Rendered>>,
    last_delivered: &Keeper,
    metrics: &Arc<Metrics>,
) -> BTreeMap<Arc<str>, Arc<Dispatch>> {
    let groups = configuration.groups().into_iter();
    groups
        .map(|group| {
            let dispatch = dispatch(configuration, &group, senders, last_delivered, metrics);
            (group, Arc::new(dispatch))
        })
        .collect()
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
        snapshots: remembering::rule(target, last_delivered),
        on_map_error: target.on_map_error,
        wanted_details: target.settings.wanted_details(),
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
