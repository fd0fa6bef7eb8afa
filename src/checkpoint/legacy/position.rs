//! The position that another program stored.

use crate::checkpoint::Checkpoint;
use crate::event::{Offset, SequenceNumber, Timestamp};

/// What is stored for an offset where there is none, beside the empty text.
const NO_OFFSET: &str = "no offset";
/// Stored by clients that have settled nothing yet: the beginning and the end of a partition.
const STARTS: [&str; 2] = ["-1", "@latest"];

/// Position of the last event that another program settled. It has a sequence number or an offset, or both.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LegacyPosition {
    /// Number of the event.
    pub sequence_number: Option<SequenceNumber>,
    /// Its offset, kept as stored.
    pub offset: Option<Offset>,
    /// When the hub took it in.
    pub enqueued_time: Option<Timestamp>,
}

/// A blob that is there and cannot be understood.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{detail}")]
pub struct Unreadable {
    /// What is wrong with it.
    pub detail: String,
}

impl LegacyPosition {
    /// The position that a checkpoint of ours says; `None` before the first event.
    pub fn of(checkpoint: &Checkpoint) -> Option<Self> {
        let offset = checkpoint.offset.as_str().to_owned();
        let time = checkpoint.known_enqueued_time();
        Self::new(Some(checkpoint.sequence_number.0), Some(offset), time)
    }

    /// The position of these values; `None` if they stand for "nothing settled yet".
    pub(super) fn new(
        sequence_number: Option<i64>,
        offset: Option<String>,
        enqueued_time: Option<Timestamp>,
    ) -> Option<Self> {
        let position = Self {
            sequence_number: sequence_number.filter(|number| *number >= 0).map(SequenceNumber),
            offset: offset.filter(|text| is_offset(text)).map(Offset::new),
            // Clients for Go write the year 1 where there is no time.
            enqueued_time: enqueued_time.filter(|time| time.as_millis() > 0),
        };
        (position.sequence_number.is_some() || position.offset.is_some()).then_some(position)
    }

    /// The same for a blob that is made before anything is settled: its number is 0 then, and it has no offset. To take
    /// it for the event 0 would lose that.
    pub(super) fn of_lease(
        sequence_number: Option<i64>,
        offset: Option<String>,
        enqueued_time: Option<Timestamp>,
    ) -> Option<Self> {
        let has_offset = offset.as_deref().is_some_and(is_offset);
        let sequence_number = sequence_number.filter(|number| *number != 0 || has_offset);
        Self::new(sequence_number, offset, enqueued_time)
    }
}

impl Unreadable {
    pub(super) fn new(detail: impl Into<String>) -> Self {
        Self {
            detail: detail.into(),
        }
    }
}

fn is_offset(text: &str) -> bool {
    let text = text.trim();
    !text.is_empty() && !text.eq_ignore_ascii_case(NO_OFFSET) && !STARTS.contains(&text)
}
