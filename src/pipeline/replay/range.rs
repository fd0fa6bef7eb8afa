//! From where to where one partition is read.
//!
//! A range is closed before the first event is read, by what `$management` says of the partition then: events that arrive
//! later are never part of it.

use crate::event::{PartitionId, SequenceNumber, Timestamp};
use crate::eventhub::{PartitionProperties, Position, StartPosition};

/// The first event that is wanted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum First {
    /// The oldest one the hub has kept.
    Earliest,
    /// The first one enqueued at this moment or later.
    Time(Timestamp),
    /// The one of this number.
    Number(SequenceNumber),
}

/// The last event that is wanted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Last {
    /// The newest one at the start of the replay.
    Latest,
    /// The last one enqueued at this moment or earlier, before the first later one.
    Time(Timestamp),
    /// The one of this number.
    Number(SequenceNumber),
}

/// The range begins after its end.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the range begins at {first}, which is after its end at {last}")]
pub struct Inverted {
    /// Where it begins.
    pub first: String,
    /// Where it ends.
    pub last: String,
}

/// What is to be read of one partition.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Range {
    /// The partition.
    pub partition: PartitionId,
    /// The first event as it was asked for.
    pub asked: First,
    /// Where to attach; `None` if the hub has no event of the range.
    pub start: Option<StartPosition>,
    /// Number of the first event, where it is known before it is read.
    pub first: Option<SequenceNumber>,
    /// Number of the last event; the one at which the reading ends, whatever its time.
    pub last: SequenceNumber,
    /// Events enqueued after this moment are beyond the range.
    pub until: Option<Timestamp>,
    /// Number of the oldest event that the hub had kept.
    pub oldest: SequenceNumber,
    /// Events of the range that the hub had removed, as far as their numbers tell.
    pub gone: u64,
}

/// Refuses a range that ends before it begins, as far as that is known without the hub.
pub fn check(first: First, last: Last) -> Result<(), Inverted> {
    let is_inverted = match (first, last) {
        (First::Number(first), Last::Number(last)) => first > last,
        (First::Time(first), Last::Time(last)) => first > last,
        _ => false,
    };
    match is_inverted {
        true => Err(Inverted {
            first: first.to_string(),
            last: last.to_string(),
        }),
        false => Ok(()),
    }
}

impl Range {
    /// What `first` and `last` mean in a partition that is as `properties` says, in the hub made at `hub_created_at`.
    pub fn resolve(
        partition: PartitionId,
        first: First,
        last: Last,
        hub_created_at: Timestamp,
        properties: &PartitionProperties,
    ) -> Self {
        let newest = properties.last_sequence_number;
        let range = Self {
            partition,
            asked: first,
            start: None,
            first: None,
            last: match last {
                Last::Number(number) => number.min(newest),
                Last::Latest | Last::Time(_) => newest,
            },
            until: match last {
                // A later moment would let in what arrives while it is read, were it not for the number of the newest.
                Last::Time(time) => Some(time).filter(|time| *time < properties.last_enqueued_time),
                Last::Latest | Last::Number(_) => None,
            },
            oldest: match properties.is_empty {
                true => newest.next(),
                false => properties.begin_sequence_number,
            },
            gone: 0,
        };
        match first {
            First::Number(number) => range.starting_at_number(number, hub_created_at),
            // The newest event is the last one that could be of the range: without it, reading would wait for ever.
            First::Time(time) if properties.last_enqueued_time < time => range,
            First::Time(time) => {
                // The hub starts behind the moment it is given, and an event of exactly this time is the first one wanted.
                let before = Timestamp::from_millis(time.as_millis() - 1);
                range.starting_with_kept(StartPosition::EnqueuedAfter(before))
            }
            First::Earliest => range.starting_with_kept(StartPosition::Earliest),
        }
    }

    /// How many events it can have at most.
    pub fn events_max(&self) -> u64 {
        if self.start.is_none() {
            return 0;
        }
        let first = self.first.unwrap_or(self.oldest);
        count(first, self.last)
    }

    fn starting_at_number(self, asked: SequenceNumber, hub_created_at: Timestamp) -> Self {
        let first = asked.max(self.oldest);
        let gone = count(asked, self.last.min(SequenceNumber(first.0 - 1)));
        let start = StartPosition::After(Position {
            sequence_number: SequenceNumber(first.0 - 1),
            offset: None,
            enqueued_time: None,
            hub_created_at: Some(hub_created_at),
        });
        Self {
            start: (first <= self.last).then_some(start),
            first: Some(first),
            gone,
            ..self
        }
    }

    fn starting_with_kept(self, start: StartPosition) -> Self {
        let has_events = self.oldest <= self.last;
        Self {
            start: has_events.then_some(start),
            ..self
        }
    }
}

/// Numbers from `first` to `last`, both counted; 0 if `last` is before `first`.
pub(super) fn count(first: SequenceNumber, last: SequenceNumber) -> u64 {
    u64::try_from(last.0.saturating_sub(first.0).saturating_add(1)).unwrap_or(0)
}

