//! Partitions that move between instances whose clocks differ.

use proptest::prelude::*;

use super::super::tests::{check, line, stop};
use super::super::{What, history};
use super::*;
use crate::event::SequenceNumber;

const MINUTE: i64 = 60;

/// One line in the order things happened: the instance, which of its readings, the minute, and the range.
type Happened = (&'static str, u64, i64, i64, i64);

/// What the instances wrote, the clock of each wrong by so many minutes.
fn sources(happened: &[Happened], wrong_minutes: &[(&str, i64)]) -> Vec<Vec<Line>> {
    let wrong = |instance: &str| wrong_minutes.iter().find(|(name, _)| *name == instance);
    let mut sources: BTreeMap<&str, Vec<Line>> = BTreeMap::new();
    for (instance, generation, minute, from, to) in happened {
        let minute = minute + wrong(instance).map_or(0, |(_, minutes)| *minutes);
        let mut line = line(instance, minute * MINUTE, *from, *to);
        line.reading.generation = *generation;
        sources.entry(instance).or_default().push(Line::Settled(line));
    }
    sources.into_values().collect()
}

/// The same with every clock that may be; `expected` without the notes of moves.
#[track_caller]
fn check_clocks(happened: &[Happened], events: u64, again: u64, expected: &[What]) {
    for wrong_minutes in [0, 1, -1, 3, -3, 8, -8, 29, -29] {
        for is_turned in [false, true] {
            let mut sources = sources(happened, &[("b", wrong_minutes)]);
            if is_turned {
                sources.reverse();
            }
            let history = history(sources);
            let sum = |number: fn(&super::super::Day) -> u64| history.days.values().map(number).sum::<u64>();
            let is_move = |what: &What| matches!(what, What::Killed { .. });
            let found: Vec<_> = history.findings.into_iter().map(|finding| finding.what).collect();
            let found: Vec<_> = found.into_iter().filter(|what| !is_move(what)).collect();
            assert_eq!(found, expected, "{wrong_minutes} minutes");
            let sums = (sum(|day| day.totals.events), sum(|day| day.again.events));
            assert_eq!(sums, (events, again), "{wrong_minutes} minutes");
        }
    }
}

/// Scenario: a partition moves from a to b, back, and to b again; who loses it writes a last line that is not stored.
/// Guarantees: whatever the clocks say, each event counts once, what was read again is what was, and nothing is missing.
#[test]
fn a_partition_goes_to_and_fro() {
    let happened = [
        ("a", 0, 0, -1, 999),
        ("a", 0, 1, 999, 1799),
        ("b", 0, 1, 999, 1500),
        ("b", 0, 2, 1500, 2999),
        ("b", 0, 3, 2999, 3799),
        ("a", 1, 3, 2999, 4000),
        ("a", 1, 4, 4000, 4999),
        ("a", 1, 5, 4999, 5799),
        ("b", 1, 5, 4999, 6999),
    ];
    check_clocks(&happened, 7000, 2400, &[]);
}

/// Scenario: two instances take a partition from each other before either stores anything; then one does, and it moves on.
/// Guarantees: what was not stored is replaced, whichever clock is ahead.
#[test]
fn turns_that_store_nothing_are_replaced() {
    let happened = [
        ("a", 0, 0, 99, 150),
        ("b", 0, 1, 99, 130),
        ("a", 1, 2, 99, 170),
        ("b", 1, 3, 170, 200),
    ];
    check_clocks(&happened, 101, 82, &[]);
    let larger = [("a", 0, 0, 99, 150), ("b", 0, 1, 99, 130), ("a", 1, 2, 130, 200)];
    check_clocks(&larger, 101, 51, &[]);
}

/// Scenario: who lost a partition stores two positions more, before the one that took it has stored its first.
/// Guarantees: that is no hole and nothing counted twice.
#[test]
fn a_position_that_is_stored_late_counts() {
    let happened = [
        ("a", 0, 0, -1, 99),
        ("b", 0, 1, 99, 110),
        ("a", 0, 1, 99, 150),
        ("a", 0, 1, 150, 180),
        ("b", 0, 2, 110, 199),
    ];
    check_clocks(&happened, 200, 81, &[]);
}

/// Scenario: the state directory of a third instance is not named.
/// Guarantees: what it read is missing, whatever the clocks of the others say.
#[test]
fn what_another_instance_read_is_missing() {
    let happened = [("a", 0, 0, -1, 99), ("b", 0, 1, 199, 299), ("a", 1, 2, 299, 399)];
    let hole = What::Hole {
        after: 99,
        to: 199,
        begins: None,
    };
    check_clocks(&happened, 300, 0, &[hole]);
}

/// Scenario: a position is set back while nobody reads; another instance than before goes on there, hours later or at once.
/// Guarantees: hours later the clocks tell the order; at once the order is right as soon as the new reading has come as far
/// as the old one.
#[test]
fn a_position_set_back_is_read_by_another_instance() {
    let before = [
        ("a", 0, 0, -1, 399),
        ("b", 0, 60, 399, 699),
        ("b", 0, 61, 699, 999),
    ];
    let mut later = before.to_vec();
    later.extend([("a", 1, 200, 299, 349), ("a", 1, 201, 349, 499)]);
    let twice = What::Twice { after: 299, to: 399 };
    check_clocks(&later, 600, 600, std::slice::from_ref(&twice));
    let mut at_once = before.to_vec();
    at_once.extend([
        ("a", 1, 64, 299, 999),
        ("a", 1, 65, 999, 1099),
        ("b", 1, 66, 1099, 1199),
    ]);
    check_clocks(&at_once, 1300, 600, &[twice]);
}

/// Scenario: the hub is made anew, and its first reader is another instance than the last one of the hub before.
/// Guarantees: the numbers of each hub are followed on their own, whatever the clocks say.
#[test]
fn a_hub_made_anew_is_read_later() {
    let happened = [("a", 0, 0, -1, 99), ("b", 0, 1, -1, 49), ("a", 1, 2, 49, 149)];
    let created_at = Some(Timestamp::from_millis(7));
    for wrong_minutes in [0, 8, -8] {
        let mut sources = sources(&happened, &[("b", wrong_minutes)]);
        for line in sources.iter_mut().flatten() {
            if let Line::Settled(line) = line
                && (&*line.reading.run, line.reading.generation) != ("a", 0)
            {
                line.hub_created_at = created_at;
            }
        }
        let found: Vec<_> = history(sources).findings.into_iter().map(|it| it.what).collect();
        assert!(
            found.contains(&What::Recreated { created_at, last: 99 }),
            "{found:?}"
        );
        assert!(found.iter().all(|what| !what.is_problem()), "{found:?}");
    }
}

/// Scenario: an instance had a partition and settled nothing of it before it stopped; its clock is ahead or not.
/// Guarantees: what is in flight is that of the instance that reads now.
#[test]
fn a_reading_without_lines_has_its_turn() {
    for seconds in [5, 15] {
        let reads = vec![
            Line::Settled(line("a", 10, -1, 9)),
            Line::Settled(line("a", 20, 9, 19)),
        ];
        let idle = vec![stop("b", seconds, 0), Line::Settled(line("c", 2, 19, 29))];
        assert_eq!(history(vec![reads.clone(), idle.clone()]).in_flight, 3);
        check(
            vec![reads, idle],
            30,
            0,
            &[What::Killed {
                in_flight: 3,
                after: 19,
            }],
        );
    }
}

/// One turn of an instance: which one, how many lines are stored, whether one more is written that is not, and how long it
/// takes.
fn turn() -> impl Strategy<Value = (usize, usize, bool, i64)> {
    (0..3_usize, 0..4_usize, any::<bool>(), 0..20_i64)
}

proptest! {
    /// Scenario: a partition moves between three instances, any number of times, with lines that are not stored at the ends
    /// of turns; each clock is wrong by up to 15 minutes.
    /// Guarantees: every event counts once, and nothing stands out but the moves.
    #[test]
    fn clocks_change_nothing(
        turns in prop::collection::vec(turn(), 1..30),
        wrong_minutes in prop::array::uniform3(-15..=15_i64),
    ) {
        let mut sources = vec![Vec::new(); 3];
        let (mut position, mut minute) = (-1, 1000);
        let last = (0, 2, false, 1);
        for (generation, (instance, stored, has_tail, minutes)) in turns.into_iter().chain([last]).enumerate() {
            let mut write = |from, to, minute| {
                let time = (minute + wrong_minutes[instance]) * MINUTE;
                let mut line = line(["a", "b", "c"][instance], time, from, to);
                line.reading.generation = generation as u64;
                sources[instance].push(Line::Settled(line));
            };
            for _ in 0..stored {
                write(position, position + 10, minute);
                position += 10;
                minute += minutes;
            }
            if has_tail {
                write(position, position + 10 * (minutes % 4) + 5, minute);
            }
        }
        let history = history(sources);
        let events: u64 = history.days.values().map(|day| day.totals.events).sum();
        prop_assert_eq!(events, (SequenceNumber(position).0 + 1) as u64);
        let others: Vec<_> = history.findings.iter().filter(|it| !matches!(it.what, What::Killed { .. })).collect();
        prop_assert!(others.is_empty(), "{:?}", others);
    }
}
