//! The partitions of a consumer group that are read here, and how a reader begins.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use anyhow::Context;
use tokio::sync::{Notify, mpsc};
use tokio::task::JoinSet;

use super::bridge::Stop;
use super::edition::InUse;
use super::gone::{Gone, Voice};
use super::ownership::{Cycle, Ownership};
use super::reader::{Ended, Reader, mark_of};
use super::start;
use super::undeliverable::Undeliverable;
use crate::acknowledge::{Targets, Window};
use crate::checkpoint::{Checkpoint, Checkpointer};
use crate::config::Intervals;
use crate::config::event_hub::Start;
use crate::deliver::kafka::exactly_once::Claims;
use crate::durable::retry::chain;
use crate::event::PartitionId;
use crate::eventhub::HubClient;
use crate::eventhub::settings::StartPosition;
use crate::telemetry::{Metrics, PartitionStatus, Readiness};

/// The partitions of the group that are known, and their readers.
pub(super) struct Partitions {
    pub(super) name: Arc<str>,
    pub(super) client: Arc<HubClient>,
    pub(super) start: Start,
    pub(super) intervals: Intervals,
    pub(super) checkpointer: Arc<Checkpointer>,
    pub(super) window: Arc<Window>,
    pub(super) dispatch: InUse,
    pub(super) claims: Option<Claims>,
    pub(super) undeliverable: mpsc::Sender<Undeliverable>,
    pub(super) metrics: Arc<Metrics>,
    pub(super) readiness: Arc<Readiness>,
    pub(super) stop: Stop,
    pub(super) partitions_changed: Arc<Notify>,
    pub(super) known: BTreeSet<PartitionId>,
    pub(super) readers: JoinSet<(PartitionId, Ended)>,
}

impl Partitions {
    /// Reads the partitions that are ours until told to stop.
    pub(super) async fn read(&mut self, ownership: Ownership) -> anyhow::Result<()> {
        match ownership {
            Ownership::Alone => self.watch().await,
            Ownership::Shared(sharing) => Cycle::new(self, sharing).run().await,
        }
    }

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
        self.seen_until(checkpoints.values());
        let mut gone = Gone::default();
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
                    let voice = Voice {
                        consumer_group: &self.name,
                        store: self.checkpointer.store(),
                        readiness: &self.readiness,
                        metrics: &self.metrics,
                    };
                    let known = self.known.iter().chain(checkpoints.keys());
                    gone.look(&partitions, known, &voice).await;
                    for partition in partitions
                        .into_iter()
                        .filter(|id| !self.known.contains(id))
                        .collect::<Vec<_>>()
                    {
                        let checkpoint = checkpoints.get(&partition).cloned();
                        self.known.insert(partition.clone());
                        self.begin(partition, checkpoint, has_none && is_first, 0, self.stop.clone());
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
                Some(ended) = self.readers.join_next() => {
                    ended.context("a partition's reader failed")?;
                }
            }
        }
    }

    /// A restart does not forget when the last event came.
    pub(super) fn seen_until<'a>(&self, checkpoints: impl Iterator<Item = &'a Checkpoint>) {
        if let Some(newest) = checkpoints.map(|checkpoint| checkpoint.enqueued_time).max() {
            self.readiness.silence(&self.name).seen(newest);
        }
    }

    /// Starts the reader of a partition: after its checkpoint, else as configured if `is_fresh`. Returns what `/readyz` knows
    /// of it.
    pub(super) fn begin(
        &mut self,
        partition: PartitionId,
        checkpoint: Option<Checkpoint>,
        is_fresh: bool,
        first_generation: u64,
        stop: Stop,
    ) -> Arc<PartitionStatus> {
        let status = self.readiness.partition(&self.name, &partition);
        let (start, origin) = self.start_position(&partition, checkpoint.as_ref(), is_fresh);
        let reader = Reader {
            consumer_group: Arc::clone(&self.name),
            start,
            origin,
            stored_at: checkpoint.as_ref().and_then(|checkpoint| checkpoint.stored_at),
            targets: self.targets(&partition, checkpoint.as_ref()),
            resolve_latest: checkpoint.is_none() && is_fresh && self.start == Start::Latest,
            partition,
            idle_interval: self.intervals.idle,
            stuck_after: self.intervals.stuck,
            client: Arc::clone(&self.client),
            checkpointer: Arc::clone(&self.checkpointer),
            window: Arc::clone(&self.window),
            dispatch: self.dispatch.clone(),
            claims: self.claims.clone(),
            undeliverable: self.undeliverable.clone(),
            metrics: Arc::clone(&self.metrics),
            status: Arc::clone(&status),
            partitions_changed: Arc::clone(&self.partitions_changed),
            first_generation,
            stop,
        };
        self.readers.spawn(reader.run());
        status
    }

    /// Makes `latest` a position of `partition` and stores it, unless one is stored by now.
    ///
    /// Errors: what the hub or the store said, for people.
    pub(super) async fn resolve_latest(&self, partition: &PartitionId) -> Result<(), String> {
        // After this look the store takes a first position only, so that of two instances that do this one is refused.
        let stored = self.checkpointer.store().load(partition).await;
        if stored.map_err(|error| chain(&error))?.is_some() {
            return Ok(());
        }
        let position = self
            .client
            .latest(partition)
            .await
            .map_err(|end| end.to_string())?;
        let checkpoint = Checkpoint::new(mark_of(&position), position.hub_created_at);
        match self.checkpointer.store_initial(partition, &checkpoint).await {
            // Another instance was first.
            Ok(()) | Err(crate::checkpoint::Error::Lost { .. }) => Ok(()),
            Err(error) => Err(chain(&error)),
        }
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

    fn start_position(
        &self,
        partition: &PartitionId,
        checkpoint: Option<&Checkpoint>,
        is_fresh: bool,
    ) -> (StartPosition, &'static str) {
        let (position, origin) = start::position(&self.start, partition, checkpoint, is_fresh);
        tracing::info!(
            consumer_group = &*self.name,
            partition = %partition,
            origin,
            position = %start::describe(&position),
            "partition starts"
        );
        (position, origin)
    }
}
