//! One consumer group: its partitions, their readers, its window and its checkpoints.

use std::collections::BTreeSet;
use std::sync::Arc;

use anyhow::Context;
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::bridge::Stop;
use super::edition::InUse;
use super::ownership::{Held, Ownership};
use super::partitions::Partitions;
use super::silence::Watcher;
use super::undeliverable::{self, MAX_WAITING_LETTERS};
use crate::acknowledge::Window;
use crate::audit::Recorder;
use crate::checkpoint::{Checkpointer, Store};
use crate::config::Intervals;
use crate::config::event_hub::Start;
use crate::deliver::dead_letter::DeadLetters;
use crate::deliver::kafka::exactly_once::Claims;
use crate::eventhub::{HubClient, HubSettings};
use crate::route::last_delivered::Keeper;
use crate::telemetry::{Metrics, Readiness};

/// Everything one consumer group needs to run.
pub struct Group {
    /// How to reach the hub.
    pub hub: HubSettings,
    /// Name of the group.
    pub name: Arc<str>,
    /// Where to start without any checkpoint.
    pub start: Start,
    /// How often new partitions are asked for and positions stored.
    pub intervals: Intervals,
    /// What bounds it.
    pub window: Arc<Window>,
    /// What its readers do with an event.
    pub dispatch: InUse,
    /// Where its positions are kept.
    pub store: Store,
    /// Whether other instances read some of its partitions.
    pub ownership: Ownership,
    /// What records its sums.
    pub audit: Recorder,
    /// Where its only target keeps positions together with the records, if it does.
    pub claims: Option<Claims>,
    /// What its targets last delivered; written before its positions.
    pub last_delivered: Arc<Keeper>,
    /// Where records go that reach no target.
    pub dead_letters: DeadLetters,
    /// Metrics of the whole bridge.
    pub metrics: Arc<Metrics>,
    /// Who is in trouble.
    pub readiness: Arc<Readiness>,
    /// How it is told to stop.
    pub stop: Stop,
}

impl Group {
    /// Reads until told to stop; then finishes what is on its way and stores the last positions.
    pub async fn run(self) -> anyhow::Result<()> {
        let Self {
            hub,
            name,
            start,
            intervals,
            window,
            dispatch,
            store,
            ownership,
            audit,
            claims,
            last_delivered,
            dead_letters,
            metrics,
            readiness,
            stop,
        } = self;
        let connections = TaskTracker::new();
        let stopped = CancellationToken::new();
        let settings = HubSettings {
            consumer_group: Arc::clone(&name),
            receiver_name: match &ownership {
                Ownership::Alone => hub.receiver_name,
                // Whom we displace is told the name that stands in the store.
                Ownership::Shared(sharing) => sharing.store.owner_id().into(),
            },
            ..hub
        };
        let client = HubClient::new(settings, connections.clone(), stopped.clone());
        let checkpointer = Checkpointer::new(store, Arc::clone(&name), Arc::clone(&metrics));
        let checkpointer = checkpointer
            .every(intervals.checkpoints)
            .after(last_delivered)
            .audited_by(audit);
        let checkpointer = Arc::new(checkpointer);
        let mut checkpoints = {
            let (checkpointer, stopped) = (Arc::clone(&checkpointer), stopped.clone());
            tokio::spawn(async move { checkpointer.run(stopped).await })
        };
        let (undeliverable, waiting) = mpsc::channel(MAX_WAITING_LETTERS);
        let mut letters = tokio::spawn(undeliverable::run(waiting, dead_letters));

        let watcher = Watcher {
            consumer_group: Arc::clone(&name),
            client: Arc::clone(&client),
            silence: readiness.silence(&name),
            readiness: Arc::clone(&readiness),
            interval: intervals.idle,
        };
        let watching = tokio::spawn(watcher.run(stop.intake.clone()));
        let mut partitions = Partitions {
            name: Arc::clone(&name),
            client: Arc::clone(&client),
            start,
            intervals,
            checkpointer: Arc::clone(&checkpointer),
            window,
            dispatch,
            claims,
            undeliverable,
            metrics,
            readiness,
            stop: stop.clone(),
            partitions_changed: Arc::default(),
            known: BTreeSet::new(),
            readers: JoinSet::new(),
        };
        let result = tokio::select! {
            result = partitions.read(ownership.clone()) => result,
            ended = &mut letters => Err(early("the writer of undeliverable records", ended.err())),
            ended = &mut checkpoints => Err(early("the checkpointer", ended.err())),
        };
        // A group that cannot go on ends the bridge: half of it would look well and fall behind.
        stop.intake.cancel();
        while let Some(ended) = partitions.readers.join_next().await {
            ended.context("a partition's reader failed")?;
        }
        result?;
        watching.await.context("the watch for events failed")?;
        let held = Held::of(ownership, name, std::mem::take(&mut partitions.known));
        // The readers' way to the targets ends here, so that the targets see the end of their channels.
        drop(partitions);
        letters
            .await
            .context("the writer of undeliverable records failed")?;
        tokio::select! {
            () = stop.delivered.cancelled() => {}
            () = stop.abandon.cancelled() => {}
            () = keep(held.as_ref()) => {}
        }
        // The checkpointer stores the last marks when it is told to stop.
        stopped.cancel();
        let stored = checkpoints.await.context("the checkpointer failed")?;
        if let Some(held) = &held {
            held.relinquish().await;
        }
        stored.context("failed to store the last checkpoint")?;
        client.close().await;
        connections.close();
        connections.wait().await;
        Ok(())
    }
}

/// Keeps what is shared with others; where nothing is, there is nothing to keep.
async fn keep(held: Option<&Held>) {
    match held {
        Some(held) => held.renew_for_ever().await,
        None => std::future::pending().await,
    }
}

/// A task that runs as long as the group does has ended before it.
fn early(what: &str, panicked: Option<tokio::task::JoinError>) -> anyhow::Error {
    match panicked {
        Some(error) => anyhow::Error::new(error).context(format!("{what} failed")),
        None => anyhow::anyhow!("{what} ended before the bridge did"),
    }
}
