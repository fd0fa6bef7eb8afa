//! One partition: credit for free room, events through the dispatch, records into the targets' queues.

use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::sync::mpsc;

use super::bridge::Stop;
use super::dispatch::{Dispatch, Dispatched, dispatch};
use super::undeliverable::Undeliverable;
use crate::acknowledge::{CreditBudget, InFlight, Mark, Window};
use crate::checkpoint::{Checkpoint, Checkpointer};
use crate::deliver::dead_letter::{Content, DeadLetter};
use crate::event::{Event, Kind, Offset, PartitionId, RejectReason, SequenceNumber, Timestamp};
use crate::eventhub::settings::{Position, StartPosition};
use crate::eventhub::{HubClient, PartitionReader, Step};
use crate::telemetry::{Metrics, PartitionStatus};

/// Everything the reader of one partition needs.
pub struct Reader {
    /// The group that reads.
    pub consumer_group: Arc<str>,
    /// The partition.
    pub partition: PartitionId,
    /// Where to start.
    pub start: StartPosition,
    /// Whether `start` stands for `latest`, which must be resolved into a position and stored before the first attach.
    pub resolve_latest: bool,
    /// How long to wait for an event before the hub is asked for the newest one.
    pub idle_interval: Duration,
    /// The hub.
    pub client: Arc<HubClient>,
    /// Stores the marks.
    pub checkpointer: Arc<Checkpointer>,
    /// Bounds what is in memory.
    pub window: Arc<Window>,
    /// What to do with an event.
    pub dispatch: Arc<Dispatch>,
    /// Where records go that reach no target.
    pub undeliverable: mpsc::Sender<Undeliverable>,
    /// Metrics of the whole bridge.
    pub metrics: Arc<Metrics>,
    /// What `/readyz` knows of the partition.
    pub status: Arc<PartitionStatus>,
    /// How it is told to stop.
    pub stop: Stop,
}

impl Reader {
    /// Reads until told to stop.
    pub async fn run(mut self) {
        if self.resolve_latest && !self.resolve().await {
            return;
        }
        let start = match &self.start {
            StartPosition::After(position) => Some(position.sequence_number.0),
            _ => None,
        };
        let mut reading = Reading {
            credit: CreditBudget::new(&self.window),
            in_flight: InFlight::new(self.partition.clone(), 0, Arc::clone(&self.window)),
            generation: 0,
            is_registered: false,
            scratch: Vec::with_capacity(8192),
            last_event: Instant::now(),
        };
        let mut hub = PartitionReader::new(
            Arc::clone(&self.client),
            self.partition.clone(),
            self.start.clone(),
        );
        self.status.tracks(&reading.in_flight, start);
        while !self.stop.intake.is_cancelled() {
            let Some(step) = self.next(&mut hub, &mut reading).await else {
                continue;
            };
            if !self.step(step, &mut reading).await {
                break;
            }
        }
        hub.close().await;
        self.status.detached("stopped".to_owned());
    }

    /// Waits for the next step while granting credit for free room; `None` when only the room or the time changed.
    async fn next(&self, hub: &mut PartitionReader, reading: &mut Reading) -> Option<Step> {
        let released = self.window.released();
        tokio::pin!(released);
        released.as_mut().enable();
        let credit = reading
            .credit
            .offer(hub.outstanding(), reading.in_flight.is_empty());
        let idle_for = self.idle_interval.saturating_sub(reading.last_event.elapsed());
        // Only while attached: an attempt to attach holds the place of the connection, and asking would wait for that
        // place while nobody polls the attempt.
        let may_ask = hub.is_attached();
        let step = tokio::select! {
            biased;
            () = self.stop.intake.cancelled() => None,
            step = hub.next(credit) => Some(step),
            () = released => None,
            () = tokio::time::sleep(idle_for), if may_ask => {
                self.ask_while_idle(reading).await;
                None
            }
        };
        reading.credit.taken(hub.outstanding());
        step
    }

