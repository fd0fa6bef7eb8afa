//! Positions of targets against a naive model, over restarts.

use bytes::Bytes;
use proptest::prelude::*;

use super::*;
use crate::acknowledge::{EventInFlight, InFlight, Settlement, Ticket, Window};
use crate::event::{Event, PartitionId, Timestamp};

const TARGETS: usize = 3;

/// What happens to one event: per target how many records it wants; whether something else is owed, as by a body that
/// cannot be decoded.
type Wanted = ([usize; TARGETS], bool);

fn event(number: i64) -> Event {
    Event {
        partition: PartitionId::new("0"),
        sequence_number: SequenceNumber(number),
        offset: Offset::new(format!("o{number}")),
        enqueued_time: Timestamp::from_millis(1_000 + number),
        body: Bytes::new(),
        last_enqueued: None,
    }
}

fn targets() -> Targets {
    Targets::new(["a", "b", "c"].map(Arc::from))
}

fn following(targets: Targets) -> Arc<InFlight> {
    let window = Window::new(1_000, 1_000);
    InFlight::following(PartitionId::new("0"), 0, window, targets, None)
}

/// Begins an event with the tickets its targets want; a target that confirmed it before gets none.
fn begin(
    in_flight: &Arc<InFlight>,
    number: i64,
    wanted: &Wanted,
) -> (Vec<(Option<usize>, Ticket)>, Arc<EventInFlight>) {
    let event = in_flight.begin(&event(number));
    let mut tickets = Vec::new();
    for (target, count) in wanted.0.iter().enumerate() {
        if !event.is_passed(target) {
            tickets.extend((0..*count).map(|_| (Some(target), event.ticket_for(target))));
        }
    }
    if wanted.1 {
        tickets.push((None, event.ticket()));
    }
    event.close();
    (tickets, event)
}

proptest! {
    /// Scenario: events with records for some of three targets, settled in any order; then a restart from what was
    /// stored, in which everything is settled.
    /// Guarantees: a target is ahead up to its own first unsettled record and no further; after the restart it gets
    /// exactly what it had not settled up to there, and the others lose nothing.
    #[test]
    fn a_target_is_offered_what_it_has_not_settled(
        events in proptest::collection::vec((any::<[bool; TARGETS]>(), any::<bool>()), 1..30),
        order in any::<proptest::sample::Index>(),
        settled_share in 0..=100_usize,
    ) {
        let wanted: Vec<Wanted> = events
            .iter()
            .map(|(wants, other)| (wants.map(|wants| if wants { 2 } else { 0 }), *other))
            .collect();
        let in_flight = following(targets());
        let mut open: Vec<(i64, Option<usize>, Ticket)> = Vec::new();
        for (number, wanted) in wanted.iter().enumerate() {
            let (tickets, _) = begin(&in_flight, number as i64, wanted);
            open.extend(tickets.into_iter().map(|(target, ticket)| (number as i64, target, ticket)));
        }
        let count = open.len() * settled_share / 100;
        for _ in 0..count {
            let (_, _, ticket) = open.swap_remove(order.index(open.len()));
            ticket.settle(Settlement::Delivered);
        }
        let first_open = |of: &dyn Fn(Option<usize>) -> bool| {
            open.iter()
                .filter(|(_, target, _)| of(*target))
                .map(|(number, ..)| *number)
                .min()
                .unwrap_or(wanted.len() as i64)
        };
        let shared = first_open(&|_| true) - 1;
        let progress = in_flight.progress();
        let mut positions = BTreeMap::new();
        for (target, name) in ["a", "b", "c"].into_iter().enumerate() {
            let own = first_open(&|found| found == Some(target)) - 1;
            if own > shared {
                let offset = Offset::new(format!("o{own}"));
                positions.insert(name.to_owned(), Passed { sequence_number: SequenceNumber(own), offset });
            }
        }
        match progress {
            Some(progress) => {
                prop_assert_eq!(progress.mark.sequence_number.0, shared);
                prop_assert_eq!(&progress.targets, &positions);
            }
            None => prop_assert!(shared == -1 && positions.is_empty()),
        }

        let after = following(targets().ahead(&positions));
        for (number, wanted) in wanted.iter().enumerate().skip(usize::try_from(shared + 1).unwrap_or_default()) {
            let (tickets, _) = begin(&after, number as i64, wanted);
            for (target, count) in wanted.0.iter().enumerate() {
                let name = ["a", "b", "c"][target];
                let is_ahead = positions.get(name).is_some_and(|passed| number as i64 <= passed.sequence_number.0);
                let offered = tickets.iter().filter(|(found, _)| *found == Some(target)).count();
                prop_assert_eq!(offered, if is_ahead { 0 } else { *count });
            }
            // What was ahead stays so while the others catch up.
            for (name, passed) in &positions {
                let known = after.progress().and_then(|progress| progress.targets.get(name).cloned());
                prop_assert!(known.is_none_or(|known| known.sequence_number >= passed.sequence_number));
            }
            tickets.into_iter().for_each(|(_, ticket)| ticket.settle(Settlement::Delivered));
        }
        if let Some(progress) = after.progress() {
            prop_assert_eq!(progress.mark.sequence_number.0, wanted.len() as i64 - 1);
            prop_assert!(progress.targets.is_empty());
        }
    }
}

