//! One consumer group: its partitions, their readers, its window and its checkpoints.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use anyhow::Context;
use tokio::sync::{Notify, mpsc};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::bridge::Stop;
use super::edition::InUse;
use super::holding;
use super::reader::Reader;
use super::undeliverable::{self, MAX_WAITING_LETTERS, Undeliverable};
use crate::acknowledge::{Targets, Window};
use crate::checkpoint::{Checkpoint, Checkpointer, Store};
use crate::config::Intervals;
use crate::config::event_hub::Start;
use crate::deliver::dead_letter::DeadLetters;
use crate::deliver::kafka::exactly_once::Claims;
use crate::event::{Offset, PartitionId, SequenceNumber, Timestamp};
use crate::eventhub::settings::{Position, StartPosition};
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
            ..hub
        };
        let client = HubClient::new(settings, connections.clone(), stopped.clone());
        let checkpointer = Checkpointer::new(store, Arc::clone(&name), Arc::clone(&metrics));
        let checkpointer = Arc::new(checkpointer.every(intervals.checkpoints).after(last_delivered));
        let mut checkpoints = {
            let (checkpointer, stopped) = (Arc::clone(&checkpointer), stopped.clone());
            tokio::spawn(async move { checkpointer.run(stopped).await })
        };
        let (undeliverable, waiting) = mpsc::channel(MAX_WAITING_LETTERS);
        let mut letters = tokio::spawn(undeliverable::run(waiting, dead_letters));

        let mut partitions = Partitions {
            name,
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
            result = partitions.watch() => result,
            ended = &mut letters => Err(early("the writer of undeliverable records", ended.err())),
            ended = &mut checkpoints => Err(early("the checkpointer", ended.err())),
        };
        // A group that cannot go on ends the bridge: half of it would look well and fall behind.
        stop.intake.cancel();
        while let Some(ended) = partitions.readers.join_next().await {
            ended.context("a partition's reader failed")?;
        }
        result?;
        // The readers' way to the targets ends here, so that the targets see the end of their channels.
        drop(partitions);
        letters
            .await
            .context("the writer of undeliverable records failed")?;
        tokio::select! {
            () = stop.delivered.cancelled() => {}
            () = stop.abandon.cancelled() => {}
        }
        // The checkpointer stores the last marks when it is told to stop.
        stopped.cancel();
        checkpoints
            .await
            .context("the checkpointer failed")?
            .context("failed to store the last checkpoint")?;
        client.close().await;
        connections.close();
        connections.wait().await;
        Ok(())
    }
}

/// A task that runs as long as the group does has ended before it.
fn early(what: &str, panicked: Option<tokio::task::JoinError>) -> anyhow::Error {
    match panicked {
        Some(error) => anyhow::Error::new(error).context(format!("{what} failed")),
        None => anyhow::anyhow!("{what} ended before the bridge did"),
    }
}

/// The partitions of the group that are known, and their readers.
struct Partitions {
    name: Arc<str>,
    client: Arc<HubClient>,
    start: Start,
    intervals: Intervals,
    checkpointer: Arc<Checkpointer>,
    window: Arc<Window>,
    dispatch: InUse,
    claims: Option<Claims>,
    undeliverable: mpsc::Sender<Undeliverable>,
    metrics: Arc<Metrics>,
    readiness: Arc<Readiness>,
    stop: Stop,
    partitions_changed: Arc<Notify>,
    known: BTreeSet<PartitionId>,
    readers: JoinSet<()>,
}

impl Partitions {
    /// Starts a reader for every partition, now and whenever the hub gets more, until told to stop.
    async fn watch(&mut self) -> anyhow::Result<()> {
        let checkpoints = self
            .checkpointer
            .store()
            .load_all()
            .await
            .context("failed to read the checkpoints")?;
        let has_none = checkpoints.is_empty();
        if has_none {
            tracing::warn!(
                consumer_group = &*self.name,
                start = ?self.start,
                "no checkpoint at all; if this is not the first start, the state directory is not the one used before"
            );
        }
        let mut is_first = true;
        let mut attempt = 0;
        let mut credential = self.client.settings().credential.subscribe();
        loop {
            let asked = tokio::select! {
                () = self.stop.intake.cancelled() => return Ok(()),
                asked = self.client.partitions() => asked,
            };
            let wait = match asked {
                Ok(partitions) => {
                    for partition in partitions
                        .into_iter()
                        .filter(|id| !self.known.contains(id))
                        .collect::<Vec<_>>()
                    {
                        let checkpoint = checkpoints.get(&partition).cloned();
                        self.begin(partition, checkpoint, has_none && is_first).await;
                    }
                    if is_first {
                        self.readiness.trouble(&self.name, None);
                        is_first = false;
                    }
                    attempt = 0;
                    self.intervals.partitions
                }
                Err(end) => {
                    let wait = end.reason.delay(attempt, rand::random());
                    attempt += 1;
                    if is_first {
                        tracing::warn!(cause = %end, retry_after_seconds = wait.as_secs_f64(), "failed to ask the hub for its partitions");
                        self.readiness.trouble(
                            &self.name,
                            Some(format!("the hub cannot be asked for its partitions: {end}")),
                        );
                    }
                    wait
                }
            };
            tokio::select! {
                () = self.stop.intake.cancelled() => return Ok(()),
                () = tokio::time::sleep(wait) => {}
                () = self.partitions_changed.notified() => {}
                () = credential.replaced() => attempt = 0,
                Some(ended) = self.readers.join_next() => ended.context("a partition's reader failed")?,
            }
        }
    }

