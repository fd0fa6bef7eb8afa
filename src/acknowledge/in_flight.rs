//! The events of one partition that are received and not settled, and the mark below which all are settled.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};

use tokio::sync::Notify;

use super::Window;
use super::account::Account;
use super::fan_in::EventInFlight;
use super::progress::{Passed, Progress, Targets};
use super::queue::{Queue, Slot};
use crate::event::{Event, Offset, PartitionId, SequenceNumber, Timestamp};

/// Position up to which every record of a partition is settled.
///
/// Order:  by `sequence_number`; marks of different generations are not comparable.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mark {
    /// Number of the last settled event.
    pub sequence_number: SequenceNumber,
    /// Its offset, kept as received.
    pub offset: Offset,
    /// When the hub took it in.
    pub enqueued_time: Timestamp,
}

/// Tracker of one partition during one generation of its ownership.
///
/// A partition that is lost and regained, or a hub that is re-created, gets a new tracker; outcomes that arrive for
/// the old one change nothing but the old one.
#[derive(Debug)]
pub struct InFlight {
    partition: PartitionId,
    generation: u64,
    window: Arc<Window>,
    targets: Targets,
    queue: Mutex<Queue>,
    settled: AtomicU64,
    delivered_records: AtomicU64,
    retired: AtomicBool,
    hub_created_at: OnceLock<Timestamp>,
    origin: OnceLock<&'static str>,
    notification: OnceLock<Notification>,
}

/// Whom to wake after every so many settled events.
#[derive(Debug)]
struct Notification {
    events: u64,
    due: Arc<Notify>,
}

/// What a checkpoint of a partition says, and the sums that belong to it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Standing {
    /// The mark, and the targets ahead of it.
    pub progress: Progress,
    /// The position before the first event that `account` counts.
    pub from: SequenceNumber,
    /// Sums over the events after `from`, up to the mark.
    pub account: Account,
    /// Events received and not yet below the mark.
    pub in_flight: usize,
}

impl InFlight {
    /// An empty tracker. `generation` grows with every new tracker of a partition.
    pub fn new(partition: PartitionId, generation: u64, window: Arc<Window>) -> Arc<Self> {
        Self::following(partition, generation, window, Targets::default(), None)
    }

    /// The same, which also follows each of `targets`. `start` is the position that reading begins after, if it is one.
    pub fn following(
        partition: PartitionId,
        generation: u64,
        window: Arc<Window>,
        targets: Targets,
        start: Option<Mark>,
    ) -> Arc<Self> {
        let queue = Queue {
            start,
            passed: Account::new(targets.count()),
            ..Queue::default()
        };
        Arc::new(Self {
            partition,
            generation,
            window,
            targets,
            queue: Mutex::new(queue),
            settled: AtomicU64::new(0),
            delivered_records: AtomicU64::new(0),
            retired: AtomicBool::new(false),
            hub_created_at: OnceLock::new(),
            origin: OnceLock::new(),
            notification: OnceLock::new(),
        })
    }

    /// Takes an event in. It settles when the returned guard and every ticket made from it are settled.
    ///
    /// Events must come in rising order of their sequence numbers; an earlier one is our own bug.
    pub fn begin(self: &Arc<Self>, event: &Event) -> Arc<EventInFlight> {
        let mark = Mark {
            sequence_number: event.sequence_number,
            offset: event.offset.clone(),
            enqueued_time: event.enqueued_time,
        };
        let gaps = self.lock().begin(mark.clone());
        self.window.begin_event();
        EventInFlight::new(Arc::clone(self), mark, gaps)
    }

    /// Moves the mark to `mark`, past what will never arrive. Nothing happens while anything is in flight.
    pub fn pass(&self, mark: Mark) {
        let mut queue = self.lock();
        let is_newer = queue
            .mark
            .as_ref()
            .is_none_or(|before| before.sequence_number < mark.sequence_number);
        if queue.events.is_empty() && is_newer {
            queue.mark = Some(mark);
            // There may be no next event that it could belong to.
            let gaps = std::mem::take(&mut queue.gaps);
            queue.passed.gaps.add(gaps);
        }
    }

