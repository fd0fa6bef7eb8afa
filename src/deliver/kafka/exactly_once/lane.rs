//! One partition: its claim, its producer, and the events that wait for a transaction.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::oneshot;
use tokio::time::Instant;

use super::batch::{Batch, HeldEvent, tracker};
use super::claim::{Claim, Lost};
use super::config::Limits;
use super::position::StoredPosition;
use super::producer::Producer;
use crate::acknowledge::InFlight;
use crate::deliver::blocked::Blocks;
use crate::deliver::kafka::message::OVERHEAD_BYTES;
use crate::durable::retry::Retry;
use crate::event::{Rendered, SequenceNumber, Timestamp};

/// While nothing comes for the target its position moves this often, so that a restart does not begin where the hub has
/// removed the events by then.
const POSITION_INTERVAL: Duration = Duration::from_secs(5);

/// An event that is due and lacks something, such as a dead letter on its way to the disk, is looked at again after this.
pub(super) const LOOK_INTERVAL: Duration = Duration::from_millis(20);

/// At the end, events that lack something get this long.
const LAST_PATIENCE: Duration = Duration::from_secs(2);

/// One partition.
pub(super) struct Lane {
    /// At rest between two transactions; `None` while something has it, or there is none.
    pub(super) producer: Option<Producer>,
    /// Whether an operation is under way.
    pub(super) is_working: bool,
    /// Until when nothing is tried.
    pub(super) paused_until: Option<Instant>,
    pub(super) retry: Retry,
    pub(super) blocks: Blocks,
    standing: Standing,
    /// Records of older generations are let go.
    first_generation: u64,
    /// The newest generation that is read.
    tracker: Option<Arc<InFlight>>,
    events: VecDeque<HeldEvent>,
    records: usize,
    bytes: usize,
    /// What was committed last.
    written: Option<(Timestamp, SequenceNumber)>,
    /// Records that go to the brokers at once.
    group: usize,
    position_due: Instant,
    /// When the transaction under way was begun.
    begun: Option<Instant>,
    /// When events that lacked something are looked at again, and since when the end waits for them.
    look_at: Option<Instant>,
    lacking_since: Option<Instant>,
}

/// What the lane may do for the reader.
enum Standing {
    /// Nothing: it was never asked, or the claim is lost.
    Idle,
    /// A reader waits for its claim.
    Wanted(oneshot::Sender<Claim>),
    /// A reader reads by this claim.
    Held(Claim),
}

impl Lane {
    /// The first try after a refusal comes after `try_interval`.
    pub(super) fn new(try_interval: Duration, now: Instant) -> Self {
        Self {
            producer: None,
            is_working: false,
            paused_until: None,
            retry: Retry::default(),
            blocks: Blocks::new(try_interval),
            standing: Standing::Idle,
            first_generation: u64::MAX,
            tracker: None,
            events: VecDeque::new(),
            records: 0,
            bytes: 0,
            written: None,
            group: usize::MAX,
            position_due: now,
            begun: None,
            look_at: None,
            lacking_since: None,
        }
    }

    /// A reader wants to begin `generation`. What an older claim left is let go; gives how many records that were.
    pub(super) fn want(&mut self, generation: u64, answer: oneshot::Sender<Claim>) -> usize {
        let dropped = self.lose(Lost::Unclear);
        self.standing = Standing::Wanted(answer);
        self.first_generation = generation;
        dropped
    }

    /// Whether a reader waits for its claim.
    pub(super) fn is_wanted(&self) -> bool {
        matches!(self.standing, Standing::Wanted(_))
    }

    /// Whether nobody reads by a claim of this lane.
    pub(super) fn is_lost(&self) -> bool {
        !matches!(self.standing, Standing::Held(_))
    }

    /// Whether to make the wanted claim now; it is under way then.
    pub(super) fn begin_claim(&mut self, now: Instant) -> bool {
        let may_begin = !self.is_working && !self.is_paused(now);
        if may_begin {
            self.is_working = true;
            self.blocks.begin_try(now);
        }
        may_begin
    }

