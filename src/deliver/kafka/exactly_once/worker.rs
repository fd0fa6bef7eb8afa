//! The loop that brings records into transactions, and claims to readers.

use std::collections::BTreeMap;
use std::sync::Arc;

use futures_util::future::BoxFuture;
use futures_util::stream::{FuturesUnordered, StreamExt};
use tokio::runtime::Handle;
use tokio::sync::mpsc;
use tokio::time::{Instant, sleep_until};

use super::batch::Batch;
use super::claim::{Lost, Request, Requests};
use super::clients::Clients;
use super::cluster::Cluster;
use super::config::{self, Limits};
use super::lane::Lane;
use super::operation::{End, Shared, Trouble, dismantle};
use super::position::StoredPosition;
use super::producer::Producer;
use super::transaction::Outcome;
use crate::deliver::Context;
use crate::deliver::blocked::Cause;
use crate::deliver::kafka::Settings;
use crate::deliver::retry_reason::RetryReason;
use crate::event::{PartitionId, Rendered};
use crate::telemetry::BlockReason;

/// Most records taken from the queue at once.
const MAX_INTAKE_RECORDS: usize = 256;

/// Brings records to the topics, and positions with them, until the queue has ended and what is whole is committed, or until
/// `context.abandon`. Answers the readers that make claims meanwhile.
///
/// Records that are not settled then are dropped: they are read again after the next start.
pub async fn run(
    settings: Settings,
    options: config::Settings,
    mut records: mpsc::Receiver<Rendered>,
    Requests(mut requests): Requests,
    context: Context,
) {
    let abandon = context.abandon.clone();
    if !settings.verify {
        context.warn_unverified();
    }
    let mut worker = Worker::new(settings, options, context);
    let _ending = worker.shared.clients.ending.clone().drop_guard();
    let mut intake = Vec::new();
    loop {
        let now = Instant::now();
        worker.act(now);
        if worker.is_ended && worker.lanes.values().all(|lane| lane.is_done(now)) {
            break;
        }
        let wake = worker.wake();
        tokio::select! {
            biased;
            () = abandon.cancelled() => break,
            Some((partition, end)) = worker.operations.next(), if !worker.operations.is_empty() => {
                worker.finish(partition, end, Instant::now());
            }
            Some(request) = requests.recv() => worker.request(request, Instant::now()),
            taken = records.recv_many(&mut intake, MAX_INTAKE_RECORDS), if !worker.is_ended => {
                worker.is_ended = taken == 0;
                worker.take_in(&mut intake, Instant::now());
            }
            () = sleep_until(wake.unwrap_or(now)), if wake.is_some() => {}
        }
    }
    worker.end();
}

/// The partitions of one target.
pub(super) struct Worker {
    pub(super) shared: Arc<Shared>,
    limits: Limits,
    lanes: BTreeMap<PartitionId, Lane>,
    operations: FuturesUnordered<BoxFuture<'static, (PartitionId, End)>>,
    is_ended: bool,
}

impl Worker {
    fn new(settings: Settings, options: config::Settings, context: Context) -> Self {
        let ending = context.abandon.child_token();
        let config::Settings {
            position_topic,
            limits,
        } = options;
        let clients = Clients {
            settings,
            topic: position_topic,
            context,
            runtime: Handle::current(),
            ending,
        };
        let shared = Shared {
            cluster: Cluster::new(clients.clone()),
            clients,
        };
        Self {
            shared: Arc::new(shared),
            limits,
            lanes: BTreeMap::new(),
            operations: FuturesUnordered::new(),
            is_ended: false,
        }
    }

    /// Starts whatever can be started now.
    fn act(&mut self, now: Instant) {
        for (partition, lane) in &mut self.lanes {
            let (shared, partition) = (Arc::clone(&self.shared), partition.clone());
            if lane.is_wanted() && lane.begin_claim(now) {
                self.operations.push(Box::pin(async move {
                    let end = shared.claim(partition.clone()).await;
                    (partition, end)
                }));
            } else if let Some((producer, batch)) = lane.begin_transaction(&self.limits, self.is_ended, now) {
                self.operations.push(Box::pin(async move {
                    let end = shared.transact(partition.clone(), producer, batch).await;
                    (partition, end)
                }));
            }
        }
    }

    fn lane(&mut self, partition: &PartitionId, now: Instant) -> &mut Lane {
        let try_interval = self.shared.clients.settings.try_interval;
        self.lanes
            .entry(partition.clone())
            .or_insert_with(|| Lane::new(try_interval, now))
    }

    fn request(&mut self, request: Request, now: Instant) {
        match request {
            Request::Claim {
                partition,
                generation,
                answer,
            } => {
                let lane = self.lane(&partition, now);
                let dropped = lane.want(generation, answer);
                if let Some(producer) = lane.producer.take() {
                    dismantle(producer);
                }
                self.count_dropped(dropped);
            }
            Request::Read(tracker) => {
                let partition = tracker.partition().clone();
                self.lane(&partition, now).read(tracker);
            }
        }
    }

    fn take_in(&mut self, records: &mut Vec<Rendered>, now: Instant) {
        let mut dropped = 0;
        for record in records.drain(..) {
            let partition = record.ticket.event().partition().clone();
            let pushed = self.lane(&partition, now).push(record, now);
            dropped += usize::from(pushed.is_err());
        }
        self.count_dropped(dropped);
    }

    /// Hears the end of what was started.
    fn finish(&mut self, partition: PartitionId, end: End, now: Instant) {
        self.lane(&partition, now).is_working = false;
        match end {
            End::Claimed(producer, position) => self.claimed(&partition, producer, position, now),
            End::Unclaimed(trouble) => self.unclaimed(&partition, trouble, now),
            End::Transacted(producer, batch, outcome) => {
                self.transacted(&partition, producer, batch, outcome, now);
            }
        }
        self.publish();
    }

