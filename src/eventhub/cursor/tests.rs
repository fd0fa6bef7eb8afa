use bytes::Bytes;

use super::*;
use crate::event::PartitionId;

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

/// Scenario: only an offset is known, and its event is the first one that arrives, or is gone.
/// Guarantees: a gap is told once.
#[test]
fn tells_that_the_event_of_an_offset_is_gone() {
    for (offset, expected) in [
        ("o3", Admission::Next),
        (
            "o2",
            Admission::AfterGap {
                offset: Offset::new("o2"),
                enqueued_before: Timestamp::from_millis(3000),
            },
        ),
    ] {
        let mut cursor = Cursor::new(StartPosition::Offset(Offset::new(offset)));
        cursor.attached(Timestamp::from_millis(1));
        assert_eq!(admit(&mut cursor, 3), expected);
        assert_eq!(admit(&mut cursor, 4), Admission::Next);
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

/// Scenario: the event after the checkpoint, or one further on, cannot be read.
/// Guarantees: it is passed, and what never came before it is counted as before any other event.
#[test]
fn passes_what_cannot_be_read() {
    for (number, expected) in [
        (3, Admission::Repeated),
        (5, Admission::Next),
        (9, loss(4, 9, None)),
    ] {
        let mut cursor = Cursor::new(checkpoint(4));
        cursor.attached(Timestamp::from_millis(1));
        let (enqueued, now) = (number * 1000, number * 1000 + 1000);
        let found = cursor.pass(
            SequenceNumber(number),
            Timestamp::from_millis(enqueued),
            Timestamp::from_millis(now),
        );
        assert_eq!(found, expected);
        let last = number.max(4);
        assert_eq!(cursor.last(), Some(SequenceNumber(last)));
        assert_eq!(admit(&mut cursor, last), Admission::Repeated);
        assert_eq!(admit(&mut cursor, last + 1), Admission::Next);
    }
}

#[test]
fn a_new_hub_counts_from_zero() {
    let mut cursor = Cursor::new(checkpoint(4000));
    cursor.restart(StartPosition::Earliest, Some(Timestamp::from_millis(2)));
    cursor.attached(Timestamp::from_millis(2));
    assert_eq!(admit(&mut cursor, 0), Admission::Next);
}