    /// Acts on one step; `false` when told to stop.
    async fn step(&mut self, step: Step, reading: &mut Reading) -> bool {
        let labels = [self.partition.as_str(), &self.consumer_group];
        match step {
            Step::Event(event) => return self.event(event, reading).await,
            Step::Unreadable {
                sequence_number,
                detail,
            } => {
                return self.unreadable(sequence_number, detail, reading).await;
            }
            Step::Attached {
                position,
                hub_created_at,
            } => {
                tracing::info!(
                    partition = %self.partition, consumer_group = &*self.consumer_group, position, "partition attached"
                );
                if !reading.is_registered {
                    self.checkpointer
                        .register(Arc::clone(&reading.in_flight), Some(hub_created_at));
                    reading.is_registered = true;
                }
                self.status.attached();
            }
            Step::Detached {
                reason,
                detail,
                retry_after,
            } => {
                tracing::warn!(
                    partition = %self.partition, consumer_group = &*self.consumer_group, reason = reason.as_str(),
                    detail, retry_after_seconds = retry_after.as_secs_f64(), "partition detached"
                );
                reading.credit.idle();
                self.status
                    .detached(format!("{detail}; next try in {} s", retry_after.as_secs()));
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
                self.begin_generation(reading);
            }
            Step::PositionRefused { detail, policy } => {
                tracing::error!(
                    partition = %self.partition, consumer_group = &*self.consumer_group, detail, ?policy,
                    "the hub refuses the stored position; reading goes on as `on_invalid_checkpoint` says"
                );
                self.begin_generation(reading);
            }
            Step::Lost { events, before } => {
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
                self.metrics
                    .eventhub_repeated_events_total
                    .with_label_values(&labels)
                    .inc();
            }
        }
        true
    }
}

/// What changes while one partition is read.
struct Reading {
    credit: CreditBudget,
    in_flight: Arc<InFlight>,
    generation: u64,
    /// Whether the checkpointer knows `in_flight`; it learns of it at the first attach, with the age of the hub.
    is_registered: bool,
    scratch: Vec<u8>,
    last_event: Instant,
}

impl Reader {
    async fn event(&self, event: Event, reading: &mut Reading) -> bool {
        reading.last_event = Instant::now();
        reading.credit.received(event.body.len());
        self.count(&event);
        let in_flight = reading.in_flight.begin(&event);
        let dispatched = dispatch(
            &self.dispatch,
            &event,
            &in_flight,
            &self.window,
            &mut reading.scratch,
        );
        drop(event);
        in_flight.close();
        tokio::select! {
            () = self.hand_over(dispatched) => true,
            () = self.stop.intake.cancelled() => false,
        }
    }

    /// The targets' queues are bounded, so this waits while a target takes nothing; the room is booked meanwhile.
    async fn hand_over(&self, dispatched: Dispatched) {
        for (index, record) in dispatched.records {
            let target = &self.dispatch.targets[index];
            target.in_flight.inc();
            if target.records.send(record).await.is_err() {
                // The workers are gone, so the bridge is ending: the record stays unsettled and is read again.
                target.in_flight.dec();
                return;
            }
        }
        for undeliverable in dispatched.letters {
            if self.undeliverable.send(undeliverable).await.is_err() {
                return;
            }
        }
    }

    fn count(&self, event: &Event) {
        let labels = [self.partition.as_str(), &self.consumer_group];
        self.metrics
            .eventhub_received_events_total
            .with_label_values(&labels)
            .inc();
        self.metrics
            .eventhub_last_sequence_number
            .with_label_values(&labels)
            .set(event.sequence_number.0);
        let bytes = self
            .metrics
            .eventhub_received_bytes_total
            .with_label_values(&[&self.consumer_group]);
        bytes.inc_by(event.body.len() as u64);
        if let Some(last) = &event.last_enqueued {
            self.status.last_enqueued(last);
        }
    }

