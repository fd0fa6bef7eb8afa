//! The events of one partition that are received and not settled, and the mark below which all are settled.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};

use super::Window;
use super::fan_in::EventInFlight;
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
    queue: Mutex<Queue>,
    settled: AtomicU64,
    retired: AtomicBool,
}

#[derive(Debug, Default)]
struct Queue {
    events: VecDeque<Slot>,
    mark: Option<Mark>,
}

#[derive(Debug)]
struct Slot {
    mark: Mark,
    is_settled: bool,
}

impl InFlight {
    /// An empty tracker. `generation` grows with every new tracker of a partition.
    pub fn new(partition: PartitionId, generation: u64, window: Arc<Window>) -> Arc<Self> {
        Arc::new(Self {
            partition,
            generation,
            window,
            queue: Mutex::default(),
            settled: AtomicU64::new(0),
            retired: AtomicBool::new(false),
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
        let mut queue = self.lock();
        let newest = queue.events.back().map(|slot| &slot.mark).or(queue.mark.as_ref());
        assert!(
            newest.is_none_or(|newest| newest.sequence_number < mark.sequence_number),
            "events of partition {} came out of order",
            self.partition
        );
        queue.events.push_back(Slot {
            mark: mark.clone(),
            is_settled: false,
        });
        drop(queue);
        self.window.begin_event();
        EventInFlight::new(Arc::clone(self), mark)
    }

    /// Marks one event as settled and moves the low-water mark over every settled event at the front.
    pub(super) fn settle(&self, sequence_number: SequenceNumber) {
        let mut queue = self.lock();
        let Ok(index) = queue
            .events
            .binary_search_by_key(&sequence_number, |slot| slot.mark.sequence_number)
        else {
            panic!(
                "event {sequence_number} of partition {} settled twice",
                self.partition
            );
        };
        queue.events[index].is_settled = true;
        let mut passed = 0;
        while queue.events.front().is_some_and(|slot| slot.is_settled) {
            queue.mark = queue.events.pop_front().map(|slot| slot.mark);
            passed += 1;
        }
        drop(queue);
        self.settled.fetch_add(1, Ordering::Relaxed);
        self.window.end_events(1);
        let _ = passed;
    }

    /// The low-water mark; `None` until the first event settled, or after [`InFlight::retire`].
    pub fn mark(&self) -> Option<Mark> {
        if self.retired.load(Ordering::Acquire) {
            return None;
        }
        self.lock().mark.clone()
    }

    /// Ends this generation: what is in flight may finish, but moves no position any more.
    pub fn retire(&self) {
        self.retired.store(true, Ordering::Release);
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
