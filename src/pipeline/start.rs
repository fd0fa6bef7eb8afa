//! Where the reading of a partition begins.

use crate::checkpoint::Checkpoint;
use crate::config::event_hub::Start;
use crate::event::{Offset, PartitionId, SequenceNumber, Timestamp};
use crate::eventhub::settings::{Position, StartPosition};

/// The checkpoint, else the configured start; a partition that appears later has no history to skip. Also says which it was.
pub(super) fn position(
    start: &Start,
    partition: &PartitionId,
    checkpoint: Option<&Checkpoint>,
    is_fresh: bool,
) -> (StartPosition, &'static str) {
    match checkpoint {
        // Another consumer wrote it, and said an offset only; the event there is read once more.
        Some(checkpoint) if checkpoint.sequence_number == SequenceNumber::UNKNOWN => {
            (StartPosition::Offset(checkpoint.offset.clone()), "checkpoint")
        }
        Some(checkpoint) => (StartPosition::After(position_of(checkpoint)), "checkpoint"),
        None if is_fresh => (configured(start, partition), "configuration"),
        None => (StartPosition::Earliest, "new_partition"),
    }
}

fn configured(start: &Start, partition: &PartitionId) -> StartPosition {
    match start {
        Start::Earliest | Start::Latest => StartPosition::Earliest,
        Start::EnqueuedAfter(time) => match Timestamp::parse(&time.value) {
            // The hub starts behind the moment it is given, and an event of exactly this time is the first one wanted.
            Some(time) => StartPosition::EnqueuedAfter(Timestamp::from_millis(time.as_millis() - 1)),
            None => StartPosition::Earliest,
        },
        Start::SequenceNumber(numbers) => match numbers.get(partition.as_str()) {
            Some(number) => StartPosition::SequenceNumber(SequenceNumber(*number)),
            None => StartPosition::Earliest,
        },
        Start::Offset(offsets) => match offsets.get(partition.as_str()) {
            Some(offset) => StartPosition::Offset(Offset::new(offset.as_str())),
            None => StartPosition::Earliest,
        },
    }
}

/// The position after which a checkpoint lets go on.
pub(super) fn position_of(checkpoint: &Checkpoint) -> Position {
    Position {
        sequence_number: checkpoint.sequence_number,
        offset: Some(checkpoint.offset.clone()),
        enqueued_time: Some(checkpoint.enqueued_time).filter(|time| *time != Timestamp::UNKNOWN),
        hub_created_at: checkpoint.hub_created_at,
    }
}

/// For the log.
pub(super) fn describe(position: &StartPosition) -> String {
    match position {
        StartPosition::Earliest => "the oldest event".to_owned(),
        StartPosition::EnqueuedAfter(time) => format!("events enqueued after {time}"),
        StartPosition::SequenceNumber(number) => format!("sequence number {number}"),
        StartPosition::Offset(offset) => format!("offset {offset}"),
        StartPosition::After(position) => format!("after sequence number {}", position.sequence_number),
    }
}
