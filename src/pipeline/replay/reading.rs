//! The reader of one range: credit for free room, events through the dispatch, until the last one has come.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use anyhow::anyhow;
use tokio::sync::mpsc;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::progress::Account;
use super::range::{First, count};
use crate::acknowledge::{CreditBudget, Window};
use crate::cli::exit::Failure;
use crate::event::{Event, Loss, SequenceNumber};
use crate::eventhub::{End, EndReason, HubClient, PartitionReader, Step};
use crate::pipeline::dispatch::{Dispatch, Dispatched, dispatch};
use crate::pipeline::queue;
use crate::pipeline::undeliverable::{Undeliverable, Unreadable};
use crate::pipeline::workspace::Workspace;

/// What the reader of one range needs.
pub(super) struct Reading {
    pub(super) account: Arc<Account>,
    pub(super) client: Arc<HubClient>,
    /// What to do with an event; it has one target.
    pub(super) dispatch: Arc<Dispatch>,
    pub(super) window: Arc<Window>,
    /// Where records go that reach no target.
    pub(super) undeliverable: mpsc::Sender<Undeliverable>,
    /// Without an event for so long, the hub is asked whether the rest of the range is still there.
    pub(super) idle_interval: Duration,
    /// No more events.
    pub(super) intake: CancellationToken,
}

/// What changes while a range is read.
struct State {
    hub: PartitionReader,
    credit: CreditBudget,
    workspace: Workspace,
    last_event: Instant,
    /// Number of the next event, once it is known.
    next: Option<SequenceNumber>,
}

/// Whether the range goes on.
#[derive(Debug, PartialEq, Eq)]
enum Flow {
    More,
    /// Every event of the range is read, or known to be gone.
    Done,
    /// The replay is told to stop.
    Stopped,
}

/// Something happened, or it is time to ask.
enum Turn {
    Step(Step),
    Room,
    Idle,
    Stopped,
}

impl Reading {
    /// Reads the range to its end, or until told to stop.
    ///
    /// Errors: the hub refuses in a way that waiting does not mend, or is not the one the range was asked of.
    pub(super) async fn run(self) -> Result<(), Failure> {
        let range = &self.account.range;
        let Some(start) = range.start.clone() else {
            return Ok(());
        };
        let hub = PartitionReader::new(Arc::clone(&self.client), range.partition.clone(), start);
        let mut state = State {
            hub: hub.without_owner_level(),
            credit: CreditBudget::new(&self.window),
            workspace: Workspace::new(&self.dispatch),
            last_event: Instant::now(),
            next: range.first,
        };
        let result = self.read(&mut state).await;
        state.hub.close().await;
        if result? == Flow::Done {
            self.account.read();
        }
        Ok(())
    }

    async fn read(&self, state: &mut State) -> Result<Flow, Failure> {
        loop {
            let flow = match self.turn(state).await {
                Turn::Step(step) => self.step(step, state).await?,
                Turn::Room => Flow::More,
                Turn::Idle => self.ask(state).await?,
                Turn::Stopped => Flow::Stopped,
            };
            if flow != Flow::More {
                return Ok(flow);
            }
        }
    }

    /// Waits for the next step while granting credit for free room, and for no more events than the range has.
    async fn turn(&self, state: &mut State) -> Turn {
        let released = self.window.released();
        tokio::pin!(released);
        // Before the offer, so that room given back between the two is not missed.
        released.as_mut().enable();
        let outstanding = state.hub.outstanding();
        let offer = state.credit.offer(outstanding, self.account.in_flight.is_empty());
        let offer = offer.min(self.wanted(state.next).saturating_sub(outstanding));
        // Only while attached: an attempt to attach holds the place of the connection that asking would wait for.
        let may_ask = state.hub.is_attached();
        let idle_at = state.last_event + self.idle_interval;
        let turn = tokio::select! {
            biased;
            () = self.intake.cancelled() => Turn::Stopped,
            step = state.hub.next(offer) => Turn::Step(step),
            () = released => Turn::Room,
            () = tokio::time::sleep_until(idle_at), if may_ask => Turn::Idle,
        };
        state.credit.taken(state.hub.outstanding());
        turn
    }