impl std::fmt::Display for First {
    /// As the command line has it.
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            First::Earliest => formatter.write_str("earliest"),
            First::Time(time) => time.fmt(formatter),
            First::Number(number) => number.fmt(formatter),
        }
    }
}

impl std::fmt::Display for Last {
    /// As the command line has it.
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Last::Latest => formatter.write_str("latest"),
            Last::Time(time) => time.fmt(formatter),
            Last::Number(number) => number.fmt(formatter),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::Offset;

    const HUB: Timestamp = Timestamp::from_millis(5);

    /// A partition that keeps the events `begin` to `last`, each enqueued a second after the one before.
    fn partition(begin: i64, last: i64) -> PartitionProperties {
        PartitionProperties {
            begin_sequence_number: SequenceNumber(begin),
            last_sequence_number: SequenceNumber(last),
            last_offset: Offset::new("any"),
            last_enqueued_time: time(last),
            is_empty: begin > last,
        }
    }

    fn time(number: i64) -> Timestamp {
        Timestamp::from_millis(number * 1000)
    }

    fn number(number: i64) -> First {
        First::Number(SequenceNumber(number))
    }

    fn to(number: i64) -> Last {
        Last::Number(SequenceNumber(number))
    }

    fn after(number: i64) -> Option<StartPosition> {
        Some(StartPosition::After(Position {
            sequence_number: SequenceNumber(number),
            offset: None,
            enqueued_time: None,
            hub_created_at: Some(HUB),
        }))
    }

    fn enqueued_after(millis: i64) -> Option<StartPosition> {
        Some(StartPosition::EnqueuedAfter(Timestamp::from_millis(millis)))
    }

    /// Scenario: every form of both ends, in partitions that kept all, a part or nothing of what was asked for.
    /// Guarantees: where reading starts and ends, and how many events are known to be gone; nothing that would wait for an
    /// event that never comes.
    #[test]
    fn closes_every_range() {
        let earliest = Some(StartPosition::Earliest);
        let kept = partition(10, 19);
        for (first, last, of, start, end, gone) in [
            (First::Earliest, Last::Latest, &kept, earliest.clone(), 19, 0),
            (First::Earliest, to(12), &kept, earliest.clone(), 12, 0),
            (First::Earliest, to(9), &kept, None, 9, 0),
            (First::Earliest, to(99), &kept, earliest.clone(), 19, 0),
            (number(12), to(14), &kept, after(11), 14, 0),
            (number(12), to(12), &kept, after(11), 12, 0),
            (number(19), Last::Latest, &kept, after(18), 19, 0),
            (number(20), Last::Latest, &kept, None, 19, 0),
            (number(4), Last::Latest, &kept, after(9), 19, 6),
            (number(4), to(9), &kept, None, 9, 6),
            (number(4), to(7), &kept, None, 7, 4),
            (
                First::Time(time(15)),
                Last::Latest,
                &kept,
                enqueued_after(14_999),
                19,
                0,
            ),
            (
                First::Time(time(3)),
                Last::Latest,
                &kept,
                enqueued_after(2_999),
                19,
                0,
            ),
            (
                First::Time(time(19)),
                Last::Latest,
                &kept,
                enqueued_after(18_999),
                19,
                0,
            ),
            (First::Time(time(20)), Last::Latest, &kept, None, 19, 0),
            (First::Earliest, Last::Latest, &partition(0, -1), None, -1, 0),
            (number(0), Last::Latest, &partition(0, -1), None, -1, 0),
            (number(0), Last::Latest, &partition(0, 0), after(-1), 0, 0),
            // Everything was removed, and the numbers say how much.
            (number(3), Last::Latest, &partition(8, 7), None, 7, 5),
            (First::Time(time(1)), Last::Latest, &partition(8, 7), None, 7, 0),
        ] {
            let range = Range::resolve(PartitionId::new("0"), first, last, HUB, of);
            let found = (range.start, range.last.0, range.gone);
            assert_eq!(found, (start, end, gone), "{first:?} {last:?} {of:?}");
        }
    }

    #[test]
    fn a_time_ends_a_range_before_the_newest_event_does() {
        let range = |last| {
            Range::resolve(
                PartitionId::new("0"),
                First::Earliest,
                last,
                HUB,
                &partition(0, 9),
            )
        };
        assert_eq!(range(Last::Time(time(4))).until, Some(time(4)));
        assert_eq!(range(Last::Time(time(9))).until, None);
        assert_eq!(range(Last::Latest).until, None);
        assert_eq!(range(to(4)).events_max(), 5);
        assert_eq!(range(to(4)).until, None);
    }

    #[test]
    fn refuses_what_ends_before_it_begins() {
        for (first, last, is_right) in [
            (number(4), to(4), true),
            (number(5), to(4), false),
            (First::Time(time(4)), Last::Time(time(4)), true),
            (First::Time(time(5)), Last::Time(time(4)), false),
            (number(5), Last::Time(time(0)), true),
        ] {
            assert_eq!(check(first, last).is_ok(), is_right, "{first:?} {last:?}");
        }
        let inverted = check(number(5), to(4)).expect_err("it is inverted");
        assert_eq!(
            inverted.to_string(),
            "the range begins at 5, which is after its end at 4"
        );
    }
}
