//! Records that reach no target: their dead letters are written beside the readers, many with one fsync.

use std::sync::Arc;

use tokio::sync::mpsc;

use crate::acknowledge::{Held, Settlement, Ticket};
use crate::deliver::dead_letter::{DeadLetter, DeadLetters};

/// Letters that may wait; a reader that finds no place waits, so a broken disk stops intake.
pub const MAX_WAITING_LETTERS: usize = 256;

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
    let mut waiting = Vec::with_capacity(MAX_WAITING_LETTERS);
    while undeliverable.recv_many(&mut waiting, MAX_WAITING_LETTERS).await > 0 {
        let mut letters = Vec::with_capacity(waiting.len());
        let mut owed = Vec::with_capacity(waiting.len());
        for Undeliverable { letter, ticket, held } in waiting.drain(..) {
            letters.push(letter);
            owed.push((ticket, held));
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
