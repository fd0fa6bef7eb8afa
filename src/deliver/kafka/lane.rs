//! The records of one topic, in their order: those that wait, those on their way, those that have to go again.
//!
//! The client library keeps the order within a partition, also when it repeats requests by itself. What it gives back as
//! failed is sent again by us, and that would let younger records overtake. So after a failure nothing is sent until
//! everything on its way is reported; then what failed goes first, in its order. A record that was delivered although an
//! older one of its key failed goes again behind that, so that the newest of a key is always last.

use std::collections::{BTreeMap, HashMap, VecDeque};

use tokio::time::Instant;

use super::config::Key;
use super::message;
use crate::durable::retry::Retry;
use crate::event::Rendered;

/// A record, and what is known of its tries.
#[derive(Debug)]
pub struct Pending {
    /// The record.
    pub record: Rendered,
    /// Its place among the records of its topic.
    order: u64,
    /// Room it takes in the window without what the client library keeps.
    own_bytes: usize,
    /// When it was first handed over.
    pub first_sent: Option<Instant>,
    /// Whether it was in a batch that was refused for one record in it.
    is_suspect: bool,
    /// Whether nothing else was on its way when it was handed over last.
    is_alone: bool,
}

/// One topic.
#[derive(Debug)]
pub struct Lane {
    /// Its name.
    pub topic: String,
    /// Until when it gets nothing.
    pub paused_until: Option<Instant>,
    /// How long pauses are.
    pub retry: Retry,
    waiting: VecDeque<Pending>,
    sent: Sent,
    failed: BTreeMap<u64, Pending>,
    /// The oldest failed record of each key.
    failed_keys: HashMap<Box<str>, u64>,
    suspects_sent: usize,
    /// Suspects that may be on their way at once.
    group: usize,
    /// Suspects among which the refused record is, as far as they are not reported.
    narrowed: usize,
    next_order: u64,
}

/// Records on their way, by the numbers they were handed over with, which have no gaps.
#[derive(Debug, Default)]
struct Sent {
    first: usize,
    slots: VecDeque<Option<Pending>>,
    count: usize,
}

/// Suspects on their way at once at most. A refusal halves it, down to one by one.
const MAX_GROUP: usize = 1024;

impl Lane {
    /// A topic without records.
    pub fn new(topic: String) -> Self {
        Self {
            topic,
            paused_until: None,
            retry: Retry::default(),
            waiting: VecDeque::new(),
            sent: Sent::default(),
            failed: BTreeMap::new(),
            failed_keys: HashMap::new(),
            suspects_sent: 0,
            group: MAX_GROUP,
            narrowed: 0,
            next_order: 0,
        }
    }

    /// Adds a record behind the others.
    pub fn push(&mut self, record: Rendered) {
        let pending = Pending {
            order: self.next_order,
            own_bytes: record.held.bytes(),
            record,
            first_sent: None,
            is_suspect: false,
            is_alone: false,
        };
        self.next_order += 1;
        self.waiting.push_back(pending);
    }

    /// Records that wait to be handed over, those that failed included.
    pub fn waiting(&self) -> usize {
        self.waiting.len() + self.failed.len()
    }

    /// Records on their way.
    pub fn sent(&self) -> usize {
        self.sent.count
    }

    /// The record to be handed over now, and the number to do that with. `None`: there is none, or it has to wait for
    /// those on their way.
    pub fn next(&self) -> Option<(usize, &Pending)> {
        let next = self.waiting.front().filter(|_| self.failed.is_empty())?;
        let may_go = match next.is_suspect {
            true => self.sent.count == self.suspects_sent && self.suspects_sent < self.group,
            false => self.suspects_sent == 0,
        };
        may_go.then_some((self.sent.next(), next))
    }

    /// The record of [`Lane::next`] was handed over, and takes `held_bytes` of room more.
    pub fn handed_over(&mut self, held_bytes: usize, now: Instant) {
        let mut pending = self.pop();
        pending.record.held.resize(pending.own_bytes + held_bytes);
        pending.first_sent.get_or_insert(now);
        pending.is_alone = pending.is_suspect && self.group == 1;
        self.suspects_sent += usize::from(pending.is_suspect);
        self.sent.push(pending);
    }

    /// Takes out the record of [`Lane::next`], which was refused.
    pub fn pop(&mut self) -> Pending {
        self.waiting
            .pop_front()
            .expect("a record that was looked at is there")
    }

    /// The record with this number ended its way. `None` if that is known already.
    pub fn reported(&mut self, number: usize) -> Option<Pending> {
        let mut pending = self.sent.take(number)?;
        self.suspects_sent -= usize::from(pending.is_suspect);
        if pending.is_suspect {
            self.narrowed = self.narrowed.saturating_sub(1);
        }
        pending.record.held.resize(pending.own_bytes);
        Some(pending)
    }

    /// Takes back everything on its way: nobody will report it any more.
    pub fn take_back(&mut self, key: Key) -> usize {
        let first = self.sent.first;
        let numbers = first..first + self.sent.slots.len();
        let mut count = 0;
        for number in numbers {
            if let Some(pending) = self.reported(number) {
                self.failed(pending, key);
                count += 1;
            }
        }
        self.settle_down();
        count
    }

    /// Whether an older record of the same key failed, so that this one, which was delivered, has to go again.
    pub fn was_too_early(&self, pending: &Pending, key: Key) -> bool {
        let key = message::key(&pending.record, key).filter(|_| !self.failed_keys.is_empty());
        let failed = key.and_then(|key| self.failed_keys.get(key));
        failed.is_some_and(|order| *order < pending.order)
    }

    /// A record has to go again.
    pub fn failed(&mut self, pending: Pending, key: Key) {
        if let Some(key) = message::key(&pending.record, key) {
            let oldest = self.failed_keys.entry(key.into()).or_insert(pending.order);
            *oldest = pending.order.min(*oldest);
        }
        self.failed.insert(pending.order, pending);
    }

    /// A record was in a batch that was refused for one in it. If it was alone there it comes back: it is the one.
    pub fn suspect(&mut self, mut pending: Pending, key: Key) -> Result<(), Pending> {
        if pending.is_alone {
            return Err(pending);
        }
        pending.is_suspect = true;
        self.failed(pending, key);
        Ok(())
    }

    /// Once everything on its way is reported, what failed is sent again before the others.
    pub fn settle_down(&mut self) {
        if self.sent.count > 0 {
            return;
        }
        let suspects = self.failed.values().filter(|pending| pending.is_suspect).count();
        if suspects > 0 {
            self.group = (suspects / 2).clamp(1, MAX_GROUP);
            self.narrowed = suspects;
        } else if self.narrowed == 0 {
            self.group = (self.group * 2).min(MAX_GROUP);
        }
        while let Some((_, pending)) = self.failed.pop_last() {
            self.waiting.push_front(pending);
        }
        self.failed_keys.clear();
    }
}

impl Sent {
    fn next(&self) -> usize {
        self.first + self.slots.len()
    }

    fn push(&mut self, pending: Pending) {
        self.slots.push_back(Some(pending));
        self.count += 1;
    }

    fn take(&mut self, number: usize) -> Option<Pending> {
        let slot = self.slots.get_mut(number.checked_sub(self.first)?)?;
        let pending = slot.take()?;
        self.count -= 1;
        while let Some(None) = self.slots.front() {
            self.slots.pop_front();
            self.first += 1;
        }
        Some(pending)
    }
}
