//! The reader of one partition, which heals by itself for ever.

mod heal; // what it does when a link ends
mod watched; // what it does when a link brings nothing

use std::collections::VecDeque;
use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use tokio::time::{Instant, sleep_until, timeout};

use super::attach::{Outcome, Plan, Recovery, Start, attach};
use super::client::HubClient;
use super::connection::CLOSE_TIMEOUT;
use super::credential::Credential;
use super::cursor::{Admission, Cursor};
use super::end_reason::{End, EndReason};
use super::known_hub::KnownHub;
use super::receiver::{EPOCH, Link, Received, Refusal};
use super::replaceable::Replaced;
use super::settings::StartPosition;
use super::step::Step;
use crate::event::{Event, PartitionId, SequenceNumber, Timestamp};

pub use watched::Standing;

/// Reads one partition, over as many links and connections as it takes. One reader is one generation of ownership.
pub struct PartitionReader {
    client: Arc<HubClient>,
    partition: PartitionId,
    owner_level: Option<i64>,
    /// When the position was stored that it started at.
    stored_at: Option<Timestamp>,
    credential: Replaced<Credential>,
    cursor: Cursor,
    state: State,
    pending: VecDeque<Step>,
    recovery: Recovery,
    attempts: u32,
    /// Thefts in a row. Events do not end the row: two readers in a fight both get some.
    thefts: u32,
    attached_at: Option<Instant>,
    next_start: NextStart,
    refused: Refused,
    /// Whether the present link has given an event that was not taken in before.
    has_advanced: bool,
    /// Whether [`Step::Reattaching`] is due before the next attempt.
    is_reattaching: bool,
}

type Task<T> = Pin<Box<dyn Future<Output = T> + Send + Sync>>;

enum State {
    Waiting(Instant),
    // Kept here while under way, so that a caller may give up waiting without half an attached link going astray.
    Attaching(Task<Outcome>),
    Receiving(Box<Link>),
    Closing(Task<()>, Instant),
}

/// Where the next attempt starts, if not at the cursor.
#[derive(Clone, Copy, PartialEq, Eq)]
enum NextStart {
    Cursor,
    Latest,
    Locate,
}

/// Deliveries that the library refused and whose numbers are not known yet.
#[derive(Default)]
struct Refused {
    waiting: i64,
    /// When the hub was last asked over this link: its newest event, and how many had been refused.
    asked: Option<(SequenceNumber, i64)>,
    /// Slips of the protocol in a row without an event between them.
    slips: u32,
    detail: String,
}

impl PartitionReader {
    /// A reader that attaches at the first call of [`PartitionReader::next`].
    pub fn new(client: Arc<HubClient>, partition: PartitionId, start: StartPosition) -> Self {
        Self {
            credential: client.settings().credential.subscribe(),
            client,
            partition,
            owner_level: Some(EPOCH),
            stored_at: None,
            cursor: Cursor::new(start),
            state: State::Waiting(Instant::now()),
            pending: VecDeque::new(),
            recovery: Recovery::default(),
            attempts: 0,
            thefts: 0,
            attached_at: None,
            next_start: NextStart::Cursor,
            refused: Refused::default(),
            has_advanced: false,
            is_reattaching: false,
        }
    }

    /// The same, which displaces nobody: without an owner level up to five readers share a partition of a consumer group,
    /// and one that has an owner level refuses this one with `Stolen`.
    pub fn without_owner_level(mut self) -> Self {
        self.owner_level = None;
        self
    }

    /// The same from a position that was stored at `stored_at`: in a hub that was made later it is of no use, which is how
    /// that shows where the position does not say when its own hub was made.
    pub fn stored_at(mut self, stored_at: Option<Timestamp>) -> Self {
        self.stored_at = stored_at;
        self
    }

    /// The partition it reads.
    pub fn partition(&self) -> &PartitionId {
        &self.partition
    }

    /// When the hub was made that is read, once it is known.
    pub fn hub_created_at(&self) -> Option<Timestamp> {
        self.cursor.hub_created_at()
    }

