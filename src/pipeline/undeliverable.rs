//! Records that reach no target: their dead letters are written beside the readers, many with one fsync.

use std::sync::Arc;

use tokio::sync::mpsc;

use crate::acknowledge::{Held, Settlement, Ticket};
use crate::deliver::dead_letter::{DeadLetter, DeadLetters};

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

/// Writes letters and settles their records, until every reader is gone or the dead letters are closed.
pub async fn run(mut undeliverable: mpsc::Receiver<Undeliverable>, dead_letters: DeadLetters) {
    while let Some(first) = undeliverable.recv().await {
        let mut bytes = 0;
        let (mut letters, mut owed) = (Vec::new(), Vec::new());
        let mut next = Some(first);
        while let Some(Undeliverable { letter, ticket, held }) = next {
            bytes += held.bytes();
            letters.push(letter);
            owed.push((ticket, held));
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
        for (ticket, _) in owed {
            ticket.settle(Settlement::DeadLettered);
        }
    }
}