    async fn begin(&mut self, partition: PartitionId, checkpoint: Option<Checkpoint>, is_fresh: bool) {
        self.known.insert(partition.clone());
        if let Store::Blob(store) = self.checkpointer.store() {
            self.readers.spawn(holding::hold(
                store.clone(),
                partition.clone(),
                self.stop.intake.clone(),
            ));
        }
        let status = self.readiness.partition(&self.name, &partition);
        let reader = Reader {
            consumer_group: Arc::clone(&self.name),
            start: self.start_position(&partition, checkpoint.as_ref(), is_fresh),
            targets: self.targets(&partition, checkpoint.as_ref()),
            resolve_latest: checkpoint.is_none() && is_fresh && self.start == Start::Latest,
            partition,
            idle_interval: self.intervals.idle,
            client: Arc::clone(&self.client),
            checkpointer: Arc::clone(&self.checkpointer),
            window: Arc::clone(&self.window),
            dispatch: self.dispatch.clone(),
            claims: self.claims.clone(),
            undeliverable: self.undeliverable.clone(),
            metrics: Arc::clone(&self.metrics),
            status,
            partitions_changed: Arc::clone(&self.partitions_changed),
            stop: self.stop.clone(),
        };
        self.readers.spawn(reader.run());
    }

    /// The targets of the group, and which of them are ahead of what `checkpoint` has for all.
    fn targets(&self, partition: &PartitionId, checkpoint: Option<&Checkpoint>) -> Targets {
        let dispatch = self.dispatch.dispatch();
        let targets = Targets::new(dispatch.targets.iter().map(|target| Arc::clone(&target.name)));
        let mut positions = checkpoint.map_or_else(BTreeMap::new, Checkpoint::passed);
        positions.retain(|name, _| dispatch.targets.iter().any(|target| *target.name == **name));
        for target in &dispatch.targets {
            if target.snapshots.compares_with_nothing() && positions.remove(&*target.name).is_some() {
                tracing::warn!(
                    consumer_group = &*self.name,
                    partition = %partition,
                    target_name = &*target.name,
                    "target was ahead of its group, but what it last got is not known, so it gets that again"
                );
            }
        }
        for (target, position) in &positions {
            tracing::info!(
                consumer_group = &*self.name,
                partition = %partition,
                target_name = &**target,
                sequence_number = %position.sequence_number,
                "target is ahead of its group and gets nothing again up to here"
            );
        }
        targets.ahead(&positions)
    }

    /// The checkpoint, else the configured start; a partition that appears later has no history to skip.
    fn start_position(
        &self,
        partition: &PartitionId,
        checkpoint: Option<&Checkpoint>,
        is_fresh: bool,
    ) -> StartPosition {
        let (position, origin) = match checkpoint {
            // Another consumer wrote it, and said an offset only; the event there is read once more.
            Some(checkpoint) if checkpoint.sequence_number == SequenceNumber::UNKNOWN => {
                (StartPosition::Offset(checkpoint.offset.clone()), "checkpoint")
            }
            Some(checkpoint) => (StartPosition::After(position_of(checkpoint)), "checkpoint"),
            None if is_fresh => (configured(&self.start, partition), "configuration"),
            None => (StartPosition::Earliest, "new partition"),
        };
        tracing::info!(
            consumer_group = &*self.name,
            partition = %partition,
            origin,
            position = %describe(&position),
            "partition starts"
        );
        position
    }
}

fn configured(start: &Start, partition: &PartitionId) -> StartPosition {
    match start {
        Start::Earliest | Start::Latest => StartPosition::Earliest,
        Start::EnqueuedAfter(time) => match Timestamp::parse(&time.value) {
            // The hub starts behind the moment it is given, and an event of exactly this time is the first one wanted.
            Some(time) => StartPosition::EnqueuedAfter(Timestamp::from_millis(time.as_millis() - 1)),
            None => StartPosition::Earliest,
        },
        Start::SequenceNumber(numbers) => match numbers.get(partition.as_str()) {
            Some(number) => StartPosition::SequenceNumber(SequenceNumber(*number)),
            None => StartPosition::Earliest,
        },
        Start::Offset(offsets) => match offsets.get(partition.as_str()) {
            Some(offset) => StartPosition::Offset(Offset::new(offset.as_str())),
            None => StartPosition::Earliest,
        },
    }
}

pub(super) fn position_of(checkpoint: &Checkpoint) -> Position {
    Position {
        sequence_number: checkpoint.sequence_number,
        offset: Some(checkpoint.offset.clone()),
        enqueued_time: Some(checkpoint.enqueued_time).filter(|time| *time != Timestamp::UNKNOWN),
        hub_created_at: checkpoint.hub_created_at,
    }
}

fn describe(position: &StartPosition) -> String {
    match position {
        StartPosition::Earliest => "the oldest event".to_owned(),
        StartPosition::EnqueuedAfter(time) => format!("events enqueued after {time}"),
        StartPosition::SequenceNumber(number) => format!("sequence number {number}"),
        StartPosition::Offset(offset) => format!("offset {offset}"),
        StartPosition::After(position) => format!("after sequence number {}", position.sequence_number),
    }
}
