//! One partition: credit for free room, events through the dispatch, records into the targets' queues.

mod claim;
mod intake;
mod latest;
mod reading;

use std::future::poll_fn;
use std::pin::Pin;
use std::sync::Arc;
use std::task::Poll;
use std::time::{Duration, Instant};

use tokio::sync::{Notify, mpsc};

use self::claim::Losses;
use self::reading::{Counters, Reading};
use super::bridge::Stop;
use super::edition::InUse;
use super::undeliverable::{Undeliverable, Unreadable};
use super::workspace::Workspace;
use crate::acknowledge::{CreditBudget, InFlight, Mark, Targets, Window};
use crate::checkpoint::Checkpointer;
use crate::deliver::kafka::exactly_once::{Claims, Lost};
use crate::event::{Offset, PartitionId, Timestamp};
use crate::eventhub::settings::{Position, StartPosition};
use crate::eventhub::{EndReason, HubClient, PartitionReader, Step};
use crate::telemetry::{Metrics, PartitionStatus};

/// What a reader of the hub was offered, and in which state it was.
struct Offer {
    outstanding: u32,
    credit: u32,
    holds_nothing: bool,
    may_ask: bool,
}

/// Everything the reader of one partition needs.
pub struct Reader {
    /// The group that reads.
    pub consumer_group: Arc<str>,
    /// The partition.
    pub partition: PartitionId,
    /// Where to start.
    pub start: StartPosition,
    /// Where `start` comes from, in a word for the audit.
    pub origin: &'static str,
    /// The targets of the group, and how far each one was.
    pub targets: Targets,
    /// Whether `start` stands for `latest`, which must be resolved into a position and stored before the first attach.
    pub resolve_latest: bool,
    /// How long to wait for an event, or for the settlement of one, before the hub is asked for its oldest and newest.
    pub idle_interval: Duration,
    /// The hub.
    pub client: Arc<HubClient>,
    /// Stores the marks.
    pub checkpointer: Arc<Checkpointer>,
    /// Bounds what is in memory.
    pub window: Arc<Window>,
    /// What to do with an event.
    pub dispatch: InUse,
    /// Where the target keeps positions together with the records, if it does.
    pub claims: Option<Claims>,
    /// Where records go that reach no target.
    pub undeliverable: mpsc::Sender<Undeliverable>,
    /// Metrics of the whole bridge.
    pub metrics: Arc<Metrics>,
    /// What `/readyz` knows of the partition.
    pub status: Arc<PartitionStatus>,
    /// Told when the hub says that it changed, which may mean new partitions.
    pub partitions_changed: Arc<Notify>,
    /// How it is told to stop.
    pub stop: Stop,
}

impl Reader {
    /// Reads until told to stop; where claims are needed, over as many of them as it takes.
    pub async fn run(mut self) {
        let mut generation = 0;
        let mut losses = Losses::default();
        loop {
            let since = Instant::now();
            let Some(lost) = self.read(&mut generation).await else {
                return;
            };
            generation += 1;
            if !self.wait_after(lost, since.into(), &mut losses).await {
                return;
            }
        }
    }

    /// Reads from `generation` on until told to stop, or until a claim is lost, and says which generation that was.
    async fn read(&mut self, generation: &mut u64) -> Option<Lost> {
        let claim = self.claim(*generation).await?;
        if self.resolve_latest && !self.resolve().await {
            return None;
        }
        let start = match &self.start {
            StartPosition::After(position) => Some(mark_of(position)),
            _ => None,
        };
        let start_number = start.as_ref().map(|mark| mark.sequence_number.0);
        let mut reading = Reading {
            credit: CreditBudget::new(&self.window),
            in_flight: self.in_flight(*generation, self.targets.clone(), start),
            generation: *generation,
            claim,
            is_stolen: false,
            is_registered: false,
            workspace: Workspace::new(self.dispatch.dispatch()),
            dispatch: self.dispatch.clone(),
            last_event: Instant::now(),
            last_asked: Instant::now(),
            counters: Counters::new(&self.metrics, &self.partition, &self.consumer_group),
        };
        let mut hub = PartitionReader::new(
            Arc::clone(&self.client),
            self.partition.clone(),
            self.start.clone(),
        );
        reading.in_flight.set_origin(self.origin);
        self.status.tracks(&reading.in_flight, start_number);
        while !self.stop.intake.is_cancelled() && reading.claim.lost().is_none() {
            let Some(step) = self.next(&mut hub, &mut reading).await else {
                continue;
            };
            if !self.step(step, &mut reading).await {
                break;
            }
        }
        hub.close().await;
        self.status.detached("stopped".to_owned(), false);
        *generation = reading.generation;
        let lost = match reading.claim.lost()? {
            // Who took the partition at the hub has claimed it too, however long ago.
            _ if reading.is_stolen => Lost::Fenced,
            lost => lost,
        };
        reading.in_flight.retire();
        // What was held for this generation is let go of here too.
        let nothing = self.in_flight(*generation, self.targets.without_positions(), None);
        self.status.tracks(&nothing, None);
        (!self.stop.intake.is_cancelled()).then_some(lost)
    }

