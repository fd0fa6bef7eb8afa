//! One event, many records, many targets: the event settles when all of them have.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use super::account::{Account, Gaps};
use super::alone::{Alone, Answer};
use super::in_flight::{InFlight, Mark};
use super::share::Shares;
use crate::event::{PartitionId, RejectReason};
use crate::route::last_delivered::PendingUpdate;

/// An event whose records are under way.
#[derive(Debug)]
pub struct EventInFlight {
    owner: Owner,
    mark: Mark,
    unsettled: AtomicUsize,
    /// The same for each target, and what became of the records there.
    shares: Shares,
    is_closed: AtomicBool,
}

/// Who is told that the event has settled.
#[derive(Debug)]
enum Owner {
    /// The tracker of its partition.
    Partition(Arc<InFlight>),
    /// Whoever sent a single record that no mark waits for. Boxed: events of partitions are many and pay for the size.
    Alone(Box<Alone>),
}

impl EventInFlight {
    /// Starts with one obligation, that of the reader itself: see [`EventInFlight::close`].
    pub(super) fn new(partition: Arc<InFlight>, mark: Mark, gaps: Gaps) -> Arc<Self> {
        let shares = Shares::new(partition.targets(), gaps);
        Arc::new(Self {
            owner: Owner::Partition(partition),
            mark,
            unsettled: AtomicUsize::new(1),
            shares,
            is_closed: AtomicBool::new(false),
        })
    }

    /// An event that has a single record and is closed.
    fn alone(alone: Alone, mark: Mark) -> Arc<Self> {
        Arc::new(Self {
            owner: Owner::Alone(Box::new(alone)),
            mark,
            unsettled: AtomicUsize::new(1),
            shares: Shares::new(0, Gaps::default()),
            is_closed: AtomicBool::new(true),
        })
    }

    /// A further obligation: one record at the target with this index in its group. Made before
    /// [`EventInFlight::close`].
    pub fn ticket_for(self: &Arc<Self>, target: usize) -> Ticket {
        let mut ticket = self.ticket();
        if target < self.followed_targets() {
            let unsettled = &self.shares.get(target).unsettled;
            unsettled.fetch_add(1, Ordering::Relaxed);
        }
        ticket.target = Some(u16::try_from(target).expect("a configuration has fewer targets"));
        ticket
    }

    /// The event has so many records, whatever becomes of them. Said once by the reader, before [`EventInFlight::close`].
    pub fn counts_records(&self, records: u32) {
        self.shares.records(records);
    }

    /// The route of the target with this index leaves a record. Said by the reader alone, as what follows.
    pub fn filtered(&self, target: usize) {
        self.shares.get(target).filtered();
    }

    /// The target does not want a snapshot.
    pub fn suppressed(&self, target: usize) {
        self.shares.get(target).suppressed();
    }

    /// The target settled a record in an earlier run.
    pub fn repeated(&self, target: usize) {
        self.shares.get(target).repeated();
    }

    /// No route takes a record of unknown type, and it is only counted.
    pub fn unrouted(&self) {
        self.shares.unrouted();
    }

    /// Whether the target with this index in its group confirmed the event in an earlier run.
    pub fn is_passed(&self, target: usize) -> bool {
        match &self.owner {
            Owner::Partition(partition) => partition.is_passed(target, self.mark.sequence_number),
            Owner::Alone(_) => false,
        }
    }

