//! The lines of one partition, put into the order of its numbers: what was read twice is counted once, and what is missing
//! is seen.

mod order; // of the readings

use std::collections::{BTreeMap, BTreeSet};

use jiff::civil::Date;

use self::order::{Chain, order};
use super::line::{Line, Settled};
use super::{Totals, places};
use crate::event::Timestamp;

/// What the lines of one partition come to.
#[derive(Debug, Default)]
pub struct History {
    /// The sums of each day, every event counted where it was read last.
    pub days: BTreeMap<Date, Day>,
    /// What stands out, in the order of the numbers.
    pub findings: Vec<Finding>,
    /// Events received and not settled, as of the newest line.
    pub in_flight: u64,
    /// When that was written.
    pub time: Option<Timestamp>,
}

/// One day of one partition.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Day {
    /// Numbers that the position moved over.
    pub passed: i128,
    /// The position at the end of the day.
    pub to: i64,
    /// The sums.
    pub totals: Totals,
    /// What was recorded before and read again on this day, after a kill or because a position was set back. It reached
    /// the targets a second time and is in no other sum.
    pub again: Totals,
}

/// Something that stands out in a partition.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// The day of the line that shows it.
    pub day: Date,
    /// What it is.
    pub what: What,
}

/// What stands out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum What {
    /// Numbers after `after`, up to and including `to`, are in no line, though reading went on behind them.
    Hole {
        /// The last number recorded before.
        after: i64,
        /// The position that reading went on from.
        to: i64,
        /// Why reading began there, if the line says so.
        begins: Option<String>,
    },
    /// Events after `after`, up to and including `to`, were read twice, and both are in the sums: a position was set back to
    /// the middle of what one line says.
    Twice {
        /// The position that was set.
        after: i64,
        /// The last number of that line.
        to: i64,
    },
    /// A line contradicts itself: so many numbers were passed, and so many are explained.
    Numbers {
        /// The line's first position.
        from: i64,
        /// The line's last position.
        to: i64,
        /// Events, and numbers that are none.
        explained: i128,
    },
    /// A line contradicts itself: a target has the final word on a different number of records than there were.
    Records {
        /// The target.
        target: String,
        /// The line's first position.
        from: i64,
        /// The line's last position.
        to: i64,
        /// Records its route was asked about.
        received: u64,
        /// Records with a final word.
        settled: u64,
    },
    /// The hub was made anew.
    Recreated {
        /// When.
        created_at: Option<Timestamp>,
        /// The last number recorded of the hub before.
        last: i64,
    },
    /// Reading ended without a stop, and began anew.
    Killed {
        /// Events received and not settled when the last line was written. These, and what came after that line, were read
        /// again.
        in_flight: u64,
        /// The last number recorded.
        after: i64,
    },
    /// Another reader took the partition, and read again what had been received and has no stored position.
    Taken {
        /// How many events.
        in_flight: u64,
        /// The last number recorded.
        after: i64,
    },
    /// The process stopped with events in flight, which were read again.
    GivenUp {
        /// How many.
        in_flight: u64,
        /// The last number recorded.
        after: i64,
    },
}

impl What {
    /// Whether the books are wrong, or do not prove what they should.
    pub fn is_problem(&self) -> bool {
        match self {
            What::Hole { .. } | What::Numbers { .. } | What::Records { .. } => true,
            What::Twice { .. }
            | What::Recreated { .. }
            | What::Killed { .. }
            | What::Taken { .. }
            | What::GivenUp { .. } => false,
        }
    }
}

/// Reads the lines of one partition. `sources` has the lines of each process that may have read it, in the order written.
pub fn history(sources: Vec<Vec<Line>>) -> History {
    let chains = order(sources);
    let mut fold = Fold::default();
    for (index, chain) in chains.iter().enumerate() {
        let next = chains.get(index + 1).and_then(Chain::run);
        fold.chain(chain, next);
    }
    fold.finish()
}

/// Lines in the order of their numbers, none over another.
#[derive(Default)]
struct Fold<'c> {
    accepted: Vec<&'c Settled>,
    /// The hubs that were read, by when they were made.
    hubs: BTreeSet<Option<Timestamp>>,
    history: History,
}