    /// The reader gets its claim. The producer comes back if it does not want it any more.
    pub(super) fn hold(
        &mut self,
        producer: Producer,
        position: Option<StoredPosition>,
        now: Instant,
    ) -> Option<Producer> {
        let Standing::Wanted(answer) = std::mem::replace(&mut self.standing, Standing::Idle) else {
            return Some(producer);
        };
        self.written = position
            .as_ref()
            .map(|position| (position.hub_created_at, position.sequence_number));
        let claim = Claim::new(position);
        if answer.send(claim.clone()).is_err() {
            return Some(producer);
        }
        self.standing = Standing::Held(claim);
        self.group = usize::MAX;
        self.producer = Some(producer);
        self.position_due = now + POSITION_INTERVAL;
        None
    }

    /// Gives the claim back: the reader is told, and everything held is let go unsettled. Gives how many records it was.
    pub(super) fn lose(&mut self, cause: Lost) -> usize {
        if let Some(tracker) = self.tracker.take() {
            tracker.retire();
        }
        for event in &self.events {
            event.tracker().retire();
        }
        if let Standing::Held(claim) = std::mem::replace(&mut self.standing, Standing::Idle) {
            claim.end(cause);
        }
        self.first_generation = u64::MAX;
        self.let_go()
    }

    /// Lets everything held go unsettled. Gives how many records it was.
    pub(super) fn let_go(&mut self) -> usize {
        self.events.clear();
        self.bytes = 0;
        self.look_at = None;
        self.lacking_since = None;
        std::mem::take(&mut self.records)
    }

    /// A reader reads a generation.
    pub(super) fn read(&mut self, tracker: Arc<InFlight>) {
        if tracker.generation() >= self.first_generation {
            self.tracker = Some(tracker);
        }
    }

    /// Takes a record in; it comes back if it is of a generation that has ended.
    pub(super) fn push(&mut self, record: Rendered, now: Instant) -> Result<(), Rendered> {
        if tracker(record.ticket.event()).generation() < self.first_generation {
            return Err(record);
        }
        self.records += 1;
        self.bytes += record.bytes.len();
        match self.events.back_mut() {
            Some(event) if event.has(&record) => event.records.push(record),
            _ => self.events.push_back(HeldEvent::new(record, now)),
        }
        Ok(())
    }

    /// Brokers refuse together what they take alone: fewer go at once from here on. Gives how many.
    pub(super) fn divide(&mut self, records: usize) -> usize {
        self.group = (self.group.min(records) / 2).max(1);
        self.group
    }

    /// Takes events back that have to go again, before the others.
    pub(super) fn take_back(&mut self, batch: Batch) {
        drop(batch.copies);
        for event in batch.events.into_iter().rev() {
            self.records += event.records.len();
            self.bytes += event.bytes();
            self.events.push_front(event);
        }
    }

    /// A transaction with this position was committed. Gives when it was begun.
    pub(super) fn committed(&mut self, position: &StoredPosition, now: Instant) -> Option<Instant> {
        self.written = Some((position.hub_created_at, position.sequence_number));
        self.position_due = now + POSITION_INTERVAL;
        self.paused_until = None;
        self.retry.succeeded();
        self.blocks.accepted(u16::MAX);
        self.begun.take()
    }

    /// What a transaction takes now and who sends it, if it is time for one; it is under way then.
    pub(super) fn begin_transaction(
        &mut self,
        limits: &Limits,
        is_ended: bool,
        now: Instant,
    ) -> Option<(Producer, Batch)> {
        let batch = self.next(limits, is_ended, now)?;
        self.is_working = true;
        self.begun = Some(now);
        self.blocks.begin_try(now);
        Some((self.producer.take()?, batch))
    }

