//! One partition: credit for free room, events through the dispatch, records into the targets' queues.

mod ask;
mod claim;
mod intake;
mod latest;
mod link;
mod loss;
mod reading;
mod reattach;
mod stuck;
mod watch;

use std::future::poll_fn;
use std::pin::Pin;
use std::sync::Arc;
use std::task::Poll;
use std::time::{Duration, Instant};

use tokio::sync::{Notify, mpsc};

use self::claim::Losses;
use self::reading::{Counters, Reading};
use self::watch::Watch;
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
use crate::telemetry::repeated::Repeated;
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
    /// When `start` was stored, where it does not say when its hub was made.
    pub stored_at: Option<Timestamp>,
    /// The targets of the group, and how far each one was.
    pub targets: Targets,
    /// Whether `start` stands for `latest`, which must be resolved into a position and stored before the first attach.
    pub resolve_latest: bool,
    /// How long to wait for an event, or for the settlement of one, before the hub is asked for its oldest and newest.
    pub idle_interval: Duration,
    /// How long the hub may say that it has newer events, before a link that brings none of them is given up.
    pub stuck_after: Duration,
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
    /// Of its first tracker; above those of every reader of the partition before it.
    pub first_generation: u64,
    /// How it is told to stop.
    pub stop: Stop,
}

/// Why a reader ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Ended {
    /// It was told to, or the bridge stops.
    Stopped,
    /// Another instance owns the partition.
    Taken,
    /// Somebody else took the partition at the hub, though the ownership is ours: what the hub said about it.
    Displaced(String),
}

impl Reader {
    /// Reads until told to stop, or until the partition is another's; where claims are needed, over as many as it takes.
    pub async fn run(mut self) -> (PartitionId, Ended) {
        let ended = self.read_for_ever().await;
        (self.partition, ended)
    }

    async fn read_for_ever(&mut self) -> Ended {
        let mut generation = self.first_generation;
        let mut losses = Losses::default();
        loop {
            let since = Instant::now();
            let lost = match self.read(&mut generation).await {
                Ok(lost) => lost,
                Err(ended) => return ended,
            };
            generation += 1;
            // Who fenced us may be the one that owns the partition now.
            if let Err(ended) = self.hold().await {
                return ended;
            }
            if !self.wait_after(lost, since.into(), &mut losses).await {
                return Ended::Stopped;
            }
        }
    }

    /// Reads from `generation` on until a claim is lost, and says which generation that was; or until it ends for good.
    async fn read(&mut self, generation: &mut u64) -> Result<Lost, Ended> {
        self.hold().await?;
        let claim = self.claim(*generation).await.ok_or(Ended::Stopped)?;
        if self.resolve_latest && !self.resolve().await {
            return Err(Ended::Stopped);
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
            ended: Ended::Stopped,
            is_stolen: false,
            is_registered: false,
            workspace: Workspace::new(self.dispatch.dispatch()),
            dispatch: self.dispatch.clone(),
            last_event: Instant::now(),
            last_asked: Instant::now(),
            asked: None,
            watch: Watch::new(self.stuck_after),
            unreadable: Repeated::default(),
            counters: Counters::new(&self.metrics, &self.partition, &self.consumer_group),
        };
        let mut hub = PartitionReader::new(
            Arc::clone(&self.client),
            self.partition.clone(),
            self.start.clone(),
        )
        .stored_at(self.stored_at);
        reading.in_flight.set_origin(self.origin);
        self.status.tracks(&reading.in_flight, start_number);
        while !self.stop.intake.is_cancelled() && reading.claim.lost().is_none() {
            let Some(step) = self.next(&mut hub, &mut reading).await else {
                if let Some(asked) = reading.asked.take() {
                    self.judge(asked, &mut hub, &mut reading);
                }
                continue;
            };
            if !self.step(step, &mut reading).await {
                break;
            }
        }
        hub.close().await;
        self.status.detached("stopped".to_owned(), false);
        *generation = reading.generation;
        let lost = match reading.claim.lost() {
            None => return Err(reading.ended),
            Some(_) if reading.ended != Ended::Stopped => return Err(reading.ended),
            // Who took the partition at the hub has claimed it too, however long ago.
            Some(_) if reading.is_stolen => Lost::Fenced,
            Some(lost) => lost,
        };
        reading.in_flight.retire();
        // What was held for this generation is let go of here too.
        let nothing = self.in_flight(*generation, self.targets.without_positions(), None);
        self.status.tracks(&nothing, None);
        match self.stop.intake.is_cancelled() {
            true => Err(Ended::Stopped),
            false => Ok(lost),
        }
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
        reading.watch.stirred();
        match step {
            Step::Event(event) => {
                self.moves_again(reading.watch.event());
                return self.event(event, reading).await;
            }
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
                // The link may have come after a loss, and taken the partition from its owner: then it is given back.
                if let Err(ended) = self.hold().await {
                    reading.ended = ended;
                    return false;
                }
                return self.attached(&position, hub_created_at, resolved, reading).await;
            }
            // A partition that moves for the balance of the instances: no fault.
            Step::Detached {
                reason: EndReason::Stolen,
                detail,
                ..
            } if self.shares() => {
                reading.ended = self.displaced(detail).await;
                return false;
            }
            Step::Detached {
                reason,
                detail,
                retry_after,
            } => self.detached(reason, &detail, retry_after, reading),
            Step::Reattaching => {
                if let Err(ended) = self.hold().await {
                    reading.ended = ended;
                    return false;
                }
            }
            Step::HubRecreated { created_at, policy } => {
                tracing::error!(
                    partition = %self.partition, consumer_group = &*self.consumer_group, %created_at, ?policy,
                    "another hub stands under the name: it was deleted and made again, or another namespace took over; reading \
                     goes on in it as `on_invalid_checkpoint` says"
                );
                self.begin_generation(reading, "hub_recreated");
                // It may have other partitions too.
                self.partitions_changed.notify_one();
            }
            Step::PositionRefused { detail, policy } => {
                tracing::error!(
                    partition = %self.partition, consumer_group = &*self.consumer_group, detail, ?policy,
                    "the hub refuses the stored position; reading goes on as `on_invalid_checkpoint` says"
                );
                self.begin_generation(reading, "position_refused");
            }
            Step::Lost(loss) => self.lost(&loss, reading),
            Step::OffsetGone {
                offset,
                before,
                enqueued_before,
            } => self.perhaps_lost(&offset, before, enqueued_before),
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
    /// The hub was deleted and made again: numbers start anew, and what is in flight moves no position any more.
    fn begin_generation(&self, reading: &mut Reading, origin: &'static str) {
        reading.in_flight.retire();
        // What was tried in vain says nothing about the hub there is now.
        reading.watch = Watch::new(self.stuck_after);
        self.status.stuck(None);
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
}

/// A gap as a counter takes it; the consumer reports positive ones only.
fn count(events: i64) -> u64 {
    u64::try_from(events).unwrap_or_default()
}

/// The mark that a position stands for.
pub(super) fn mark_of(position: &Position) -> Mark {
    Mark {
        sequence_number: position.sequence_number,
        offset: position.offset.clone().unwrap_or_else(|| Offset::new("")),
        enqueued_time: position.enqueued_time.unwrap_or_else(Timestamp::now),
    }
}