    /// Waits for the next step while granting credit for free room; `None` when only the room or the time changed.
    async fn next(&self, hub: &mut PartitionReader, reading: &mut Reading) -> Option<Step> {
        let (outstanding, holds_nothing) = (hub.outstanding(), reading.in_flight.is_empty());
        // Only while attached: an attempt to attach holds the place of the connection, and asking would wait for that
        // place while nobody polls the attempt.
        let may_ask = hub.is_attached();
        let credit = reading.credit.offer(outstanding, holds_nothing);
        let step = {
            let next = hub.next(credit);
            tokio::pin!(next);
            // Under load the next event is there already; what it takes to wait would cost more than the event.
            match poll_fn(|context| Poll::Ready(next.as_mut().poll(context))).await {
                Poll::Ready(step) => Some(step),
                Poll::Pending => {
                    let offer = Offer {
                        outstanding,
                        credit,
                        holds_nothing,
                        may_ask,
                    };
                    self.wait(next, offer, reading).await
                }
            }
        };
        reading.credit.taken(hub.outstanding());
        step
    }

    /// Goes on waiting for `next`, to which `offer` was made.
    async fn wait(
        &self,
        next: Pin<&mut impl Future<Output = Step>>,
        offer: Offer,
        reading: &mut Reading,
    ) -> Option<Step> {
        reading.workspace.end_batch(reading.dispatch.dispatch());
        let released = self.window.released();
        tokio::pin!(released);
        released.as_mut().enable();
        // Room may have been given back between the offer and the registration for the next release.
        if reading.credit.offer(offer.outstanding, offer.holds_nothing) > offer.credit {
            return None;
        }
        let ask_in = self.ask_in(reading);
        tokio::select! {
            biased;
            () = self.stop.intake.cancelled() => None,
            () = reading.claim.ended() => None,
            step = next => Some(step),
            () = released => None,
            () = tokio::time::sleep(ask_in), if offer.may_ask => {
                self.ask(reading).await;
                None
            }
        }
    }

    /// Acts on one step; `false` when told to stop.
    async fn step(&mut self, step: Step, reading: &mut Reading) -> bool {
        let labels = [self.partition.as_str(), &self.consumer_group];
        match step {
            Step::Event(event) => return self.event(event, reading).await,
            Step::Unreadable {
                sequence_number,
                enqueued_time,
                detail,
            } => {
                let event = Unreadable {
                    sequence_number,
                    enqueued_time,
                    detail,
                };
                return self.unreadable(event, reading).await;
            }
            Step::Attached {
                position,
                hub_created_at,
                resolved,
            } => {
                if let Some(position) = resolved
                    && !self.store_resolved(&position).await
                {
                    return false;
                }
                tracing::info!(
                    partition = %self.partition, consumer_group = &*self.consumer_group, position, "partition attached"
                );
                if !reading.is_registered {
                    reading.in_flight.set_hub_created_at(hub_created_at);
                    if let Some(claims) = &self.claims {
                        claims.read(Arc::clone(&reading.in_flight)).await;
                    }
                    self.checkpointer
                        .register(Arc::clone(&reading.in_flight), Some(hub_created_at));
                    reading.is_registered = true;
                }
                reading.is_stolen = false;
                self.status.attached();
            }
            Step::Detached {
                reason,
                detail,
                retry_after,
            } => {
                self.log_detached(reason, &detail, retry_after);
                if reason == EndReason::EntityUpdated {
                    self.partitions_changed.notify_one();
                }
                reading.is_stolen |= reason == EndReason::Stolen;
                reading.credit.idle();
                let cause = format!("{detail}; next try in {} s", retry_after.as_secs());
                self.status.detached(cause, reason.needs_operator());
                self.metrics
                    .eventhub_reconnects_total
                    .with_label_values(&[reason.as_str()])
                    .inc();
            }
            Step::HubRecreated { created_at } => {
                tracing::error!(
                    partition = %self.partition, consumer_group = &*self.consumer_group, %created_at,
                    "the hub was deleted and made again; it is read from its beginning"
                );
                self.begin_generation(reading, "hub_recreated");
            }
            Step::PositionRefused { detail, policy } => {
                tracing::error!(
                    partition = %self.partition, consumer_group = &*self.consumer_group, detail, ?policy,
                    "the hub refuses the stored position; reading goes on as `on_invalid_checkpoint` says"
                );
                self.begin_generation(reading, "position_refused");
            }
            Step::Lost { events, before } => {
                reading.in_flight.lost(count(events));
                tracing::error!(
                    partition = %self.partition, consumer_group = &*self.consumer_group, events,
                    sequence_number = %before,
                    "events are lost for good: the hub removed them before they were read"
                );
                self.metrics
                    .eventhub_lost_events_total
                    .with_label_values(&labels)
                    .inc_by(count(events));
            }
            Step::Missing { events, before } => {
                reading.in_flight.missing(count(events));
                tracing::warn!(
                    partition = %self.partition, consumer_group = &*self.consumer_group, events,
                    sequence_number = %before, "the hub skipped sequence numbers"
                );
                self.metrics
                    .eventhub_missing_events_total
                    .with_label_values(&labels)
                    .inc_by(count(events));
            }
            Step::Repeated { .. } => {
                reading.in_flight.repeated();
                self.metrics
                    .eventhub_repeated_events_total
                    .with_label_values(&labels)
                    .inc();
            }
        }
        true
    }
}

