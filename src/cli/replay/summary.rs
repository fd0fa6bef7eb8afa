//! What became of a replay, for people.

use std::fmt::Write as _;

use crate::pipeline::replay::report::{Figures, Partition, Report};

const COLUMNS: [&str; 7] = [
    "events",
    "records",
    "delivered",
    "filtered",
    "rejected",
    "unsettled",
    "gone",
];

/// The figures of each partition and of all, what was rejected, and how to go on.
pub(super) fn text(report: &Report) -> String {
    let mut text = format!(
        "replay to target `{}`: {:.1} s\n\n",
        report.target, report.seconds
    );
    let mut row = |name: &str, cells: [String; 7]| {
        line(
            &mut text,
            format_args!("{name:<10}{}", cells.map(|cell| format!("{cell:>11}")).concat()),
        );
    };
    row("partition", COLUMNS.map(str::to_owned));
    for partition in &report.partitions {
        row(partition.partition.as_str(), cells(&partition.figures));
    }
    row("all", cells(&report.total));
    notes(&mut text, report);
    text
}

fn cells(figures: &Figures) -> [String; 7] {
    [
        figures.events,
        figures.records,
        figures.delivered,
        figures.filtered,
        figures.rejected,
        figures.unsettled,
        figures.gone,
    ]
    .map(|figure| figure.to_string())
}

fn notes(text: &mut String, report: &Report) {
    for partition in &report.partitions {
        late(text, partition);
    }
    if !report.refusals.is_empty() {
        line(text, format_args!("\nrejected:"));
    }
    for refusal in &report.refusals {
        line(
            text,
            format_args!(
                "  partition {}, event {}, record {} ({}): {}: {}",
                refusal.partition,
                refusal.sequence_number,
                refusal.record_index,
                refusal.kind,
                refusal.reason,
                refusal.detail
            ),
        );
    }
    let further = report.total.rejected - report.refusals.len() as u64;
    if further > 0 {
        line(text, format_args!("  and {further} more"));
    }
    if let Some(options) = options_to_go_on(report) {
        line(
            text,
            format_args!("\nto go on, with the other options as they were:\n  {options}"),
        );
    }
}

fn late(text: &mut String, partition: &Partition) {
    let name = &partition.partition;
    if partition.figures.gone > 0 {
        let gone = partition.figures.gone;
        line(
            text,
            format_args!("\npartition {name}: {gone} events of the range are gone; the hub had removed them"),
        );
    } else if partition.may_begin_late {
        line(
            text,
            format_args!(
                "\npartition {name}: the range begins before the hub's oldest event; what was there is gone"
            ),
        );
    }
}

/// `--partition 0,2 --from 0=4712,2=90 --to 0=9000,2=100`; `None` if everything is done.
fn options_to_go_on(report: &Report) -> Option<String> {
    let rests = report
        .partitions
        .iter()
        .filter_map(|partition| Some((partition.partition.as_str(), partition.rest.as_ref()?)));
    let rests: Vec<_> = rests.collect();
    if rests.is_empty() {
        return None;
    }
    let join = |parts: Vec<String>| parts.join(",");
    let names = join(rests.iter().map(|(name, _)| (*name).to_owned()).collect());
    let from = join(
        rests
            .iter()
            .map(|(name, rest)| format!("{name}={}", rest.from))
            .collect(),
    );
    let to = join(
        rests
            .iter()
            .map(|(name, rest)| format!("{name}={}", rest.to))
            .collect(),
    );
    Some(format!("--partition {names} --from {from} --to {to}"))
}

fn line(text: &mut String, content: std::fmt::Arguments<'_>) {
    writeln!(text, "{content}").expect("writing to a String cannot fail");
}
