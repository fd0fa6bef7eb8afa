//! Events whose records are here, and what one transaction takes of them.

use std::sync::Arc;

use tokio::time::Instant;

use super::position::StoredPosition;
use crate::acknowledge::{EventInFlight, Held, InFlight};
use crate::event::{Rendered, SequenceNumber};

/// The records of one event that arrived and are not settled. There is always one.
#[derive(Debug)]
pub(super) struct HeldEvent {
    pub(super) records: Vec<Rendered>,
    /// When the first of them arrived.
    pub(super) since: Instant,
}

/// What goes by one transaction.
#[derive(Debug)]
pub(super) struct Batch {
    /// None where only the position moves.
    pub(super) events: Vec<HeldEvent>,
    /// Every event up to here is settled, or one of these.
    pub(super) position: StoredPosition,
    /// Records that go to the brokers at once; all of them, unless brokers refuse together what they take alone.
    pub(super) group: usize,
    /// Room in the window for what the client library keeps of the records.
    pub(super) copies: Option<Held>,
}

impl HeldEvent {
    pub(super) fn new(record: Rendered, now: Instant) -> Self {
        Self {
            records: vec![record],
            since: now,
        }
    }

    /// The event.
    pub(super) fn event(&self) -> &Arc<EventInFlight> {
        let first = self.records.first();
        first.expect("an event without records is let go").ticket.event()
    }

    /// Whether a record is of this event too.
    pub(super) fn has(&self, record: &Rendered) -> bool {
        Arc::ptr_eq(self.event(), record.ticket.event())
    }

    pub(super) fn sequence_number(&self) -> SequenceNumber {
        self.event().position().sequence_number
    }

    pub(super) fn tracker(&self) -> &Arc<InFlight> {
        tracker(self.event())
    }

    /// Whether everything that is owed for the event is here. A dead letter that is not on disk yet is owed elsewhere.
    pub(super) fn is_whole(&self) -> bool {
        self.event().owes_only(self.records.len())
    }

    pub(super) fn bytes(&self) -> usize {
        self.records.iter().map(|record| record.bytes.len()).sum()
    }
}

/// The tracker of an event of a partition.
pub(super) fn tracker(event: &EventInFlight) -> &Arc<InFlight> {
    let tracker = event.tracker();
    tracker.expect("records without a position are refused for a target that keeps positions")
}

impl Batch {
    /// Every record, in the order of the events. Its place here is the token it is sent with.
    pub(super) fn records(&self) -> impl Iterator<Item = &Rendered> {
        self.events.iter().flat_map(|event| &event.records)
    }

    /// How many records there are.
    pub(super) fn len(&self) -> usize {
        self.events.iter().map(|event| event.records.len()).sum()
    }

    /// Takes out the records with these tokens, which rise, and events that have no other one.
    pub(super) fn take_out(&mut self, tokens: &[usize]) -> Vec<Rendered> {
        let mut taken = Vec::with_capacity(tokens.len());
        let mut tokens = tokens.iter().copied().peekable();
        let mut token = 0;
        for event in &mut self.events {
            let records = std::mem::take(&mut event.records);
            for record in records {
                match tokens.next_if_eq(&token) {
                    Some(_) => taken.push(record),
                    None => event.records.push(record),
                }
                token += 1;
            }
        }
        self.events.retain(|event| !event.records.is_empty());
        taken
    }
}