    fn next(&mut self, limits: &Limits, is_ended: bool, now: Instant) -> Option<Batch> {
        if self.is_working
            || self.producer.is_none()
            || self.is_paused(now)
            || !self.is_due(limits, is_ended, now)
        {
            return None;
        }
        let batch = self.gather(limits);
        if batch.is_none() && !self.events.is_empty() {
            self.look_at = Some(now + LOOK_INTERVAL);
            self.lacking_since.get_or_insert(now);
        } else {
            self.look_at = None;
            self.lacking_since = None;
        }
        if batch.is_none() {
            self.position_due = now + POSITION_INTERVAL;
        }
        batch
    }

    fn is_paused(&self, now: Instant) -> bool {
        let is_blocked = self.blocks.is_target_blocked() && !self.blocks.is_due(now);
        is_blocked || self.paused_until.is_some_and(|until| until > now)
    }

    fn is_due(&self, limits: &Limits, is_ended: bool, now: Instant) -> bool {
        if self.look_at.is_some_and(|moment| moment > now) {
            return false;
        }
        match self.events.front() {
            None => self.tracker.is_some() && (is_ended || self.position_due <= now),
            Some(first) => {
                let is_full = self.records >= limits.records || self.bytes >= limits.bytes;
                is_full
                    || is_ended
                    || first.since + limits.linger <= now
                    || first.tracker().window().is_full()
            }
        }
    }

    /// Whole events from the front on, as far as the limits go, and the position behind them. A single event may exceed the
    /// limits: it cannot be divided. `None` if nothing has moved.
    fn gather(&mut self, limits: &Limits) -> Option<Batch> {
        let tracker = match self.events.front() {
            Some(event) => event.tracker(),
            None => self.tracker.as_ref()?,
        };
        let created_at = tracker.hub_created_at()?;
        let events = &self.events;
        let (mut count, mut records, mut bytes) = (0, 0, 0);
        let mark = tracker.mark_with(|number| {
            let Some(event) = events.get(count) else {
                return false;
            };
            let is_next = event.sequence_number() == number && Arc::ptr_eq(event.tracker(), tracker);
            let has_room =
                records + event.records.len() <= limits.records && bytes + event.bytes() <= limits.bytes;
            let is_taken = is_next && (has_room || count == 0) && event.is_whole();
            if is_taken {
                count += 1;
                records += event.records.len();
                bytes += event.bytes();
            }
            is_taken
        })?;
        if count == 0
            && self
                .written
                .is_some_and(|written| written >= (created_at, mark.sequence_number))
        {
            return None;
        }
        self.records -= records;
        self.bytes -= bytes;
        let copies = tracker.window().hold(bytes + records * OVERHEAD_BYTES);
        Some(Batch {
            events: self.events.drain(..count).collect(),
            position: StoredPosition::of(&mark, created_at),
            group: self.group,
            copies: Some(copies),
        })
    }

    /// After the last record: whether nothing is left that could still be committed.
    pub(super) fn is_done(&self, now: Instant) -> bool {
        let is_transacting = self.is_working && !self.is_wanted();
        let is_lacking = self
            .lacking_since
            .is_some_and(|since| now >= since + LAST_PATIENCE);
        let has_moved = self.producer.is_some()
            && self
                .tracker
                .as_ref()
                .is_some_and(|tracker| self.has_moved(tracker));
        !is_transacting && (is_lacking || self.events.is_empty() && !has_moved)
    }

    fn has_moved(&self, tracker: &InFlight) -> bool {
        let (Some(created_at), Some(mark)) = (tracker.hub_created_at(), tracker.mark_with(|_| false)) else {
            return false;
        };
        self.written
            .is_none_or(|written| written < (created_at, mark.sequence_number))
    }

    /// When to look again although nothing happened.
    pub(super) fn wake(&self, limits: &Limits) -> Option<Instant> {
        if self.is_working {
            return None;
        }
        let due = match self.events.front() {
            _ if self.is_wanted() => None,
            _ if self.producer.is_none() => return None,
            None => self.tracker.as_ref().map(|_| self.position_due),
            Some(first) => Some(self.look_at.unwrap_or(first.since + limits.linger)),
        };
        let pauses = self.paused_until.into_iter().chain(self.blocks.next_try());
        due.into_iter().chain(pauses).max()
    }
}

#[cfg(test)]
mod tests;