    /// Number of the event taken in last, or of the checkpoint.
    pub fn last_sequence_number(&self) -> Option<SequenceNumber> {
        self.cursor.last()
    }

    /// Whether a link is attached.
    pub fn is_attached(&self) -> bool {
        matches!(self.state, State::Receiving(_))
    }

    /// Events that may still come for the credit given; the caller keeps room for them. It is 0 whenever the link is
    /// not attached.
    pub fn outstanding(&self) -> u32 {
        match &self.state {
            State::Receiving(link) => link.outstanding(),
            _ => 0,
        }
    }

    /// Events that were refused and whose numbers only the next event tells: how many, and what was wrong with the last.
    pub fn unnumbered(&self) -> Option<(i64, &str)> {
        (self.refused.waiting > 0).then(|| (self.refused.waiting, &*self.refused.detail))
    }

    /// Waits for the next thing to happen. `credit` is how many events the caller has room for beyond
    /// [`PartitionReader::outstanding`]; less than that may be asked for, never more. It is asked for when it is at
    /// least what is outstanding, so that one frame serves many events.
    ///
    /// Cancel-safe: nothing is lost if the future is dropped, but nothing happens either until it is polled again.
    pub async fn next(&mut self, credit: u32) -> Step {
        loop {
            if let Some(step) = self.pending.pop_front() {
                return step;
            }
            match &mut self.state {
                State::Waiting(until) => {
                    tokio::select! {
                        () = sleep_until(*until) => {}
                        // Perhaps the wait is for this very thing.
                        () = self.credential.replaced() => self.attempts = 0,
                    }
                    if std::mem::take(&mut self.is_reattaching) {
                        self.state = State::Waiting(Instant::now());
                        return Step::Reattaching;
                    }
                    self.state = State::Attaching(Box::pin(attach(Arc::clone(&self.client), self.plan())));
                }
                State::Attaching(attempt) => {
                    let outcome = attempt.as_mut().await;
                    self.on_attempt(outcome);
                }
                State::Receiving(link) => match link.receive(credit).await {
                    Received::Event(event) => self.on_event(event),
                    Received::Refused(refusal) => self.on_refusal(refusal),
                    Received::Ended(end) => self.on_end(end, None),
                },
                State::Closing(closing, until) => {
                    closing.as_mut().await;
                    self.state = State::Waiting(*until);
                }
            }
        }
    }

    /// Ends the reader: the link is closed within a few seconds. Events that were under way come again to the next
    /// reader.
    pub async fn close(mut self) {
        match std::mem::replace(&mut self.state, State::Waiting(Instant::now())) {
            State::Waiting(_) => {}
            State::Receiving(link) => link.close().await,
            State::Closing(closing, _) => closing.await,
            State::Attaching(attempt) => {
                // An attempt that does not end is without a link; one that does may have one to close.
                if let Ok(Outcome::Attached { link, .. }) = timeout(CLOSE_TIMEOUT, attempt).await {
                    link.close().await;
                }
            }
        }
    }

    fn known_hub(&self) -> KnownHub {
        KnownHub::of(self.cursor.hub_created_at(), self.stored_at)
    }

    fn plan(&self) -> Plan {
        let start = match self.next_start {
            NextStart::Cursor => Start::At(self.cursor.start().clone()),
            NextStart::Latest => Start::Latest,
            NextStart::Locate => Start::Locate,
        };
        Plan {
            partition: self.partition.clone(),
            start,
            known_hub: self.known_hub(),
            recovery: self.recovery,
            owner_level: self.owner_level,
        }
    }

