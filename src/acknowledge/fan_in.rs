//! One event, many records, many targets: the event settles when all of them have.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use super::in_flight::{InFlight, Mark};
use crate::event::PartitionId;
use crate::route::last_delivered::PendingUpdate;

/// An event whose records are under way.
#[derive(Debug)]
pub struct EventInFlight {
    partition: Arc<InFlight>,
    mark: Mark,
    unsettled: AtomicUsize,
    is_closed: AtomicBool,
}

impl EventInFlight {
    /// Starts with one obligation, that of the reader itself: see [`EventInFlight::close`].
    pub(super) fn new(partition: Arc<InFlight>, mark: Mark) -> Arc<Self> {
        Arc::new(Self {
            partition,
            mark,
            unsettled: AtomicUsize::new(1),
            is_closed: AtomicBool::new(false),
        })
    }

    /// A further obligation: one record at one target. Made before [`EventInFlight::close`].
    pub fn ticket(self: &Arc<Self>) -> Ticket {
        let before = self.unsettled.fetch_add(1, Ordering::Relaxed);
        assert!(
            before > 0,
            "an event that settled gets no further tickets: its mark may have passed"
        );
        Ticket {
            event: Arc::clone(self),
            update: None,
            is_settled: false,
        }
    }

    /// The reader made all tickets of the event; an event without records settles here. Called once.
    pub fn close(self: &Arc<Self>) {
        let was_closed = self.is_closed.swap(true, Ordering::Relaxed);
        assert!(
            !was_closed,
            "an event is closed once: a second time would settle a record's share"
        );
        self.settle_one();
    }

    /// Partition of the event.
    pub fn partition(&self) -> &PartitionId {
        self.partition.partition()
    }

    /// Sequence number, offset and enqueued time of the event.
    pub fn position(&self) -> &Mark {
        &self.mark
    }

    fn settle_one(&self) {
        // Release: what was done for this record happens before the mark passes it; Acquire: the last one sees it all.
        if self.unsettled.fetch_sub(1, Ordering::AcqRel) == 1 {
            self.partition.settle(self.mark.sequence_number);
        }
    }
}

/// The final word on one record at one target.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Settlement {
    /// The target confirmed it.
    Delivered,
    /// It is in the dead letters, on disk.
    DeadLettered,
}

/// The obligation of one record at one target to settle.
///
/// Dropping it without a settlement leaves the event unsettled for ever: the checkpoint never passes it, and a
/// restart sends it again. That happens when the process stops before the target answered, and only then.
#[derive(Debug)]
#[must_use = "a record that is not settled is sent again after a restart"]
pub struct Ticket {
    event: Arc<EventInFlight>,
    update: Option<Box<PendingUpdate>>,
    is_settled: bool,
}

impl Ticket {
    /// The same, which also tells the target's memory of last deliveries how the record ended.
    pub fn updating(self, update: Option<PendingUpdate>) -> Self {
        let mut ticket = self;
        ticket.update = update.map(Box::new);
        ticket
    }

    /// Gives the final word.
    pub fn settle(mut self, settlement: Settlement) {
        tracing::trace!(
            partition = %self.event.partition(),
            sequence_number = %self.event.mark.sequence_number,
            ?settlement,
            "record settled"
        );
        self.is_settled = true;
        // Before the event settles: a mark that passes it must find the memory as this record leaves it.
        match (self.update.take(), settlement) {
            (None, _) => {}
            (Some(update), Settlement::Delivered) => update.delivered(),
            (Some(update), Settlement::DeadLettered) => update.rejected(),
        }
        self.event.settle_one();
    }

    /// The event this record came in.
    pub fn event(&self) -> &Arc<EventInFlight> {
        &self.event
    }
}

impl Drop for Ticket {
    fn drop(&mut self) {
        if !self.is_settled {
            tracing::debug!(
                partition = %self.event.partition(),
                sequence_number = %self.event.mark.sequence_number,
                "record let go without a settlement; it is sent again after a restart"
            );
        }
    }
}
