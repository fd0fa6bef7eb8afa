//! Where the reading of a partition begins.

use crate::checkpoint::Checkpoint;
use crate::config::event_hub::Start;
use crate::event::{Offset, PartitionId, SequenceNumber, Timestamp};
use crate::eventhub::settings::{Position, StartPosition};

/// The offset before the first event of a partition.
const FIRST_OFFSET: &str = "-1";

/// The checkpoint, else the configured start; a partition that appears later has no history to skip. Also says which it was.
pub(super) fn position(
    start: &Start,
    partition: &PartitionId,
    checkpoint: Option<&Checkpoint>,
    is_fresh: bool,
) -> (StartPosition, &'static str) {
    match checkpoint {
        Some(checkpoint) => (resume(checkpoint), "checkpoint"),
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
            Some(offset) => at_offset(Offset::new(offset.as_str())),
            None => StartPosition::Earliest,
        },
    }
}

fn at_offset(offset: Offset) -> StartPosition {
    match offset.as_str() {
        // Consumers write it where nothing is settled yet. No event stands there that could be gone.
        FIRST_OFFSET => StartPosition::Earliest,
        _ => StartPosition::Offset(offset),
    }
}

/// Where a checkpoint lets go on.
pub(super) fn resume(checkpoint: &Checkpoint) -> StartPosition {
    match checkpoint.known_sequence_number() {
        Some(sequence_number) => StartPosition::After(Position {
            sequence_number,
            offset: Some(checkpoint.offset.clone()),
            enqueued_time: checkpoint.known_enqueued_time(),
            hub_created_at: checkpoint.hub_created_at,
        }),
        // Another consumer wrote it, and said an offset only; the event there is read once more.
        None => at_offset(checkpoint.offset.clone()),
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::acknowledge::Mark;

    /// Scenario: other consumers left an offset only, that of an event or the one before the first.
    /// Guarantees: the event there is read once more; before the first one there is none that could be missing.
    #[test]
    fn starts_at_an_offset_that_is_one() {
        for (offset, expected) in [
            ("4096", StartPosition::Offset(Offset::new("4096"))),
            ("-1", StartPosition::Earliest),
        ] {
            let mark = Mark {
                sequence_number: SequenceNumber::UNKNOWN,
                offset: Offset::new(offset),
                enqueued_time: Timestamp::UNKNOWN,
            };
            let checkpoint = Checkpoint::new(mark, None);
            let (start, _) = position(&Start::Latest, &PartitionId::new("0"), Some(&checkpoint), false);
            assert_eq!(start, expected);
        }
    }
}
