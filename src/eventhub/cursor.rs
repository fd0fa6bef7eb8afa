//! Where one partition's reader stands: what was received last, and what the next event tells about it.

use super::settings::{Position, StartPosition};
use crate::event::{Event, SequenceNumber, Timestamp};

/// Position of a reader over the reconnects of one generation.
#[derive(Debug)]
pub(super) struct Cursor {
    start: StartPosition,
    last: Option<SequenceNumber>,
    /// Whether the link has not brought an event since it was attached.
    is_fresh: bool,
    hub_created_at: Option<Timestamp>,
}

/// What to do with an event.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Admission {
    /// It was taken in before; drop it.
    Repeated,
    /// It is the next one.
    Next,
    /// It is new, but `events` before it never came.
    AfterGap { events: i64, cause: GapCause },
}

/// Why events before this one never came.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum GapCause {
    /// The link started behind the position that was asked for: retention has removed them.
    Retention,
    /// The numbers skip within one link.
    Skipped,
}

impl Cursor {
    pub(super) fn new(start: StartPosition) -> Self {
        let (last, hub_created_at) = match &start {
            StartPosition::After(position) => (Some(position.sequence_number), position.hub_created_at),
            _ => (None, None),
        };
        Self {
            start,
            last,
            is_fresh: true,
            hub_created_at,
        }
    }

    /// Where the next link has to start.
    pub(super) fn start(&self) -> &StartPosition {
        &self.start
    }

    pub(super) fn hub_created_at(&self) -> Option<Timestamp> {
        self.hub_created_at
    }

    /// Number of the event taken in last, or of the checkpoint.
    pub(super) fn last(&self) -> Option<SequenceNumber> {
        self.last
    }

    /// Enqueued time of the event taken in last, if known.
    pub(super) fn enqueued_time(&self) -> Option<Timestamp> {
        match &self.start {
            StartPosition::After(position) => position.enqueued_time,
            _ => None,
        }
    }

    /// A link was attached to the hub made at `hub_created_at`.
    pub(super) fn attached(&mut self, hub_created_at: Timestamp) {
        self.is_fresh = true;
        self.hub_created_at = Some(hub_created_at);
    }

    /// Takes in an event, unless it was taken in before.
    pub(super) fn admit(&mut self, event: &Event) -> Admission {
        let number = event.sequence_number;
        if self.last.is_some_and(|last| number <= last) {
            return Admission::Repeated;
        }
        let gap = self.last.map_or(0, |last| number.0 - last.0 - 1);
        let cause = match self.is_fresh {
            true => GapCause::Retention,
            false => GapCause::Skipped,
        };
        self.is_fresh = false;
        self.last = Some(number);
        self.start = StartPosition::After(Position {
            sequence_number: number,
            offset: Some(event.offset.clone()),
            enqueued_time: Some(event.enqueued_time),
            hub_created_at: self.hub_created_at,
        });
        match gap {
            0 => Admission::Next,
            events => Admission::AfterGap { events, cause },
        }
    }

    /// Passes event `number` without having read it, so that the next link starts after it.
    pub(super) fn pass(&mut self, number: SequenceNumber) {
        let enqueued_time = self.enqueued_time();
        self.is_fresh = false;
        self.last = Some(number);
        self.start = StartPosition::After(Position {
            sequence_number: number,
            offset: None,
            enqueued_time,
            hub_created_at: self.hub_created_at,
        });
    }

    /// Starts anew: the numbers known so far say nothing about the hub there is now.
    pub(super) fn restart(&mut self, start: StartPosition, hub_created_at: Option<Timestamp>) {
        *self = Self::new(start);
        self.hub_created_at = hub_created_at;
    }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;

    use super::*;
    use crate::event::{Offset, PartitionId};

    fn event(number: i64) -> Event {
        Event {
            partition: PartitionId::new("0"),
            sequence_number: SequenceNumber(number),
            offset: Offset::new(format!("o{number}")),
            enqueued_time: Timestamp::from_millis(number * 1000),
            body: Bytes::new(),
            last_enqueued: None,
        }
    }

    fn checkpoint(number: i64) -> StartPosition {
        StartPosition::After(Position {
            sequence_number: SequenceNumber(number),
            offset: None,
            enqueued_time: None,
            hub_created_at: None,
        })
    }

    /// Scenario: a reader starts, is reconnected, and sees numbers again or not at all.
    /// Guarantees: nothing is taken in twice, and every number that never came is counted under its cause.
    #[test]
    fn admits_each_number_once() {
        let retention = |events| Admission::AfterGap {
            events,
            cause: GapCause::Retention,
        };
        let skipped = |events| Admission::AfterGap {
            events,
            cause: GapCause::Skipped,
        };
        let cases = [
            (
                StartPosition::Earliest,
                vec![(7, Admission::Next), (8, Admission::Next)],
            ),
            (
                checkpoint(4),
                vec![(5, Admission::Next), (5, Admission::Repeated)],
            ),
            (
                checkpoint(4),
                vec![(9, retention(4)), (10, Admission::Next), (13, skipped(2))],
            ),
            (
                checkpoint(4),
                vec![
                    (3, Admission::Repeated),
                    (4, Admission::Repeated),
                    (5, Admission::Next),
                ],
            ),
            (checkpoint(-1), vec![(0, Admission::Next)]),
            (checkpoint(-1), vec![(2, retention(2))]),
        ];
        for (start, events) in cases {
            let mut cursor = Cursor::new(start.clone());
            cursor.attached(Timestamp::from_millis(1));
            for (number, expected) in events {
                assert_eq!(cursor.admit(&event(number)), expected, "{start:?} {number}");
            }
        }
    }

    #[test]
    fn resumes_after_the_last_event() {
        let mut cursor = Cursor::new(StartPosition::Earliest);
        cursor.attached(Timestamp::from_millis(1));
        cursor.admit(&event(3));
        cursor.attached(Timestamp::from_millis(1));
        let expected = StartPosition::After(Position {
            sequence_number: SequenceNumber(3),
            offset: Some(Offset::new("o3")),
            enqueued_time: Some(Timestamp::from_millis(3000)),
            hub_created_at: Some(Timestamp::from_millis(1)),
        });
        assert_eq!(cursor.start(), &expected);
        assert_eq!(cursor.admit(&event(3)), Admission::Repeated);
        assert_eq!(cursor.admit(&event(4)), Admission::Next);
    }

    #[test]
    fn passes_what_cannot_be_read() {
        let mut cursor = Cursor::new(checkpoint(4));
        cursor.attached(Timestamp::from_millis(1));
        cursor.pass(SequenceNumber(5));
        assert_eq!(cursor.last(), Some(SequenceNumber(5)));
        assert_eq!(cursor.admit(&event(5)), Admission::Repeated);
        assert_eq!(cursor.admit(&event(6)), Admission::Next);
    }

    #[test]
    fn a_new_hub_counts_from_zero() {
        let mut cursor = Cursor::new(checkpoint(4000));
        cursor.restart(StartPosition::Earliest, Some(Timestamp::from_millis(2)));
        cursor.attached(Timestamp::from_millis(2));
        assert_eq!(cursor.admit(&event(0)), Admission::Next);
    }
}