    /// An event the library refused: a dead letter with its coordinates, so that it is not met again for ever.
    async fn unreadable(
        &self,
        sequence_number: SequenceNumber,
        detail: String,
        reading: &mut Reading,
    ) -> bool {
        let labels = [self.partition.as_str(), &self.consumer_group];
        self.metrics
            .eventhub_unreadable_events_total
            .with_label_values(&labels)
            .inc();
        let event = Event {
            partition: self.partition.clone(),
            sequence_number,
            // A checkpoint at this event goes by its number: an empty offset says so.
            offset: Offset::new(""),
            enqueued_time: Timestamp::now(),
            body: bytes::Bytes::new(),
            last_enqueued: None,
        };
        let in_flight = reading.in_flight.begin(&event);
        let letter = DeadLetter {
            event_id: None,
            hub: self.dispatch.hub.clone(),
            consumer_group: Arc::clone(&self.consumer_group),
            partition: self.partition.clone(),
            sequence_number,
            offset: None,
            enqueued_time: None,
            record_index: 0,
            kind: Kind::Undecodable,
            key: None,
            target: None,
            stage: "eventhub",
            reason: RejectReason::Unreadable,
            detail,
            mapping_revision: None,
            content: Content::Nothing,
        };
        let held = Arc::new(self.window.hold(0));
        let undeliverable = Undeliverable {
            letter,
            ticket: in_flight.ticket(),
            held,
        };
        in_flight.close();
        tokio::select! {
            sent = self.undeliverable.send(undeliverable) => sent.is_ok(),
            () = self.stop.intake.cancelled() => false,
        }
    }

    /// The hub was deleted and made again: numbers start anew, and what is in flight moves no position any more.
    fn begin_generation(&self, reading: &mut Reading) {
        reading.in_flight.retire();
        reading.generation += 1;
        reading.is_registered = false;
        reading.in_flight = InFlight::new(
            self.partition.clone(),
            reading.generation,
            Arc::clone(&self.window),
        );
        self.status.tracks(&reading.in_flight, Some(-1));
    }

    async fn ask_while_idle(&self, reading: &mut Reading) {
        reading.last_event = Instant::now();
        reading.credit.idle();
        let asked = tokio::select! {
            () = self.stop.intake.cancelled() => return,
            asked = self.client.partition_properties(&self.partition) => asked,
        };
        match asked {
            Ok(properties) => self.status.last_enqueued(&properties.last_enqueued()),
            Err(end) => tracing::debug!(
                partition = %self.partition, cause = %end, "failed to ask an idle partition for its newest event"
            ),
        }
    }

    /// `latest` is resolved once and stored, so that a reconnect before the first event skips nothing.
    async fn resolve(&mut self) -> bool {
        let mut attempt = 0;
        loop {
            let resolved = tokio::select! {
                () = self.stop.intake.cancelled() => return false,
                resolved = self.client.latest(&self.partition) => resolved,
            };
            let wait = match resolved {
                Ok(position) => match self.store_initial(&position).await {
                    Ok(()) => {
                        self.start = StartPosition::After(position);
                        return true;
                    }
                    Err(error) => {
                        tracing::error!(partition = %self.partition, %error, "failed to store the position of `latest`");
                        Duration::from_secs(5)
                    }
                },
                Err(end) => {
                    attempt += 1;
                    self.status
                        .detached(format!("the newest event is not known: {end}"));
                    end.reason.delay(attempt, rand::random())
                }
            };
            tokio::select! {
                () = self.stop.intake.cancelled() => return false,
                () = tokio::time::sleep(wait) => {}
            }
        }
    }

    async fn store_initial(&self, position: &Position) -> Result<(), crate::checkpoint::Error> {
        let mark = Mark {
            sequence_number: position.sequence_number,
            offset: position.offset.clone().unwrap_or_else(|| Offset::new("")),
            enqueued_time: position.enqueued_time.unwrap_or_else(Timestamp::now),
        };
        let checkpoint = Checkpoint::new(mark, position.hub_created_at);
        self.checkpointer
            .store_initial(&self.partition, &checkpoint)
            .await
    }
}

/// A gap as a counter takes it; the consumer reports positive ones only.
fn count(events: i64) -> u64 {
    u64::try_from(events).unwrap_or_default()
}
