//! Where refused records go in a replay: into a file that the user named, and in any case into the account.
//!
//! The directory of dead letters belongs to the running bridge, which has locked it.

use std::path::Path;
use std::sync::Arc;

use serde::Serialize;
use tokio::sync::mpsc;

use super::Progress;
use crate::deliver::DeadLetter;
use crate::deliver::dead_letter::{Request, line};
use crate::durable::{LineFile, line_file};
use crate::event::{Kind, PartitionId, RejectReason, SequenceNumber};

/// Refusals that the report lists one by one; the others are only counted.
pub(super) const MAX_LISTED_REFUSALS: usize = 20;

/// A record that was refused for good, without its content.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Refusal {
    /// Partition it came from.
    pub partition: PartitionId,
    /// Sequence number of its event.
    pub sequence_number: SequenceNumber,
    /// Position of the record in its event.
    pub record_index: u32,
    /// What it is.
    pub kind: Kind,
    /// Class of the refusal.
    pub reason: RejectReason,
    /// The peer's text, or ours.
    pub detail: String,
}

impl Refusal {
    pub(super) fn of(letter: &DeadLetter) -> Self {
        Self {
            partition: letter.partition.clone(),
            sequence_number: letter.sequence_number,
            record_index: letter.record_index,
            kind: letter.kind,
            reason: letter.reason,
            detail: letter.detail.clone(),
        }
    }
}

/// Takes refused records.
#[derive(Debug)]
pub(super) struct Rejected {
    file: Option<LineFile>,
}

impl Rejected {
    /// Opens the file, if there is one, and locks it. Blocks.
    pub(super) fn open(path: Option<&Path>) -> Result<Self, line_file::Error> {
        let mut file = path.map(|path| LineFile::new(path.to_owned()));
        if let Some(file) = &mut file {
            file.open()?;
        }
        Ok(Self { file })
    }

    /// Serves requests until nobody can make one any more. Each is answered when its letters are on disk and counted.
    ///
    /// Errors: the file cannot be written; the letters are not answered, so their records stay unsettled.
    pub(super) async fn run(
        mut self,
        mut requests: mpsc::Receiver<Request>,
        progress: Arc<Progress>,
    ) -> Result<(), line_file::Error> {
        while let Some(Request { letters, written }) = requests.recv().await {
            let mut lines = Vec::new();
            letters.iter().for_each(|letter| line::append(letter, &mut lines));
            if !lines.is_empty() {
                self = self.write(lines).await?;
            }
            letters.iter().for_each(|letter| progress.refused(letter));
            // Who asked may be gone, because it was abandoned; the letters stand all the same.
            let _is_heard = written.send(()).is_ok();
        }
        Ok(())
    }

    async fn write(self, lines: Vec<u8>) -> Result<Self, line_file::Error> {
        let Some(mut file) = self.file else {
            return Ok(self);
        };
        let (file, result) = tokio::task::spawn_blocking(move || {
            let result = file.append(&lines);
            (file, result)
        })
        .await
        .expect("writing a file does not panic and is not cancelled");
        result.map(|()| Self { file: Some(file) })
    }
}
