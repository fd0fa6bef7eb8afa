//! Tables of lines and what they come to.

use super::*;
use crate::acknowledge::{Gaps, TargetAccount};
use crate::audit::line::{Reading, Standing};
use crate::audit::totals::TargetTotals;
use crate::event::{PartitionId, SequenceNumber};

/// The tables count seconds, timestamps milliseconds.
const SECOND: i64 = 1000;

/// A line of `run` in generation 0, written at `time` seconds: every number is an event with one delivered record.
pub(in crate::audit) fn line(run: &str, time: i64, from: i64, to: i64) -> Settled {
    let events = (to - from) as u64;
    let ends = TargetAccount {
        delivered: events,
        ..TargetAccount::default()
    };
    Settled {
        time: Timestamp::from_millis(time * SECOND),
        since: None,
        partition: PartitionId::new("0"),
        reading: Reading {
            run: run.to_owned(),
            generation: 0,
        },
        hub_created_at: Some(Timestamp::from_millis(0)),
        begins: None,
        from: SequenceNumber(from),
        to: SequenceNumber(to),
        in_flight: 3,
        totals: Totals {
            events,
            records: events,
            targets: BTreeMap::from([(
                "soc".to_owned(),
                TargetTotals {
                    records: events,
                    ends,
                },
            )]),
            ..Totals::default()
        },
    }
}

pub(in crate::audit) fn stop(run: &str, time: i64, in_flight: u64) -> Line {
    Line::Standing(Standing {
        time: Timestamp::from_millis(time * SECOND),
        partition: PartitionId::new("0"),
        reading: line(run, 0, 0, 1).reading,
        in_flight,
        is_stop: true,
        is_taken: false,
    })
}

/// The same of a partition that another reader took.
fn taken(run: &str, time: i64, in_flight: u64) -> Line {
    let Line::Standing(standing) = stop(run, time, in_flight) else {
        unreachable!("it is one");
    };
    Line::Standing(Standing {
        is_stop: false,
        is_taken: true,
        ..standing
    })
}

/// Events counted, events read again, and what stands out.
#[track_caller]
pub(super) fn check(sources: Vec<Vec<Line>>, events: u64, again: u64, expected: &[What]) {
    let history = history(sources);
    let sum = |number: fn(&Day) -> u64| history.days.values().map(number).sum::<u64>();
    let found: Vec<_> = history.findings.iter().map(|finding| &finding.what).collect();
    assert_eq!(found, expected.iter().collect::<Vec<_>>());
    assert_eq!(
        (sum(|day| day.totals.events), sum(|day| day.again.events)),
        (events, again)
    );
}

#[test]
fn a_reading_goes_on_from_line_to_line() {
    let lines = [line("a", 1, -1, 9), line("a", 2, 9, 19), line("a", 3, 19, 20)];
    check(vec![lines.map(Line::Settled).to_vec()], 21, 0, &[]);
}

/// Scenario: a process is killed between writing a line and storing its position, and between two lines.
#[test]
fn what_a_kill_repeats_is_counted_once() {
    let killed = What::Killed {
        in_flight: 3,
        after: 19,
    };
    let lines = [line("a", 1, -1, 9), line("a", 2, 9, 19), line("b", 3, 9, 29)];
    check(
        vec![lines.map(Line::Settled).to_vec()],
        30,
        10,
        std::slice::from_ref(&killed),
    );
    let lines = [line("a", 1, -1, 9), line("a", 2, 9, 19), line("b", 3, 19, 29)];
    check(vec![lines.map(Line::Settled).to_vec()], 30, 0, &[killed]);
}

#[test]
fn a_position_that_could_not_be_stored_repeats_nothing() {
    let lines = [line("a", 1, -1, 9), line("a", 2, 9, 19), line("a", 3, 9, 29)];
    check(vec![lines.map(Line::Settled).to_vec()], 30, 0, &[]);
}

#[test]
fn a_stop_is_no_kill() {
    for (in_flight, expected) in [
        (0, vec![]),
        (
            5,
            vec![What::GivenUp {
                in_flight: 5,
                after: 9,
            }],
        ),
    ] {
        let lines = vec![
            Line::Settled(line("a", 1, -1, 9)),
            stop("a", 2, in_flight),
            Line::Settled(line("b", 3, 9, 19)),
        ];
        check(vec![lines], 20, 0, &expected);
    }
}

/// Scenario: another process takes the partition of one that goes on with others, and gives it back.
/// Guarantees: neither is said to have ended; what was in flight at a move is said.
#[test]
fn a_move_is_no_kill() {
    let moved = |in_flight, after| What::Taken { in_flight, after };
    for (in_flight, expected) in [(0, vec![]), (5, vec![moved(5, 9), moved(5, 19)])] {
        let mut regained = line("a", 5, 19, 29);
        regained.reading.generation = 1;
        let mine = vec![
            Line::Settled(line("a", 1, -1, 9)),
            taken("a", 2, in_flight),
            Line::Settled(regained),
        ];
        let theirs = vec![Line::Settled(line("b", 3, 9, 19)), taken("b", 4, in_flight)];
        check(vec![mine, theirs], 30, 0, &expected);
    }
}