    /// A further obligation that is no target's, such as a dead letter for what cannot be decoded. Made before
    /// [`EventInFlight::close`].
    pub fn ticket(self: &Arc<Self>) -> Ticket {
        let before = self.unsettled.fetch_add(1, Ordering::Relaxed);
        assert!(
            before > 0,
            "an event that settled gets no further tickets: its mark may have passed"
        );
        Ticket {
            event: Arc::clone(self),
            target: None,
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
        self.settle_targets(0..self.followed_targets());
        self.settle_one();
    }

    /// Whether nothing is owed for the event but the `held` tickets that the caller holds: the reader made all of them, and
    /// every other one is settled. It stays so until the caller settles one.
    pub fn owes_only(&self, held: usize) -> bool {
        // The reader's own share counts until it has closed the event.
        self.unsettled.load(Ordering::Acquire) == held
    }

    /// The tracker of the event's partition, in the generation that took the event in. `None` for a record that was sent
    /// alone and moves no position.
    pub fn tracker(&self) -> Option<&Arc<InFlight>> {
        match &self.owner {
            Owner::Partition(partition) => Some(partition),
            Owner::Alone(_) => None,
        }
    }

    /// Partition of the event.
    pub fn partition(&self) -> &PartitionId {
        match &self.owner {
            Owner::Partition(partition) => partition.partition(),
            Owner::Alone(alone) => &alone.partition,
        }
    }

    /// Sequence number, offset and enqueued time of the event.
    pub fn position(&self) -> &Mark {
        &self.mark
    }

    /// Adds the event, which has settled, to the sums of its partition.
    pub(super) fn add_to(&self, account: &mut Account) {
        self.shares.add_to(account);
    }

    /// How many targets are followed; the others share the mark.
    fn followed_targets(&self) -> usize {
        match &self.owner {
            Owner::Partition(partition) => partition.followed_targets(),
            Owner::Alone(_) => 0,
        }
    }

    /// Takes one share from each of these targets, before the same share is taken from the event.
    fn settle_targets(&self, targets: std::ops::Range<usize>) {
        let mut settled = 0;
        for target in targets {
            if self.shares.get(target).unsettled.fetch_sub(1, Ordering::AcqRel) == 1 {
                settled |= 1 << target;
            }
        }
        if let Owner::Partition(partition) = &self.owner
            && settled != 0
        {
            partition.settle_targets(self.mark.sequence_number, settled);
        }
    }

    fn settle_one(&self) {
        // Release: what was done for this record happens before the mark passes it; Acquire: the last one sees it all.
        if self.unsettled.fetch_sub(1, Ordering::AcqRel) == 1
            && let Owner::Partition(partition) = &self.owner
        {
            partition.settle(self);
        }
    }

    /// One of its records got its final word.
    fn ended(&self, target: Option<u16>, settlement: Settlement) {
        match (&self.owner, settlement) {
            (Owner::Partition(partition), Settlement::Delivered) => {
                partition.delivered();
                if let Some(target) = target {
                    self.shares.get(usize::from(target)).delivered();
                }
            }
            (Owner::Partition(_), Settlement::DeadLettered(reason)) => {
                self.shares.dead_lettered(target, reason);
            }
            (Owner::Alone(alone), _) => alone.answer(settlement),
        }
    }
}

/// The final word on one record at one target.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Settlement {
    /// The target confirmed it.
    Delivered,
    /// It is in the dead letters, on disk.
    DeadLettered(RejectReason),
}

/// The obligation of one record at one target to settle.
///
/// Dropping it without a settlement leaves the event unsettled for ever: the checkpoint never passes it, and a
/// restart sends it again. That happens when the process stops before the target answered, and only then.
#[derive(Debug)]
#[must_use = "a record that is not settled is sent again after a restart"]
pub struct Ticket {
    event: Arc<EventInFlight>,
    /// Index of the target, if it is one's.
    target: Option<u16>,
    update: Option<Box<PendingUpdate>>,
    is_settled: bool,
}

impl Ticket {
    /// The obligation of a record that comes from elsewhere than from the reader of a partition, such as a dead letter
    /// that is replayed: no mark and no window waits for it, and `answer` is given the final word. It is dropped without
    /// one where a ticket of a partition would leave its event unsettled.
    pub fn alone(partition: PartitionId, mark: Mark, answer: Answer) -> Self {
        Self::of(Alone::new(partition, answer, false), mark)
    }

    /// The same for a copy of a dead letter: where it is refused, no letter is written.
    pub fn of_copy(partition: PartitionId, mark: Mark, answer: Answer) -> Self {
        Self::of(Alone::new(partition, answer, true), mark)
    }

    fn of(alone: Alone, mark: Mark) -> Self {
        Self {
            event: EventInFlight::alone(alone, mark),
            target: None,
            update: None,
            is_settled: false,
        }
    }

    /// Whether its record is a copy of a dead letter.
    pub fn is_of_copy(&self) -> bool {
        matches!(&self.event.owner, Owner::Alone(alone) if alone.is_copy)
    }

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
        self.event.ended(self.target, settlement);
        // Before the event settles: a mark that passes it must find the memory as this record leaves it.
        match (self.update.take(), settlement) {
            (None, _) => {}
            (Some(update), Settlement::Delivered) => update.delivered(),
            (Some(update), Settlement::DeadLettered(_)) => update.rejected(),
        }
        if let Some(target) = self.target.map(usize::from)
            && target < self.event.followed_targets()
        {
            self.event.settle_targets(target..target + 1);
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
