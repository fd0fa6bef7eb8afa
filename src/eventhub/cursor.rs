//! Where one partition's reader stands: what was received last, and what the next event tells about it.

use super::settings::{Position, StartPosition};
use crate::event::{Event, Loss, SequenceNumber, Timestamp};

/// No hub removes an event that is younger: the shortest retention there is.
const MIN_RETENTION_MILLIS: i64 = 60 * 60 * 1000;

/// Position of a reader over the reconnects of one generation.
#[derive(Debug)]
pub(super) struct Cursor {
    start: StartPosition,
    last: Option<SequenceNumber>,
    /// Whether the link has not brought an event since it was attached.
    is_fresh: bool,
    hub_created_at: Option<Timestamp>,
    /// When the hub said last that it has nothing newer than what was taken in.
    caught_up_at: Option<Timestamp>,
}

/// What to do with an event.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Admission {
    /// It was taken in before; drop it.
    Repeated,
    /// It is the next one.
    Next,
    /// It is new, but so many numbers before it never came, and they are too young to have been removed.
    AfterSkip { events: i64 },
    /// It is new, and retention has removed what was before it.
    AfterLoss(Loss),
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
            caught_up_at: None,
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

    /// The hub said at `now` that its newest event is number `newest`.
    pub(super) fn hub_has(&mut self, newest: SequenceNumber, now: Timestamp) {
        if self.last == Some(newest) {
            self.caught_up_at = Some(now);
            // So the position the link started at had not been passed by retention.
            self.is_fresh = false;
        }
    }

    /// Takes in an event that arrives at `now`, unless it was taken in before.
    pub(super) fn admit(&mut self, event: &Event, now: Timestamp) -> Admission {
        let number = event.sequence_number;
        if self.last.is_some_and(|last| number <= last) {
            return Admission::Repeated;
        }
        let admission = match self.last {
            Some(last) if number.0 - last.0 > 1 => self.gap(last, event, now),
            _ => Admission::Next,
        };
        self.is_fresh = false;
        self.last = Some(number);
        self.start = StartPosition::After(Position {
            sequence_number: number,
            offset: Some(event.offset.clone()),
            enqueued_time: Some(event.enqueued_time),
            hub_created_at: self.hub_created_at,
        });
        admission
    }

    /// What the numbers between `last` and `event` are. The hub gives consecutive ones, so they were events; within a link
    /// that brings events in time they may have been skipped, but what is old enough to be removed counts as removed: a
    /// link without credit, or one that reads at the edge of retention, is passed by it as well.
    fn gap(&self, last: SequenceNumber, event: &Event, now: Timestamp) -> Admission {
        let events = event.sequence_number.0 - last.0 - 1;
        let enqueued_after = self.enqueued_time();
        // None of them was there when the hub had nothing newer than the last.
        let not_before = enqueued_after.max(self.caught_up_at);
        let may_be_removed = not_before.is_none_or(|moment| now.millis_since(moment) >= MIN_RETENTION_MILLIS);
        if !self.is_fresh && !may_be_removed {
            return Admission::AfterSkip { events };
        }
        Admission::AfterLoss(Loss {
            events,
            after: last,
            before: event.sequence_number,
            enqueued_after,
            enqueued_before: event.enqueued_time,
        })
    }

    /// Passes everything up to `newest`, which the hub has removed without anything after it. `None` if that is nothing.
    pub(super) fn pass_removed(&mut self, newest: Position) -> Option<Loss> {
        let (last, before) = (self.last?, newest.sequence_number.next());
        let events = before.0 - last.0 - 1;
        let loss = Loss {
            events,
            after: last,
            before,
            enqueued_after: self.enqueued_time(),
            enqueued_before: newest.enqueued_time?,
        };
        if events <= 0 {
            return None;
        }
        self.is_fresh = false;
        self.last = Some(newest.sequence_number);
        self.start = StartPosition::After(newest);
        Some(loss)
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

    /// Takes in an event one second after the hub did.
    fn admit(cursor: &mut Cursor, number: i64) -> Admission {
        cursor.admit(&event(number), Timestamp::from_millis(number * 1000 + 1000))
    }

    fn checkpoint(number: i64) -> StartPosition {
        StartPosition::After(Position {
            sequence_number: SequenceNumber(number),
            offset: None,
            enqueued_time: None,
            hub_created_at: None,
        })
    }

    /// Events lost after number `after`, which was enqueued at `enqueued_after`, and before number `before`.
    fn loss(after: i64, before: i64, enqueued_after: Option<i64>) -> Admission {
        Admission::AfterLoss(Loss {
            events: before - after - 1,
            after: SequenceNumber(after),
            before: SequenceNumber(before),
            enqueued_after: enqueued_after.map(Timestamp::from_millis),
            enqueued_before: Timestamp::from_millis(before * 1000),
        })
    }

    /// Scenario: a reader starts, is reconnected, and sees numbers again or not at all; everything arrives in time.
    /// Guarantees: nothing is taken in twice, and every number that never came is counted under its cause.
    #[test]
    fn admits_each_number_once() {
        let skipped = |events| Admission::AfterSkip { events };
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
                vec![(9, loss(4, 9, None)), (10, Admission::Next), (13, skipped(2))],
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
            (checkpoint(-1), vec![(2, loss(-1, 2, None))]),
        ];
        for (start, events) in cases {
            let mut cursor = Cursor::new(start.clone());
            cursor.attached(Timestamp::from_millis(1));
            for (number, expected) in events {
                assert_eq!(admit(&mut cursor, number), expected, "{start:?} {number}");
            }
        }
    }

    /// Scenario: event 10 comes after event 7 on one link, which was without credit meanwhile, or idle, or both; the hub
    /// says in between that 7 is its newest, or not.
    /// Guarantees: the numbers between are lost where they are old enough to have been removed, else skipped.
    #[test]
    fn tells_what_was_removed_from_what_was_skipped() {
        const HOUR: i64 = MIN_RETENTION_MILLIS;
        let lost = loss(7, 10, Some(7000));
        for (caught_up_at, arrives, is_lost) in [
            (None, 8000, false),
            (None, 7000 + HOUR - 1, false),
            (None, 7000 + HOUR, true),
            (Some(2 * HOUR), 2 * HOUR + 1000, false),
            (Some(2 * HOUR), 3 * HOUR, true),
        ] {
            let mut cursor = Cursor::new(StartPosition::Earliest);
            cursor.attached(Timestamp::from_millis(1));
            admit(&mut cursor, 7);
            if let Some(moment) = caught_up_at {
                cursor.hub_has(SequenceNumber(7), Timestamp::from_millis(moment));
            }
            cursor.hub_has(SequenceNumber(9), Timestamp::from_millis(arrives - 1));
            let expected = match is_lost {
                true => lost.clone(),
                false => Admission::AfterSkip { events: 2 },
            };
            let found = cursor.admit(&event(10), Timestamp::from_millis(arrives));
            assert_eq!(found, expected, "{caught_up_at:?} {arrives}");
        }
    }

    /// Scenario: a link starts at a checkpoint, and the first event comes long after; the hub had said in between that
    /// nothing is newer than the checkpoint.
    /// Guarantees: only where that was not said, the numbers before the event are lost to retention at once.
    #[test]
    fn a_position_the_hub_confirmed_was_not_passed() {
        for is_confirmed in [false, true] {
            let mut cursor = Cursor::new(checkpoint(4));
            cursor.attached(Timestamp::from_millis(1));
            if is_confirmed {
                cursor.hub_has(SequenceNumber(4), Timestamp::from_millis(8500));
            }
            let expected = match is_confirmed {
                true => Admission::AfterSkip { events: 4 },
                false => loss(4, 9, None),
            };
            assert_eq!(admit(&mut cursor, 9), expected);
        }
    }

    /// Scenario: everything after the checkpoint was removed, and nothing came since.
    /// Guarantees: it is counted once, and the next event is the one after the newest that was removed.
    #[test]
    fn passes_what_was_removed() {
        let newest = |number: i64| Position {
            sequence_number: SequenceNumber(number),
            offset: Some(Offset::new("o")),
            enqueued_time: Some(Timestamp::from_millis(number * 1000)),
            hub_created_at: None,
        };
        let mut cursor = Cursor::new(checkpoint(4));
        cursor.attached(Timestamp::from_millis(1));
        assert_eq!(cursor.pass_removed(newest(4)), None);
        let loss = cursor.pass_removed(newest(9)).expect("five are gone");
        let numbers = (loss.events, loss.after, loss.before);
        assert_eq!(numbers, (5, SequenceNumber(4), SequenceNumber(10)));
        assert_eq!(loss.enqueued_before, Timestamp::from_millis(9000));
        assert_eq!(cursor.pass_removed(newest(9)), None);
        assert_eq!(cursor.start(), &StartPosition::After(newest(9)));
        assert_eq!(admit(&mut cursor, 10), Admission::Next);
        assert_eq!(Cursor::new(StartPosition::Earliest).pass_removed(newest(9)), None);
    }

    #[test]
    fn resumes_after_the_last_event() {
        let mut cursor = Cursor::new(StartPosition::Earliest);
        cursor.attached(Timestamp::from_millis(1));
        admit(&mut cursor, 3);
        cursor.attached(Timestamp::from_millis(1));
        let expected = StartPosition::After(Position {
            sequence_number: SequenceNumber(3),
            offset: Some(Offset::new("o3")),
            enqueued_time: Some(Timestamp::from_millis(3000)),
            hub_created_at: Some(Timestamp::from_millis(1)),
        });
        assert_eq!(cursor.start(), &expected);
        assert_eq!(admit(&mut cursor, 3), Admission::Repeated);
        assert_eq!(admit(&mut cursor, 4), Admission::Next);
    }

    #[test]
    fn passes_what_cannot_be_read() {
        let mut cursor = Cursor::new(checkpoint(4));
        cursor.attached(Timestamp::from_millis(1));
        cursor.pass(SequenceNumber(5));
        assert_eq!(cursor.last(), Some(SequenceNumber(5)));
        assert_eq!(admit(&mut cursor, 5), Admission::Repeated);
        assert_eq!(admit(&mut cursor, 6), Admission::Next);
    }

    #[test]
    fn a_new_hub_counts_from_zero() {
        let mut cursor = Cursor::new(checkpoint(4000));
        cursor.restart(StartPosition::Earliest, Some(Timestamp::from_millis(2)));
        cursor.attached(Timestamp::from_millis(2));
        assert_eq!(admit(&mut cursor, 0), Admission::Next);
    }
}