impl Reader {
    fn log_detached(&self, reason: EndReason, detail: &str, retry_after: Duration) {
        let (partition, consumer_group) = (&self.partition, &*self.consumer_group);
        let (reason_text, retry_after_seconds) = (reason.as_str(), retry_after.as_secs_f64());
        if reason.needs_operator() {
            tracing::error!(%partition, consumer_group, reason = reason_text, detail, retry_after_seconds, "partition detached");
        } else {
            tracing::warn!(%partition, consumer_group, reason = reason_text, detail, retry_after_seconds, "partition detached");
        }
    }

    /// The hub was deleted and made again: numbers start anew, and what is in flight moves no position any more.
    fn begin_generation(&self, reading: &mut Reading, origin: &'static str) {
        reading.in_flight.retire();
        reading.generation += 1;
        reading.is_registered = false;
        reading.in_flight = self.in_flight(reading.generation, self.targets.without_positions(), None);
        reading.in_flight.set_origin(origin);
        self.status.tracks(&reading.in_flight, Some(-1));
    }

    fn in_flight(&self, generation: u64, targets: Targets, start: Option<Mark>) -> Arc<InFlight> {
        let window = Arc::clone(&self.window);
        InFlight::following(self.partition.clone(), generation, window, targets, start)
    }

    /// When to ask the hub for its oldest and newest event: while none arrives, so that the lag is known; and while one
    /// waits for long, so that it is known what the hub removes first.
    fn ask_in(&self, reading: &Reading) -> Duration {
        let idle_millis = self.idle_interval.as_millis() as i64;
        let oldest = reading.in_flight.oldest();
        let since = match oldest.is_some_and(|oldest| Timestamp::now().millis_since(oldest) >= idle_millis) {
            true => reading.last_asked,
            false => reading.last_asked.max(reading.last_event),
        };
        self.idle_interval.saturating_sub(since.elapsed())
    }

    async fn ask(&self, reading: &mut Reading) {
        reading.last_asked = Instant::now();
        if reading.last_event.elapsed() >= self.idle_interval {
            reading.credit.idle();
        }
        let asked = tokio::select! {
            () = self.stop.intake.cancelled() => return,
            asked = self.client.partition_properties(&self.partition) => asked,
        };
        match asked {
            Ok(properties) => {
                self.status.first_kept(properties.begin_sequence_number);
                self.status.last_enqueued(&properties.last_enqueued());
            }
            Err(end) => tracing::debug!(
                partition = %self.partition, cause = %end, "failed to ask a partition for its oldest and newest event"
            ),
        }
    }
}

/// A gap as a counter takes it; the consumer reports positive ones only.
fn count(events: i64) -> u64 {
    u64::try_from(events).unwrap_or_default()
}

/// The mark that a position stands for.
fn mark_of(position: &Position) -> Mark {
    Mark {
        sequence_number: position.sequence_number,
        offset: position.offset.clone().unwrap_or_else(|| Offset::new("")),
        enqueued_time: position.enqueued_time.unwrap_or_else(Timestamp::now),
    }
}