    /// Marks one event as settled and moves the low-water mark over every settled event at the front.
    ///
    /// The window counts an event until the mark passes it, not until it settles: what a kill repeats, and what this
    /// queue holds, is then bounded by the window also while one event in front waits for its target.
    pub(super) fn settle(&self, event: &EventInFlight) {
        let mut queue = self.lock();
        let passed = queue.settle(event, &self.window);
        let is_empty = queue.events.is_empty();
        drop(queue);
        if passed > 0 {
            self.window.end_events(passed);
        }
        if is_empty {
            // A partition that holds nothing always gets credit for one event, however full the window is.
            self.window.tell_waiters();
        }
        let settled = self.settled.fetch_add(1, Ordering::Relaxed) + 1;
        if let Some(notification) = self.notification.get()
            && settled.is_multiple_of(notification.events)
        {
            notification.due.notify_one();
        }
    }

    /// Notes numbers before the next event that the hub skipped.
    pub fn missing(&self, events: u64) {
        self.lock().gaps.missing += events;
    }

    /// Notes events before the next one that retention removed before they were read.
    pub fn lost(&self, events: u64) {
        self.lock().gaps.lost += events;
    }

    /// Notes an event that the hub sent again after it was taken in.
    pub fn repeated(&self) {
        self.lock().gaps.repeated += 1;
    }

    /// Counts a record that a target confirmed.
    pub(super) fn delivered(&self) {
        self.delivered_records.fetch_add(1, Ordering::Relaxed);
    }

    /// Notes the targets, one bit each, that have settled all they got of an event. Before the event itself settles.
    pub(super) fn settle_targets(&self, sequence_number: SequenceNumber, targets: u64) {
        self.lock().settle_targets(sequence_number, targets);
    }

    /// Whether a target confirmed the event in an earlier run.
    pub(super) fn is_passed(&self, target: usize, sequence_number: SequenceNumber) -> bool {
        self.targets
            .start(target)
            .is_some_and(|passed| sequence_number <= passed.sequence_number)
    }

    /// How many targets there are.
    pub(super) fn targets(&self) -> usize {
        self.targets.count()
    }

    /// Names of the targets, in the order of the sums.
    pub fn target_names(&self) -> impl Iterator<Item = &str> {
        self.targets.names()
    }

    /// How many targets are followed.
    pub(super) fn followed_targets(&self) -> usize {
        self.targets.followed()
    }

    /// Wakes `due` after every `events` settled events. Only the first call counts.
    pub fn notify_every(&self, events: u64, due: Arc<Notify>) {
        self.notification.get_or_init(|| Notification { events, due });
    }

    /// The low-water mark; `None` until the first event settled, or after [`InFlight::retire`].
    pub fn mark(&self) -> Option<Mark> {
        if self.retired.load(Ordering::Acquire) {
            return None;
        }
        self.lock().mark.clone()
    }

    /// The last event up to which every one is settled or `is_taken`, which is asked for the unsettled ones in their order
    /// until it says no. `None` while there is no such event.
    pub fn mark_with(&self, mut is_taken: impl FnMut(SequenceNumber) -> bool) -> Option<Mark> {
        let queue = self.lock();
        let passed = queue
            .events
            .iter()
            .take_while(|slot| slot.is_settled || is_taken(slot.mark.sequence_number))
            .last();
        passed.map(|slot| &slot.mark).or(queue.mark.as_ref()).cloned()
    }

    /// The low-water mark and the targets ahead of it; `None` until anything has settled, or after [`InFlight::retire`].
    pub fn progress(&self) -> Option<Progress> {
        if self.retired.load(Ordering::Acquire) {
            return None;
        }
        self.progress_of(&self.lock())
    }

    /// The same, with the sums over what the mark has passed.
    pub fn standing(&self) -> Option<Standing> {
        if self.retired.load(Ordering::Acquire) {
            return None;
        }
        let queue = self.lock();
        let progress = self.progress_of(&queue)?;
        let start = queue.start.as_ref().unwrap_or(&progress.mark);
        Some(Standing {
            from: start.sequence_number,
            account: queue.passed.clone(),
            in_flight: queue.events.len(),
            progress,
        })
    }

    fn progress_of(&self, queue: &Queue) -> Option<Progress> {
        let mark = queue.mark.as_ref().or(queue.start.as_ref())?;
        let ahead = |target: usize| {
            let passed = self.passed(queue, target)?;
            let is_ahead = passed.sequence_number > mark.sequence_number;
            is_ahead.then(|| (self.targets.name(target).to_owned(), passed))
        };
        let targets: BTreeMap<_, _> = (0..self.targets.followed()).filter_map(ahead).collect();
        let has_moved = queue.mark.is_some() || !targets.is_empty();
        has_moved.then(|| Progress {
            mark: mark.clone(),
            targets,
        })
    }