    /// Events that may still come.
    fn wanted(&self, next: Option<SequenceNumber>) -> u32 {
        let events = next.map_or(u64::MAX, |next| count(next, self.account.range.last));
        u32::try_from(events).unwrap_or(u32::MAX)
    }

    async fn step(&self, step: Step, state: &mut State) -> Result<Flow, Failure> {
        let partition = &self.account.range.partition;
        match step {
            Step::Event(event) => return Ok(self.event(event, state).await),
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
                return Ok(self.unreadable(event, state).await);
            }
            Step::Attached { position, .. } => {
                tracing::debug!(%partition, position, "partition attached");
            }
            Step::Lost(Loss { events, before, .. }) | Step::Missing { events, before } => {
                self.gone(SequenceNumber(before.0 - events), SequenceNumber(before.0 - 1));
            }
            // A replay has no part in who owns the partition, and it never starts at an offset alone.
            Step::Repeated { .. } | Step::Reattaching | Step::OffsetGone { .. } => {}
            Step::Detached {
                reason,
                detail,
                retry_after,
            } => {
                state.credit.idle();
                if reason.needs_operator() && !retry_after.is_zero() {
                    return Err(self.refused(End { reason, detail }));
                }
                tracing::warn!(
                    %partition, reason = reason.as_str(), detail,
                    retry_after_seconds = retry_after.as_secs_f64(),
                    "partition detached; reading goes on after the last event received"
                );
            }
            Step::HubRecreated { .. } => return Err(self.another_hub()),
            Step::PositionRefused { detail, .. } => {
                return Err(self.refused(End::new(EndReason::InvalidPosition, detail)));
            }
        }
        Ok(Flow::More)
    }

    async fn event(&self, event: Event, state: &mut State) -> Flow {
        state.last_event = Instant::now();
        state.credit.received(event.body.len());
        let number = event.sequence_number;
        let range = &self.account.range;
        if number > range.last || range.until.is_some_and(|until| event.enqueued_time > until) {
            return Flow::Done;
        }
        if let First::Time(from) = range.asked
            && self.account.first_read().is_none()
            && self.account.begins_late(&event, from)
        {
            self.account.may_begin_late.store(true, Ordering::Relaxed);
            tracing::warn!(
                partition = %range.partition, sequence_number = %number, enqueued_time = %event.enqueued_time,
                "the hub's oldest event is later than the beginning of the range; what was before it is gone"
            );
        }
        let in_flight = self.account.in_flight.begin(&event);
        let dispatched = dispatch(
            &self.dispatch,
            &event,
            &in_flight,
            &self.window,
            &mut state.workspace,
        );
        drop(event);
        in_flight.close();
        self.count(number, &dispatched);
        self.pass(self.hand_over(dispatched), number, state).await
    }

    async fn unreadable(&self, event: Unreadable, state: &mut State) -> Flow {
        let number = event.sequence_number;
        let range = &self.account.range;
        if number > range.last {
            return Flow::Done;
        }
        tracing::error!(
            partition = %range.partition, sequence_number = %number, detail = event.detail,
            "event cannot be read"
        );
        self.account.event(number);
        self.account.records.fetch_add(1, Ordering::Relaxed);
        let (hub, group) = (&self.dispatch.hub, &self.dispatch.consumer_group);
        let undeliverable = event.take_in(&self.account.in_flight, hub, group, &self.window);
        let sent = async { self.undeliverable.send(undeliverable).await.is_ok() };
        self.pass(sent, number, state).await
    }

    /// Waits until event `number` is handed over, and says whether it was the last one.
    async fn pass(
        &self,
        handed_over: impl Future<Output = bool>,
        number: SequenceNumber,
        state: &mut State,
    ) -> Flow {
        let is_handed_over = tokio::select! {
            biased;
            () = self.intake.cancelled() => false,
            is_handed_over = handed_over => is_handed_over,
        };
        state.next = Some(number.next());
        match is_handed_over {
            false => Flow::Stopped,
            true if number == self.account.range.last => Flow::Done,
            true => Flow::More,
        }
    }

    /// The target's queue is bounded, so this waits while it takes nothing; the room is booked meanwhile. `false` when the
    /// other side is gone, because the replay is ending.
    async fn hand_over(&self, dispatched: Dispatched) -> bool {
        for (index, record) in dispatched.records {
            let target = &self.dispatch.targets[index];
            if !queue::send(&target.records, &target.in_flight, record).await {
                return false;
            }
        }
        for undeliverable in dispatched.letters {
            if self.undeliverable.send(undeliverable).await.is_err() {
                return false;
            }
        }
        true
    }

    fn count(&self, number: SequenceNumber, dispatched: &Dispatched) {
        self.account.event(number);
        let wanted = dispatched.records.len() + dispatched.letters.len();
        let add = |counter: &std::sync::atomic::AtomicU64, records: usize| {
            counter.fetch_add(records as u64, Ordering::Relaxed);
        };
        add(&self.account.records, dispatched.decoded);
        add(&self.account.filtered, dispatched.decoded - wanted);
    }

    /// No event came for a while: asks whether the rest of the range is still there.
    async fn ask(&self, state: &mut State) -> Result<Flow, Failure> {
        state.last_event = Instant::now();
        let range = &self.account.range;
        let asked = tokio::select! {
            () = self.intake.cancelled() => return Ok(Flow::Stopped),
            asked = self.client.partition_properties(&range.partition) => asked,
        };
        let properties = match asked {
            Ok(properties) => properties,
            // The link tells it too, and the reader mends it.
            Err(end) => {
                tracing::debug!(partition = %range.partition, cause = %end, "the hub could not be asked for the rest of the range");
                return Ok(Flow::More);
            }
        };
        if properties.last_sequence_number < range.last {
            return Err(self.another_hub());
        }
        if properties.is_empty || properties.begin_sequence_number > range.last {
            self.gone(state.next.unwrap_or(range.oldest), range.last);
            return Ok(Flow::Done);
        }
        // With credit out, whatever there is had time to come.
        let has_no_more = properties.last_sequence_number == range.last && state.hub.outstanding() > 0;
        match state.hub.unnumbered() {
            Some((events, detail)) if has_no_more => {
                let detail = detail.to_owned();
                Ok(self.end_with(events, detail, state).await)
            }
            _ => Ok(Flow::More),
        }
    }

    /// The last so many events of the range came and cannot be read, and no event follows that would tell their numbers.
    async fn end_with(&self, events: i64, detail: String, state: &mut State) -> Flow {
        let last = self.account.range.last;
        let first = SequenceNumber(last.0 - events + 1).max(state.next.unwrap_or(SequenceNumber(0)));
        let mut flow = Flow::More;
        let mut number = first;
        while flow == Flow::More {
            let event = Unreadable {
                sequence_number: number,
                enqueued_time: None,
                detail: detail.clone(),
            };
            flow = self.unreadable(event, state).await;
            number = number.next();
        }
        flow
    }

    /// Counts the events from `first` to `last` as gone, as far as they belong to the range.
    fn gone(&self, first: SequenceNumber, last: SequenceNumber) {
        let range = &self.account.range;
        let events = count(first, last.min(range.last));
        if events == 0 {
            return;
        }
        tracing::warn!(
            partition = %range.partition, events, sequence_number = %first,
            "events of the range are gone: the hub removed them before they were read"
        );
        self.account.gone.fetch_add(events, Ordering::Relaxed);
    }

    fn refused(&self, end: End) -> Failure {
        let (partition, group) = (&self.account.range.partition, &self.dispatch.consumer_group);
        let reason = end.reason;
        let error = anyhow!(end);
        Failure::Peer(match reason {
            EndReason::Stolen => error.context(format!(
                "consumer group `{group}` has a reader of its own at partition `{partition}`; give the replay another group"
            )),
            _ => error.context(format!(
                "failed to read partition `{partition}` through consumer group `{group}`"
            )),
        })
    }

    fn another_hub(&self) -> Failure {
        Failure::Peer(anyhow!(
            "the hub was deleted and made again: the range at partition `{}` was one of the hub before",
            self.account.range.partition
        ))
    }
}