    fn claimed(
        &mut self,
        partition: &PartitionId,
        producer: Producer,
        position: Option<StoredPosition>,
        now: Instant,
    ) {
        let lane = self.lane(partition, now);
        lane.paused_until = None;
        lane.retry.succeeded();
        lane.blocks.accepted(u16::MAX);
        if let Some(producer) = lane.hold(producer, position, now) {
            dismantle(producer);
        }
    }

    fn unclaimed(&mut self, partition: &PartitionId, trouble: Trouble, now: Instant) {
        let target = Arc::clone(&self.shared.context().target);
        let lane = self.lane(partition, now);
        match trouble.blocked {
            Some(reason) => lane.blocks.block(reason, trouble.detail, Cause::Batch, now),
            None => {
                let failure = lane.retry.failed();
                lane.paused_until = Some(now + failure.delay);
                if failure.is_to_be_logged {
                    tracing::warn!(
                        target_name = &*target,
                        %partition,
                        cause = trouble.detail,
                        retry_after_seconds = failure.delay.as_secs_f64(),
                        "the position of a partition cannot be had; it is not read until then"
                    );
                }
            }
        }
    }

    fn transacted(
        &mut self,
        partition: &PartitionId,
        producer: Producer,
        batch: Batch,
        outcome: Outcome,
        now: Instant,
    ) {
        self.count(&outcome);
        match outcome {
            Outcome::Lost(lost, detail) => {
                dismantle(producer);
                return self.lost(partition, batch, lost, &detail, now);
            }
            Outcome::Ending => return dismantle(producer),
            _ => {}
        }
        let lane = self.lane(partition, now);
        if lane.is_lost() {
            // The reader has begun anew meanwhile, from the position it finds.
            dismantle(producer);
            match outcome {
                Outcome::Committed => self.settle(batch, None, now),
                _ => self.count_dropped(batch.len()),
            }
            return;
        }
        lane.producer = Some(producer);
        match outcome {
            Outcome::Committed => {
                let began = lane.committed(&batch.position, now);
                self.settle(batch, began, now);
            }
            Outcome::Refused(_) => self.again(partition, batch, None, now),
            Outcome::Retry(reason, detail) => self.again(partition, batch, Some((reason, detail)), now),
            Outcome::Blocked(reason, detail) => self.blocked(partition, batch, reason, detail, now),
            Outcome::Lost(..) | Outcome::Ending => {}
        }
    }

    /// What was not committed goes again, after a pause if there was trouble.
    fn again(
        &mut self,
        partition: &PartitionId,
        batch: Batch,
        trouble: Option<(RetryReason, String)>,
        now: Instant,
    ) {
        let (records, context) = (batch.len(), self.shared.context().clone());
        let lane = self.lane(partition, now);
        lane.take_back(batch);
        let Some((reason, detail)) = trouble else {
            return;
        };
        if reason == RetryReason::Partial {
            let group = lane.divide(records);
            tracing::warn!(
                target_name = &*context.target,
                %partition,
                records = group,
                "brokers refuse records together that they take alone: `message_limit` is above a topic's \
                 `max.message.bytes`; fewer go at once"
            );
        } else {
            let failure = lane.retry.failed();
            lane.paused_until = Some(now + failure.delay);
            if failure.is_to_be_logged {
                tracing::warn!(
                    target_name = &*context.target,
                    %partition,
                    cause = detail,
                    reason = reason.as_str(),
                    retry_after_seconds = failure.delay.as_secs_f64(),
                    "transaction was aborted and is done again"
                );
            }
        }
        self.count_retries(reason, records);
    }

    fn blocked(
        &mut self,
        partition: &PartitionId,
        batch: Batch,
        reason: BlockReason,
        detail: String,
        now: Instant,
    ) {
        let records = batch.len();
        let lane = self.lane(partition, now);
        lane.take_back(batch);
        lane.blocks.block(reason, detail, Cause::Batch, now);
        self.count_retries(RetryReason::Blocked, records);
    }

    /// The producer is of no use any more. What it had is never sent again from here: part of it may be in the cluster.
    fn lost(&mut self, partition: &PartitionId, batch: Batch, lost: Lost, detail: &str, now: Instant) {
        tracing::warn!(
            target_name = &*self.shared.context().target,
            %partition,
            cause = detail,
            reason = lost.as_str(),
            "claim of a partition is lost; its records are let go and read again from the position in the cluster"
        );
        let lane = self.lane(partition, now);
        lane.take_back(batch);
        let dropped = lane.lose(lost);
        self.count_dropped(dropped);
    }

    /// Says whether a partition is blocked. The partitions of a target are mostly blocked by the same.
    fn publish(&self) {
        let blocked = self.lanes.values().find(|lane| lane.blocks.is_target_blocked());
        if let Some(lane) = blocked.or(self.lanes.values().next()) {
            lane.blocks.publish(&self.shared.context().health);
        }
    }

    fn wake(&self) -> Option<Instant> {
        let limits = &self.limits;
        let ended = self.is_ended.then(|| Instant::now() + super::lane::LOOK_INTERVAL);
        let lanes = self.lanes.values();
        lanes.filter_map(|lane| lane.wake(limits)).chain(ended).min()
    }

    /// Lets go of what cannot be committed in time.
    fn end(&mut self) {
        let mut dropped = 0;
        for lane in self.lanes.values_mut() {
            dropped += lane.let_go();
            if let Some(producer) = lane.producer.take() {
                dismantle(producer);
            }
        }
        self.count_dropped(dropped);
    }
}