impl<'c> Fold<'c> {
    /// `next` is the process that read after this one.
    fn chain(&mut self, chain: &'c Chain, next: Option<&str>) {
        for line in &chain.lines {
            self.line(line);
        }
        let standing = chain.standing.as_ref();
        let last = chain.lines.last();
        let is_taken = standing.is_some_and(|standing| standing.is_taken);
        if is_taken && last.is_none() {
            // Nothing places it among the others, and whoever reads now speaks for itself.
            return;
        }
        let newest = match (standing, last) {
            (Some(standing), Some(last)) if standing.time >= last.time => {
                Some((standing.time, standing.in_flight))
            }
            (Some(standing), None) => Some((standing.time, standing.in_flight)),
            (_, Some(last)) => Some((last.time, last.in_flight)),
            (None, None) => None,
        };
        let Some((time, in_flight)) = newest else { return };
        (self.history.time, self.history.in_flight) = (Some(time), in_flight);
        let Some(last) = last else { return };
        let is_stopped = standing.is_some_and(|standing| standing.is_stop);
        let after = last.to.0;
        // A process that begins a partition anew says why; that is not the end of the process.
        let is_followed = next.is_some() && next != chain.run();
        match (is_followed, is_stopped) {
            _ if is_taken && in_flight > 0 => self.find(places::day(time), What::Taken { in_flight, after }),
            _ if is_taken => {}
            (_, true) if in_flight > 0 => self.find(places::day(time), What::GivenUp { in_flight, after }),
            (true, false) => self.find(places::day(time), What::Killed { in_flight, after }),
            _ => {}
        }
    }

    fn line(&mut self, line: &'c Settled) {
        let day = places::day(line.time);
        self.check(line, day);
        if let Some(last) = self.accepted.last()
            && last.hub_created_at != line.hub_created_at
        {
            let what = What::Recreated {
                created_at: line.hub_created_at,
                last: last.to.0,
            };
            self.keep();
            self.find(day, what);
        }
        while let Some(replaced) = self.accepted.pop_if(|last| last.from >= line.from) {
            // Within a reading this only says that the position could not be stored; nothing was read again.
            if replaced.reading != line.reading {
                self.day(day).again.add(&replaced.totals);
            }
        }
        self.accepted.push(line);
    }

    /// Whether a line agrees with itself.
    fn check(&mut self, line: &Settled, day: Date) {
        let (from, to) = (line.from.0, line.to.0);
        let explained = line.totals.numbers();
        if explained != i128::from(to) - i128::from(from) {
            self.find(day, What::Numbers { from, to, explained });
        }
        for (target, received, settled) in line.totals.unbalanced() {
            let target = target.to_owned();
            self.find(
                day,
                What::Records {
                    target,
                    from,
                    to,
                    received,
                    settled,
                },
            );
        }
    }

    /// Adds up what is accepted: nothing that comes can take its place.
    fn keep(&mut self) {
        let mut before: Option<&Settled> = None;
        for line in std::mem::take(&mut self.accepted) {
            match before {
                Some(before) => self.neighbours(before, line),
                None => self.first(line),
            }
            before = Some(line);
            let day = self.day(places::day(line.time));
            day.passed += i128::from(line.to.0) - i128::from(line.from.0);
            day.to = line.to.0;
            day.totals.add(&line.totals);
        }
    }

    /// The first line of a hub: its numbers begin at 0, unless this is one that was read before, or lines of an earlier one
    /// are too old to be kept.
    fn first(&mut self, line: &Settled) {
        let is_new = self.hubs.insert(line.hub_created_at) && self.hubs.len() > 1;
        if is_new && line.from.0 > -1 {
            self.hole(-1, line);
        }
    }

    /// Two lines, one of which goes on behind the other.
    fn neighbours(&mut self, before: &Settled, line: &Settled) {
        let (to, from) = (before.to.0, line.from.0);
        if to < from {
            self.hole(to, line);
        } else if to > from && before.reading != line.reading {
            self.find(places::day(line.time), What::Twice { after: from, to });
        }
    }

    fn hole(&mut self, after: i64, line: &Settled) {
        let (to, begins) = (line.from.0, line.begins.clone());
        self.find(places::day(line.time), What::Hole { after, to, begins });
    }

    fn day(&mut self, day: Date) -> &mut Day {
        self.history.days.entry(day).or_default()
    }

    fn find(&mut self, day: Date, what: What) {
        self.history.findings.push(Finding { day, what });
    }

    fn finish(mut self) -> History {
        self.keep();
        self.history
    }
}

#[cfg(test)]
pub(super) mod tests;
