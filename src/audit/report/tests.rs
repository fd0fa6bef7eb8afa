//! Days that are chosen, of what was recorded.

use std::path::Path;

use jiff::civil::date;

use super::*;
use crate::audit::history::tests::{line, stop};
use crate::audit::journal::Journal;
use crate::audit::line::Line;

/// Noon of a day in March 2026.
fn noon(day: i64) -> Timestamp {
    Timestamp::from_millis(1_772_323_200_000 + ((day - 1) * 24 + 12) * 60 * 60 * 1000)
}

/// Records ten events of partition 0 on March 2nd, nothing on the 3rd, and a stop on the 4th.
pub(crate) fn record(state: &Path) {
    let group = state.join("contoso.servicebus.windows.net/defender/$default");
    let seconds = |day| noon(day).as_millis() / 1000;
    let lines = [
        Line::Settled(line("a", seconds(2), -1, 9)),
        stop("a", seconds(4), 3),
    ];
    let mut journal = Journal::open(&group, noon(2)).expect("it can be opened");
    for line in lines {
        let (_, time) = line.span();
        journal.append(&[line], time).expect("it can be written");
    }
}

/// Scenario: days before, within and after what was recorded are asked for.
/// Guarantees: a quiet day within is judged; where nothing was recorded there is nothing to judge, and it is said when
/// something was.
#[test]
fn days_without_records_are_not_judged() {
    let directory = tempfile::tempdir().expect("a temporary directory");
    let state = directory.path();
    record(state);
    let day = |day| Some(date(2026, 3, day));
    for (since, until, expected) in [
        (None, None, Some((10, 3))),
        (day(2), day(2), Some((10, 0))),
        (day(3), day(3), Some((0, 0))),
        (day(4), None, Some((0, 3))),
        (day(3), day(9), Some((0, 3))),
        (None, day(1), None),
        (day(5), None, None),
    ] {
        let choice = Choice {
            since,
            until,
            consumer_group: None,
        };
        let report = read(&[state.to_owned()], &choice).expect("it can be read");
        assert_eq!(report.recorded, Some((date(2026, 3, 2), date(2026, 3, 4))));
        let found = report.partitions.first().map(|partition| {
            let events: u64 = partition.days.values().map(|day| day.totals.events).sum();
            (events, partition.in_flight)
        });
        assert_eq!(found, expected, "{choice:?}");
    }
}
