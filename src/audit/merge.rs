//! Many lines as few that say the same: neighbouring ranges of one reading are added up.
//!
//! The last line of a reading stays alone: its position may not have been stored, and then reading goes on before it. All
//! before it were stored, which is how the next line came to begin at their end.

use std::collections::BTreeMap;

use super::Line;
use super::line::{Reading, Settled, Standing};
use crate::event::PartitionId;

/// One reading of one partition.
type Key = (PartitionId, Reading);

/// The lines of one file as few lines, by partition and reading, in the order written.
pub fn merge(lines: Vec<Line>) -> Vec<Line> {
    let mut readings: BTreeMap<usize, Lines> = BTreeMap::new();
    let mut places: BTreeMap<Key, usize> = BTreeMap::new();
    for line in lines {
        let next = places.len();
        let place = *places.entry(key(&line)).or_insert(next);
        let reading = readings.entry(place).or_default();
        match line {
            Line::Settled(line) => reading.settled(line),
            Line::Standing(line) => reading.standing = Some(line),
        }
    }
    readings.into_values().flat_map(Lines::into_lines).collect()
}

fn key(line: &Line) -> Key {
    match line {
        Line::Settled(line) => (line.partition.clone(), line.reading.clone()),
        Line::Standing(line) => (line.partition.clone(), line.reading.clone()),
    }
}

/// The lines of one reading.
#[derive(Default)]
struct Lines {
    /// In order; each begins where the one before it ends, or after it where lines are missing.
    stored: Vec<Settled>,
    last: Option<Settled>,
    standing: Option<Standing>,
}

impl Lines {
    fn settled(&mut self, line: Settled) {
        // A line that begins where the last one does takes its place: the last one's position was not stored.
        if let Some(last) = self.last.take()
            && last.from < line.from
        {
            self.store(last);
        }
        self.last = Some(line);
    }

    fn store(&mut self, line: Settled) {
        match self.stored.last_mut() {
            Some(before) if before.to == line.from => {
                before.totals.add(&line.totals);
                before.to = line.to;
                before.since.get_or_insert(before.time);
                before.time = line.time;
                before.in_flight = line.in_flight;
            }
            _ => self.stored.push(line),
        }
    }

    fn into_lines(self) -> Vec<Line> {
        let settled = self.stored.into_iter().chain(self.last).map(Line::Settled);
        settled.chain(self.standing.map(Line::Standing)).collect()
    }
}
