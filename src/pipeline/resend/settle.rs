//! What targets acknowledged is marked as done, many letters with one sync of the disk.

use std::sync::Arc;

use tokio::sync::{OwnedSemaphorePermit, mpsc};

use super::Account;
use crate::acknowledge::Settlement;
use crate::deliver::dead_letter::done::{Mark, MarkWriter};
use crate::deliver::dead_letter::{Ending, LetterId};
use crate::durable::line_file;
use crate::event::EventId;

/// Letters that are marked with one sync.
const MAX_MARKS: usize = 1_000;

/// The final word on one letter.
#[derive(Debug)]
pub(super) struct Settled {
    pub(super) id: LetterId,
    pub(super) crc32: u32,
    pub(super) event_id: EventId,
    pub(super) target: Arc<str>,
    pub(super) settlement: Settlement,
    /// Its place among those on their way, given back once it is marked.
    pub(super) _place: OwnedSemaphorePermit,
}

/// Marks and counts until nobody can settle any more.
///
/// Errors: the marks cannot be written. What was acknowledged and not marked is sent again by another replay.
pub(super) async fn run(
    mut marks: MarkWriter,
    mut settled: mpsc::Receiver<Settled>,
    account: Arc<Account>,
) -> Result<(), line_file::Error> {
    let mut letters = Vec::with_capacity(MAX_MARKS);
    while settled.recv_many(&mut letters, MAX_MARKS).await > 0 {
        let is_delivered = |letter: &&Settled| letter.settlement == Settlement::Delivered;
        let delivered: Vec<Mark> = letters.iter().filter(is_delivered).map(Settled::mark).collect();
        let (writer, written) = tokio::task::spawn_blocking(move || {
            let written = marks.append(&delivered);
            (marks, written)
        })
        .await
        .expect("writing a file does not panic and is not cancelled");
        marks = writer;
        written?;
        for letter in letters.drain(..) {
            match letter.settlement {
                Settlement::Delivered => account.delivered(&letter.target, 1),
                Settlement::DeadLettered(_) => {
                    account.refused_by_target(&letter.target, letter.id, letter.event_id)
                }
            }
        }
    }
    Ok(())
}

impl Settled {
    fn mark(&self) -> Mark {
        Mark {
            id: self.id.clone(),
            crc32: self.crc32,
            ending: Ending::Delivered,
            target: Some((*self.target).to_owned()),
        }
    }
}
