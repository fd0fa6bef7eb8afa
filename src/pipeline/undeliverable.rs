//! Records that reach no target: their dead letters are written beside the readers, many with one fsync.

use std::sync::Arc;

use tokio::sync::mpsc;

use crate::acknowledge::{Held, InFlight, Settlement, Ticket, Window};
use crate::deliver::dead_letter::{Content, DeadLetter, DeadLetters};
use crate::event::{Event, Hub, Kind, Offset, RejectReason, SequenceNumber, Timestamp};

/// Letters that may wait; a reader that finds no place waits, so a broken disk stops intake.
pub const MAX_WAITING_LETTERS: usize = 256;

/// Bodies that are written at once: more would only be encoded in memory at the same time.
const MAX_WRITE_BYTES: usize = 1 << 20;

/// A record that reaches no target, and what it owes.
#[derive(Debug)]
pub struct Undeliverable {
    /// What is written.
    pub letter: DeadLetter,
    /// Settled once it is on disk.
    pub ticket: Ticket,
    /// Room in the window for the event's body, which the letter shares.
    pub held: Arc<Held>,
}

/// An event that the AMQP library refused.
#[derive(Debug)]
pub struct Unreadable {
    /// Its number, taken from its neighbours.
    pub sequence_number: SequenceNumber,
    /// When the hub took in an event before it, if one is known.
    pub enqueued_time: Option<Timestamp>,
    /// What the library said.
    pub detail: String,
}

impl Unreadable {
    /// Takes it in as an event of `partition`, with a dead letter of its coordinates for its only record.
    pub fn take_in(
        self,
        partition: &Arc<InFlight>,
        hub: &Hub,
        consumer_group: &Arc<str>,
        window: &Arc<Window>,
    ) -> Undeliverable {
        let event = Event {
            partition: partition.partition().clone(),
            sequence_number: self.sequence_number,
            // A checkpoint at this event goes by its number: an empty offset says so.
            offset: Offset::new(""),
            // Too early a time only repeats events, too late a one would skip some.
            enqueued_time: self.enqueued_time.unwrap_or_else(|| Timestamp::from_millis(0)),
            body: bytes::Bytes::new(),
            last_enqueued: None,
        };
        let in_flight = partition.begin(&event);
        let letter = DeadLetter {
            event_id: None,
            hub: hub.clone(),
            consumer_group: Arc::clone(consumer_group),
            partition: event.partition,
            sequence_number: self.sequence_number,
            offset: None,
            enqueued_time: None,
            record_index: 0,
            kind: Kind::Undecodable,
            key: None,
            target: None,
            stage: "eventhub",
            reason: RejectReason::Unreadable,
            detail: self.detail,
            mapping_revision: None,
            content: Content::Nothing,
        };
        in_flight.counts_records(1);
        let undeliverable = Undeliverable {
            letter,
            ticket: in_flight.ticket(),
            held: Arc::new(window.hold(0)),
        };
        in_flight.close();
        undeliverable
    }
}

/// Writes letters and settles their records, until every reader is gone or the dead letters are closed.
pub async fn run(mut undeliverable: mpsc::Receiver<Undeliverable>, dead_letters: DeadLetters) {
    while let Some(first) = undeliverable.recv().await {
        let mut bytes = 0;
        let (mut letters, mut owed) = (Vec::new(), Vec::new());
        let mut next = Some(first);
        while let Some(Undeliverable { letter, ticket, held }) = next {
            bytes += held.bytes();
            owed.push((ticket, letter.reason, held));
            letters.push(letter);
            next = if bytes < MAX_WRITE_BYTES {
                undeliverable.try_recv().ok()
            } else {
                None
            };
        }
        if dead_letters.write(letters).await.is_err() {
            // The process is ending; these records stay unsettled and are read again after the start.
            return;
        }
        for (ticket, reason, _) in owed {
            ticket.settle(Settlement::DeadLettered(reason));
        }
    }
}
