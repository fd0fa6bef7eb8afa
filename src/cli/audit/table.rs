//! The audit for people.

use std::fmt::Write as _;

use super::words;
use crate::acknowledge::TargetAccount;
use crate::audit::Totals;
use crate::audit::history::Day;
use crate::audit::report::{Partition, Report};
use crate::cli::exit::Failure;
use crate::cli::output;
use crate::event::RejectReason;

/// The first row names the columns.
type Table = Vec<Vec<String>>;

/// Columns of text; the others are numbers and stand at the right.
const TEXT_COLUMNS: [&str; 4] = ["day", "partition", "target", "reasons"];

/// Prints two tables for each consumer group, what stands out, and the verdict.
pub(super) fn print(report: &Report) -> Result<(), Failure> {
    output::text(&text(report))
}

fn text(report: &Report) -> String {
    let mut groups: Vec<_> = report
        .partitions
        .iter()
        .map(|partition| &partition.group)
        .collect();
    groups.dedup();
    let mut text = String::new();
    for group in groups {
        let of_group = |partition: &&Partition| partition.group == *group;
        let partitions: Vec<_> = report.partitions.iter().filter(of_group).collect();
        text += &format!(
            "consumer group {} of {}/{}\n\n",
            group.name, group.host, group.hub
        );
        text += &render(&events(&partitions));
        text += &render(&records(&partitions));
    }
    for note in words::notes(report) {
        text += &format!("note: {note}\n");
    }
    let problems = words::problems(report);
    for problem in &problems {
        text += &format!("problem: {problem}\n");
    }
    text + &verdict(report, problems.len()) + "\n"
}

/// What became of the events.
fn events(partitions: &[&Partition]) -> Table {
    let names =
        "day,partition,up to,received,settled,missing,lost,in flight,read again,records,undecodable,unrouted";
    let mut table = vec![names.split(',').map(str::to_owned).collect()];
    for partition in partitions {
        for (day, sums) in &partition.days {
            let in_flight = partition.in_flight_on(*day);
            let Day { totals, again, .. } = sums;
            let mut row = vec![day.to_string(), partition.partition.to_string()];
            row.push(sums.to.to_string());
            let numbers = [
                totals.events + in_flight,
                totals.events,
                totals.gaps.missing,
                totals.gaps.lost,
                in_flight,
                again.events + totals.gaps.repeated,
                totals.records,
                totals.undecoded(),
                unrouted(totals),
            ];
            row.extend(numbers.map(|number| number.to_string()));
            table.push(row);
        }
    }
    table
}

/// Records that no target wanted and nobody knows, in the dead letters or only counted.
pub(super) fn unrouted(totals: &Totals) -> u64 {
    let letters = totals.letters.get(&RejectReason::UnroutedUnknown);
    totals.unrouted + letters.copied().unwrap_or_default()
}

/// What became of the records at each target.
fn records(partitions: &[&Partition]) -> Table {
    let names = "day,partition,target,records,delivered,dead-lettered,filtered,suppressed,repeated,sent again,reasons";
    let mut table = vec![names.split(',').map(str::to_owned).collect()];
    for partition in partitions {
        for (day, Day { totals, again, .. }) in &partition.days {
            for (name, target) in &totals.targets {
                let mut row = vec![day.to_string(), partition.partition.to_string(), name.clone()];
                let sent_again = again.targets.get(name).map_or(0, |target| target.ends.delivered);
                row.push(target.records.to_string());
                let target = &target.ends;
                let numbers = [
                    target.delivered,
                    target.dead_lettered(),
                    target.filtered,
                    target.suppressed,
                    target.repeated,
                    sent_again,
                ];
                row.extend(numbers.map(|number| number.to_string()));
                row.push(reasons(target));
                table.push(row);
            }
        }
    }
    table
}

fn reasons(target: &TargetAccount) -> String {
    let reasons: Vec<_> = target
        .letters
        .iter()
        .map(|(reason, count)| format!("{reason} {count}"))
        .collect();
    reasons.join(", ")
}

fn verdict(report: &Report, problems: usize) -> String {
    let (mut settled, mut in_flight) = (0, 0);
    for partition in &report.partitions {
        settled += partition.days.values().map(|day| day.totals.events).sum::<u64>();
        in_flight += partition.in_flight;
    }
    match problems {
        0 => format!(
            "balanced: {} events received = {settled} settled + {in_flight} in flight, and every record of them has its end",
            settled + in_flight
        ),
        1 => "not balanced: 1 problem".to_owned(),
        count => format!("not balanced: {count} problems"),
    }
}

/// Columns as wide as their widest cell, and an empty line after the last row.
fn render(table: &Table) -> String {
    let columns = table[0].len();
    let width = |column: usize| table.iter().map(|row| row[column].chars().count()).max();
    let widths: Vec<_> = (0..columns)
        .map(|column| width(column).unwrap_or_default())
        .collect();
    let mut text = String::new();
    for row in table {
        let mut line = String::new();
        for ((cell, width), name) in row.iter().zip(&widths).zip(&table[0]) {
            match TEXT_COLUMNS.contains(&name.as_str()) {
                true => write!(line, "{cell:<width$}  "),
                false => write!(line, "{cell:>width$}  "),
            }
            .expect("writing to a String cannot fail");
        }
        text.push_str(line.trim_end());
        text.push('\n');
    }
    text.push('\n');
    text
}

#[cfg(test)]
pub(super) mod tests;