/// Scenario: nothing has settled at all targets yet; the first event has number 40.
/// Guarantees: the target that is ahead has a position, and the mark stands before the first event, by its number.
#[test]
fn a_mark_that_never_moved_stands_before_the_first_event() {
    let in_flight = following(targets());
    let mut kept = Vec::new();
    for number in 40..43 {
        let (mut tickets, _) = begin(&in_flight, number, &([1, 1, 0], false));
        let (_, second) = tickets.pop().expect("two targets want it");
        second.settle(Settlement::Delivered);
        kept.extend(tickets);
    }
    let progress = in_flight.progress().expect("two targets are ahead");
    let mark = progress.mark;
    assert_eq!((mark.sequence_number.0, mark.offset.as_str()), (39, ""));
    assert_eq!(mark.enqueued_time.as_millis(), 1_039);
    let names: Vec<_> = progress
        .targets
        .iter()
        .map(|(name, passed)| (&**name, passed.sequence_number.0))
        .collect();
    assert_eq!(names, [("b", 42), ("c", 42)]);
}

#[test]
fn the_only_target_of_a_group_is_not_followed() {
    let in_flight = following(Targets::new([Arc::from("a")]));
    let (_kept, _) = begin(&in_flight, 1, &([1, 0, 0], false));
    assert_eq!(in_flight.progress(), None);
}

#[test]
fn positions_of_unknown_targets_are_left_out() {
    let passed = Passed {
        sequence_number: SequenceNumber(9),
        offset: Offset::new("o9"),
    };
    let positions = BTreeMap::from([("removed".to_owned(), passed)]);
    let in_flight = following(targets().ahead(&positions));
    let (kept, _) = begin(&in_flight, 1, &([1, 1, 1], false));
    assert_eq!(kept.len(), 3);
}

/// Scenario: the target that had held the mark back is removed; its group has one target left, which is ahead.
/// Guarantees: that one gets nothing again.
#[test]
fn a_target_left_alone_stays_where_it_was() {
    let passed = Passed {
        sequence_number: SequenceNumber(2),
        offset: Offset::new("o2"),
    };
    let positions = BTreeMap::from([("b".to_owned(), passed)]);
    let in_flight = following(Targets::new([Arc::from("b")]).ahead(&positions));
    let counts = [1, 2, 3].map(|number| begin(&in_flight, number, &([1, 0, 0], false)).0.len());
    assert_eq!(counts, [0, 0, 1]);
}

/// Scenario: of three events the first target settles the first, the second target everything, the third wants only the
/// last one.
/// Guarantees: each owes from its own oldest event on, and only the first holds the mark that all share.
#[test]
fn who_owes_what_is_known() {
    let in_flight = following(targets());
    assert_eq!(in_flight.first_owed("a"), None);
    assert!(!in_flight.is_held_by("a"));
    let mut kept = Vec::new();
    for (number, wanted) in [[1, 1, 0], [1, 1, 0], [1, 1, 1]].into_iter().enumerate() {
        let (tickets, _) = begin(&in_flight, 10 + number as i64, &(wanted, false));
        for (target, ticket) in tickets {
            match (number, target) {
                (0, Some(0)) | (_, Some(1)) => ticket.settle(Settlement::Delivered),
                _ => kept.push(ticket),
            }
        }
    }
    let owed = |target| in_flight.first_owed(target).map(|mark| mark.sequence_number.0);
    assert_eq!((owed("a"), owed("b"), owed("c")), (Some(11), None, Some(12)));
    assert_eq!(
        ["a", "b", "c"].map(|name| in_flight.is_held_by(name)),
        [true, false, false]
    );
    assert_eq!(owed("unknown"), Some(11), "it is not followed");
}