/// Scenario: an instance that settled nothing of a partition stood still, and notices long after that another one has it.
/// Guarantees: what is in flight is what the other one said, and as of when it did.
#[test]
fn a_late_word_of_a_loss_says_nothing_of_the_reader() {
    let reads = line("b", 10, -1, 9);
    let (in_flight, time) = (reads.in_flight, reads.time);
    let history = history(vec![vec![taken("a", 500, 7)], vec![Line::Settled(reads)]]);
    assert_eq!((history.in_flight, history.time), (in_flight, Some(time)));
}

#[test]
fn a_position_set_forward_leaves_a_hole() {
    let mut begun = line("b", 3, 29, 39);
    begun.begins = Some("checkpoint".to_owned());
    let lines = vec![
        Line::Settled(line("a", 1, -1, 9)),
        stop("a", 2, 0),
        Line::Settled(begun),
    ];
    let hole = What::Hole {
        after: 9,
        to: 29,
        begins: Some("checkpoint".to_owned()),
    };
    check(vec![lines], 20, 0, &[hole]);
}

/// Scenario: a position is set forward, and back again before the end of what is recorded.
/// Guarantees: what was read after all is no hole.
#[test]
fn a_hole_that_was_read_later_is_none() {
    let lines = vec![
        Line::Settled(line("a", 1, -1, 9)),
        stop("a", 2, 0),
        Line::Settled(line("b", 3, 29, 39)),
        stop("b", 4, 0),
        Line::Settled(line("c", 5, 9, 49)),
    ];
    check(vec![lines], 50, 10, &[]);
}

#[test]
fn a_removed_line_leaves_a_hole() {
    let lines = [line("a", 1, -1, 9), line("a", 3, 19, 29)];
    let hole = What::Hole {
        after: 9,
        to: 19,
        begins: None,
    };
    check(vec![lines.map(Line::Settled).to_vec()], 20, 0, &[hole]);
}

#[test]
fn a_position_set_back_is_read_again() {
    let stopped = |lines: [Settled; 2]| {
        let [first, second] = lines.map(Line::Settled);
        vec![vec![first, stop("a", 2, 0), second]]
    };
    check(stopped([line("a", 1, -1, 99), line("b", 3, -1, 9)]), 10, 100, &[]);
    let twice = What::Twice { after: 49, to: 99 };
    check(
        stopped([line("a", 1, -1, 99), line("b", 3, 49, 199)]),
        250,
        0,
        &[twice],
    );
}

/// Scenario: another hub stands under the name, and reading begins in its middle, as `on_invalid_checkpoint: latest` asks for;
/// later the first one is back, and reading goes on in it.
/// Guarantees: what of the other hub was not read is in no line and said; the hub that was read before is none to begin anew.
#[test]
fn a_hub_begun_in_its_middle_is_a_hole() {
    let made = |millis| Some(Timestamp::from_millis(millis));
    let part = |generation: u32, from, to, hub_created_at| {
        let mut part = line("a", 1 + i64::from(generation), from, to);
        part.reading.generation = u64::from(generation);
        part.hub_created_at = hub_created_at;
        part
    };
    let first = line("a", 1, -1, 9);
    let created_at = first.hub_created_at;
    let lines = [first, part(1, 4, 9, made(7)), part(2, 9, 19, created_at)];
    let found = [
        What::Recreated {
            created_at: made(7),
            last: 9,
        },
        What::Hole {
            after: -1,
            to: 4,
            begins: None,
        },
        What::Recreated { created_at, last: 9 },
    ];
    check(vec![lines.map(Line::Settled).to_vec()], 25, 0, &found);
}

#[test]
fn numbers_of_another_hub_are_other_events() {
    let mut other = line("a", 3, -1, 4);
    other.hub_created_at = Some(Timestamp::from_millis(7));
    other.reading.generation = 1;
    let lines = [line("a", 1, -1, 9), other];
    let recreated = What::Recreated {
        created_at: Some(Timestamp::from_millis(7)),
        last: 9,
    };
    check(vec![lines.map(Line::Settled).to_vec()], 15, 0, &[recreated]);
}

/// Scenario: a partition moves to another instance, whose clock is the same, while the first one still writes a line that
/// it cannot store.
#[test]
fn instances_take_turns() {
    let first = vec![
        Line::Settled(line("a", 1, -1, 9)),
        Line::Settled(line("a", 5, 9, 19)),
    ];
    let second = vec![
        Line::Settled(line("b", 4, 9, 14)),
        Line::Settled(line("b", 6, 14, 29)),
    ];
    let killed = What::Killed {
        in_flight: 3,
        after: 19,
    };
    for sources in [vec![first.clone(), second.clone()], vec![second, first]] {
        check(sources, 30, 10, std::slice::from_ref(&killed));
    }
}

#[test]
fn a_line_that_contradicts_itself_is_found() {
    let mut gaps = line("a", 1, -1, 9);
    gaps.totals.gaps = Gaps {
        missing: 1,
        lost: 2,
        repeated: 5,
    };
    let numbers = What::Numbers {
        from: -1,
        to: 9,
        explained: 13,
    };
    check(vec![vec![Line::Settled(gaps)]], 10, 0, &[numbers]);

    let mut records = line("a", 1, -1, 9);
    let target = records.totals.targets.get_mut("soc").expect("it is there");
    target.records = 12;
    let found = What::Records {
        target: "soc".to_owned(),
        from: -1,
        to: 9,
        received: 12,
        settled: 10,
    };
    check(vec![vec![Line::Settled(records)]], 10, 0, &[found]);
}