    /// Up to where one target settled everything. While it is offered again what it had confirmed before, that counts.
    fn passed(&self, queue: &Queue, target: usize) -> Option<Passed> {
        let settled = |slot: &&Slot| slot.settled_targets & 1 << target != 0;
        let last = queue.events.iter().take_while(settled).last();
        let now = last.map(|slot| Passed::from(&slot.mark));
        let before = self.targets.start(target).cloned();
        now.into_iter()
            .chain(before)
            .max_by_key(|passed| passed.sequence_number)
    }

    /// When the hub took in the oldest event in flight.
    pub fn oldest(&self) -> Option<Timestamp> {
        self.lock().events.front().map(|slot| slot.mark.enqueued_time)
    }

    /// The oldest event of which a target still owes something; of a target that is not followed, the oldest in flight.
    pub fn first_owed(&self, target: &str) -> Option<Mark> {
        let bit = self.targets.bit(target);
        let queue = self.lock();
        let mut events = queue.events.iter();
        let owed = events.find(|slot| bit.is_none_or(|bit| slot.settled_targets & bit == 0));
        owed.map(|slot| slot.mark.clone())
    }

    /// Whether a target holds the mark back: it owes something of the oldest event in flight.
    pub fn is_held_by(&self, target: &str) -> bool {
        let bit = self.targets.bit(target);
        let queue = self.lock();
        let first = queue.events.front();
        first.is_some_and(|slot| bit.is_none_or(|bit| slot.settled_targets & bit == 0))
    }

    /// Ends this generation: what is in flight may finish, but moves no position any more.
    pub fn retire(&self) {
        self.retired.store(true, Ordering::Release);
    }

    /// Whether this generation has ended.
    pub fn is_retired(&self) -> bool {
        self.retired.load(Ordering::Acquire)
    }

    /// Says when the hub was made that this generation reads. Before its first event; only the first call counts.
    pub fn set_hub_created_at(&self, created_at: Timestamp) {
        self.hub_created_at.get_or_init(|| created_at);
    }

    /// When the hub was made that this generation reads; known once it is attached.
    pub fn hub_created_at(&self) -> Option<Timestamp> {
        self.hub_created_at.get().copied()
    }

    /// Says why this generation begins where it does, in a word for the audit; only the first call counts.
    pub fn set_origin(&self, origin: &'static str) {
        self.origin.get_or_init(|| origin);
    }

    /// Why this generation begins where it does, if that was said.
    pub fn origin(&self) -> Option<&'static str> {
        self.origin.get().copied()
    }

    /// Events received and not yet below the mark.
    pub fn len(&self) -> usize {
        self.lock().events.len()
    }

    /// Whether nothing is in flight.
    pub fn is_empty(&self) -> bool {
        self.lock().events.is_empty()
    }

    /// Events settled since the start of this generation, in any order.
    pub fn settled(&self) -> u64 {
        self.settled.load(Ordering::Relaxed)
    }

    /// Records confirmed by targets since the start of this generation, each once for each target.
    pub fn delivered_records(&self) -> u64 {
        self.delivered_records.load(Ordering::Relaxed)
    }

    /// The partition tracked.
    pub fn partition(&self) -> &PartitionId {
        &self.partition
    }

    /// The generation of the ownership this tracker belongs to.
    pub fn generation(&self) -> u64 {
        self.generation
    }

    /// The window that counts the events.
    pub fn window(&self) -> &Arc<Window> {
        &self.window
    }

    fn lock(&self) -> MutexGuard<'_, Queue> {
        self.queue.lock().expect("no holder of this lock panics")
    }
}

/// Events that were let go without a settlement give their room back with the last of them.
impl Drop for InFlight {
    fn drop(&mut self) {
        // A panic may have poisoned the lock; a second one here would hide the first.
        let queue = self.queue.get_mut().unwrap_or_else(PoisonError::into_inner);
        let unsettled = queue.events.len();
        if unsettled > 0 {
            self.window.end_events(unsettled);
        }
    }
}
