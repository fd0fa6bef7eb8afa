//! Everything that was recorded below some state directories, added up and judged.

use std::collections::BTreeMap;
use std::path::PathBuf;

use jiff::civil::Date;

use super::file::{self, Damaged};
use super::history::{Day, Finding, history};
use super::line::Line;
use super::places::{self, Group};
use crate::durable::FileError;
use crate::event::{PartitionId, Timestamp};

/// What to report on.
#[derive(Debug, Clone, Default)]
pub struct Choice {
    /// Only this day and later ones.
    pub since: Option<Date>,
    /// Only this day and earlier ones.
    pub until: Option<Date>,
    /// Only this consumer group, whatever its case.
    pub consumer_group: Option<String>,
}

/// What was found.
#[derive(Debug, Default)]
pub struct Report {
    /// The partitions, by group and number.
    pub partitions: Vec<Partition>,
    /// Lines that are not what was written, of every day and group: what they said is not known.
    pub damaged: Vec<Damaged>,
    /// The first and the last day that something of the wanted groups was recorded on, chosen or not.
    pub recorded: Option<(Date, Date)>,
}

/// What was recorded of one partition.
#[derive(Debug)]
pub struct Partition {
    /// The consumer group.
    pub group: Group,
    /// The partition.
    pub partition: PartitionId,
    /// The sums of each day.
    pub days: BTreeMap<Date, Day>,
    /// What stands out.
    pub findings: Vec<Finding>,
    /// Events received and not settled when the newest line was written, if that was on a day of the choice.
    pub in_flight: u64,
    /// When that was.
    pub time: Option<Timestamp>,
}

impl Choice {
    fn has(&self, day: Date) -> bool {
        self.since.is_none_or(|since| day >= since) && self.until.is_none_or(|until| day <= until)
    }

    /// Whether a day of the choice is one of those from `first` to `last`.
    fn meets(&self, (first, last): (Date, Date)) -> bool {
        self.since.is_none_or(|since| last >= since) && self.until.is_none_or(|until| first <= until)
    }

    fn wants(&self, group: &Group) -> bool {
        let wanted = self.consumer_group.as_ref();
        wanted.is_none_or(|wanted| wanted.to_lowercase() == group.name)
    }
}

impl Partition {
    /// Events in flight, at the newest of the days.
    pub fn in_flight_on(&self, day: Date) -> u64 {
        match self.days.keys().next_back() {
            Some(newest) if *newest == day => self.in_flight,
            _ => 0,
        }
    }
}

impl Report {
    /// Whether every number and record has its end, and nothing was lost before it was read.
    pub fn is_balanced(&self) -> bool {
        let is_fine = |partition: &Partition| {
            let has_problem = partition.findings.iter().any(|finding| finding.what.is_problem());
            let gaps = |day: &Day| day.totals.gaps.lost + day.totals.gaps.missing;
            !has_problem && partition.days.values().all(|day| gaps(day) == 0)
        };
        self.damaged.is_empty() && self.partitions.iter().all(is_fine)
    }
}

/// Reads everything below the state directories `states`. All days are read, so that the days of `choice` are judged with
/// what was before and after them; a partition of which nothing was recorded until then, or from then on, is left out. Works
/// beside running bridges.
///
/// Errors: a directory or a file cannot be read.
pub fn read(states: &[PathBuf], choice: &Choice) -> Result<Report, FileError> {
    let mut report = Report::default();
    let mut sources: BTreeMap<(Group, PartitionId), Vec<Vec<Line>>> = BTreeMap::new();
    for state in states {
        for place in places::find(state)? {
            if !choice.wants(&place.group) {
                continue;
            }
            let mut lines: BTreeMap<PartitionId, Vec<Line>> = BTreeMap::new();
            for (_, path) in places::files(&place.directory)? {
                let content = file::read(&path)?;
                report.damaged.extend(content.damaged);
                for line in content.lines {
                    lines.entry(line.partition().clone()).or_default().push(line);
                }
            }
            for (partition, lines) in lines {
                let key = (place.group.clone(), partition);
                sources.entry(key).or_default().push(lines);
            }
        }
    }
    for ((group, partition), sources) in sources {
        let recorded = recorded(&sources);
        report.recorded = union(report.recorded, recorded);
        if !recorded.is_some_and(|days| choice.meets(days)) {
            continue;
        }
        let mut history = history(sources);
        let newest = history.time.map(places::day);
        let is_chosen = newest.is_some_and(|day| choice.has(day));
        history.days.retain(|day, _| choice.has(*day));
        history.findings.retain(|finding| choice.has(finding.day));
        report.partitions.push(Partition {
            group,
            partition,
            days: history.days,
            findings: history.findings,
            in_flight: if is_chosen { history.in_flight } else { 0 },
            time: history.time,
        });
    }
    Ok(report)
}

/// The first and the last day of the lines.
fn recorded(sources: &[Vec<Line>]) -> Option<(Date, Date)> {
    let days = sources.iter().flatten().map(|line| {
        let (begun, time) = line.span();
        Some((places::day(begun), places::day(time)))
    });
    days.fold(None, union)
}

fn union(one: Option<(Date, Date)>, other: Option<(Date, Date)>) -> Option<(Date, Date)> {
    match (one, other) {
        (Some(one), Some(other)) => Some((one.0.min(other.0), one.1.max(other.1))),
        (one, other) => one.or(other),
    }
}

#[cfg(test)]
pub(crate) mod tests;