    fn on_attempt(&mut self, outcome: Outcome) {
        match outcome {
            Outcome::Attached {
                link,
                hub_created_at,
                position,
                resolved,
            } => {
                if let Some(position) = &resolved {
                    self.cursor
                        .restart(StartPosition::After(position.clone()), Some(hub_created_at));
                }
                self.next_start = NextStart::Cursor;
                self.cursor.attached(hub_created_at);
                (self.refused.waiting, self.refused.asked) = (0, None);
                self.has_advanced = false;
                self.attached_at = Some(Instant::now());
                self.state = State::Receiving(link);
                self.pending.push_back(Step::Attached {
                    position,
                    hub_created_at,
                    resolved,
                });
            }
            Outcome::Located(first) => {
                self.next_start = NextStart::Cursor;
                self.pass(first, Timestamp::now());
                self.wait(Duration::ZERO);
            }
            Outcome::HubRecreated(created_at) => self.on_another_hub(created_at),
            Outcome::Failed { end, retry_after } => self.on_end(end, retry_after),
        }
    }

    fn on_event(&mut self, event: Event) {
        self.attempts = 0;
        self.recovery = Recovery::default();
        self.refused.slips = 0;
        let number = event.sequence_number;
        for waiting in (1..=std::mem::take(&mut self.refused.waiting)).rev() {
            // Where the service repeats events after an attach, a refused one may be passed already.
            self.pass(SequenceNumber(number.0 - waiting), event.enqueued_time);
        }
        let admission = self.cursor.admit(&event, Timestamp::now());
        if self.tell(admission, number) {
            self.has_advanced = true;
            self.pending.push_back(Step::Event(event));
        }
    }

    /// Tells what was found before event `number`; whether it is a new one.
    fn tell(&mut self, admission: Admission, number: SequenceNumber) -> bool {
        let step = match admission {
            Admission::Next => return true,
            Admission::Repeated => Step::Repeated {
                sequence_number: number,
            },
            Admission::AfterGap {
                offset,
                enqueued_before,
            } => Step::OffsetGone {
                offset,
                before: number,
                enqueued_before,
            },
            Admission::AfterLoss(loss) => Step::Lost(loss),
            Admission::AfterSkip { events } => Step::Missing {
                events,
                before: number,
            },
        };
        let is_new = !matches!(step, Step::Repeated { .. });
        self.pending.push_back(step);
        is_new
    }

    /// A refused delivery is the one after the last, once the link has given an event that was new: before that it may
    /// be one the service repeats, and the next event tells its number. Where the link is gone as well, the last event
    /// or the oldest one there is tells it.
    fn on_refusal(&mut self, refusal: Refusal) {
        let Refusal {
            detail,
            is_link_usable,
            is_certain,
        } = refusal;
        self.refused.detail.clone_from(&detail);
        self.refused.slips += u32::from(!is_certain);
        let must_pass = is_certain || self.refused.slips > 1;
        match self.first_unread() {
            Some(number) if must_pass && (self.has_advanced || !is_link_usable) => {
                self.pass(number, Timestamp::now());
            }
            _ if must_pass && is_link_usable => self.refused.waiting += 1,
            None if must_pass => self.next_start = NextStart::Locate,
            _ => {}
        }
        if !is_link_usable || !must_pass {
            self.on_end(End::new(EndReason::Unreadable, detail), None);
        }
    }

    fn first_unread(&self) -> Option<SequenceNumber> {
        match (self.cursor.last(), self.cursor.start()) {
            (Some(last), _) => Some(last.next()),
            (None, StartPosition::SequenceNumber(first)) => Some(*first),
            (None, _) => None,
        }
    }

    /// Passes an event that cannot be read, which the hub took in at `enqueued_before` at the latest.
    fn pass(&mut self, number: SequenceNumber, enqueued_before: Timestamp) {
        self.refused.slips = 0;
        let admission = self.cursor.pass(number, enqueued_before, Timestamp::now());
        if self.tell(admission, number) {
            self.pending.push_back(Step::Unreadable {
                sequence_number: number,
                enqueued_time: self.cursor.enqueued_time(),
                detail: self.refused.detail.clone(),
            });
        }
    }
}

impl fmt::Debug for PartitionReader {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("PartitionReader")
            .field("partition", &self.partition)
            .field("cursor", &self.cursor)
            .field("is_attached", &self.is_attached())
            .finish_non_exhaustive()
    }
}
