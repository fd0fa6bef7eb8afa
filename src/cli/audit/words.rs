//! What stands out, as sentences.

use std::path::PathBuf;

use jiff::civil::Date;

use crate::audit::file::Damaged;
use crate::audit::history::What;
use crate::audit::report::{Choice, Partition, Report};

/// Everything that is wrong, one sentence each.
pub(super) fn problems(report: &Report) -> Vec<String> {
    let mut problems: Vec<_> = report.damaged.iter().map(damaged).collect();
    for partition in &report.partitions {
        let place = place(partition);
        let findings = partition.findings.iter();
        let wrong = findings.filter(|finding| finding.what.is_problem());
        problems.extend(wrong.map(|finding| format!("{} {place}: {}", finding.day, what(&finding.what))));
        for (day, sums) in &partition.days {
            let (lost, missing) = (sums.totals.gaps.lost, sums.totals.gaps.missing);
            if lost > 0 {
                problems.push(format!(
                    "{day} {place}: {lost} events were lost: the hub removed them before they were read"
                ));
            }
            if missing > 0 {
                problems.push(format!(
                    "{day} {place}: the hub skipped {missing} sequence numbers"
                ));
            }
        }
    }
    problems
}

/// What is worth knowing and no mistake of the books, one sentence each.
pub(super) fn notes(report: &Report) -> Vec<String> {
    let mut notes = Vec::new();
    for partition in &report.partitions {
        let findings = partition.findings.iter();
        let harmless = findings.filter(|finding| !finding.what.is_problem());
        notes.extend(
            harmless.map(|finding| format!("{} {}: {}", finding.day, place(partition), what(&finding.what))),
        );
    }
    notes
}

/// Consumer group and partition.
fn place(partition: &Partition) -> String {
    let group = &partition.group;
    format!(
        "{}/{}/{} partition {}",
        group.host, group.hub, group.name, partition.partition
    )
}

/// That there is nothing to judge, and what there is.
pub(super) fn nothing(states: &[PathBuf], choice: &Choice, recorded: Option<(Date, Date)>) -> String {
    let mut text = format!("nothing was recorded in {}", list(states));
    if let Some(group) = &choice.consumer_group {
        text += &format!(" for consumer group `{group}`");
    }
    let Some((first, last)) = recorded else {
        return text;
    };
    text += &match (choice.since, choice.until) {
        (Some(since), Some(until)) => format!(" from {since} to {until}"),
        (Some(since), None) => format!(" since {since}"),
        (None, Some(until)) => format!(" until {until}"),
        (None, None) => String::new(),
    };
    text + &format!("; what was recorded is of {first} to {last}")
}

/// Directories in a sentence.
fn list(paths: &[PathBuf]) -> String {
    let paths: Vec<_> = paths.iter().map(|path| format!("`{}`", path.display())).collect();
    paths.join(", ")
}

fn damaged(damaged: &Damaged) -> String {
    let Damaged { path, line, detail } = damaged;
    format!("{}:{line}: the line is damaged: {detail}", path.display())
}

fn what(what: &What) -> String {
    match what {
        What::Hole { after, to, begins } => {
            let (first, last) = (after + 1, to);
            format!(
                "numbers {first} to {last} are in no line: {}",
                cause(begins.as_deref())
            )
        }
        What::Twice { after, to } => format!(
            "numbers {} to {to} were read twice, because the position was set back to {after}; both readings are in the sums",
            after + 1
        ),
        What::Numbers { from, to, explained } => format!(
            "the line after {from} up to {to} passes {} numbers and explains {explained}",
            to - from
        ),
        What::Records {
            target,
            from,
            to,
            received,
            settled,
        } => format!(
            "of the events after {from} up to {to}, target {target} was offered {received} records and has the final \
             word on {settled}"
        ),
        What::Recreated { created_at, last } => match created_at {
            Some(created_at) => format!(
                "the hub was made anew at {created_at}; number {last} is the last one of the hub before, and what it had \
                 behind that is gone with it"
            ),
            None => format!("the hub is another one; number {last} is the last one of the hub before"),
        },
        What::Killed { in_flight, after } => format!(
            "the process ended without a stop; what it sent after number {after} was sent again, with the same event \
             ids ({in_flight} events were in flight there)"
        ),
        What::Taken { in_flight, after } => format!(
            "another reader took the partition over; {in_flight} events received after number {after} were read again \
             there, with the same event ids"
        ),
        What::GivenUp { in_flight, after } => format!(
            "the process stopped before {in_flight} events after number {after} were settled; they were read again"
        ),
    }
}

/// Why reading may have begun behind what is recorded.
fn cause(begins: Option<&str>) -> &'static str {
    match begins {
        Some("checkpoint") => {
            "the stored position was moved by `checkpoint set`, by another consumer of the group or an instance whose \
             directory is not named, or while the audit could not be written"
        }
        Some("kafka") => {
            "Kafka's transactions were ahead of the audit at a kill; the records are in Kafka, their sums are not known"
        }
        Some("position_refused") => {
            "the hub refused the stored position, and reading went on as `on_invalid_checkpoint` says"
        }
        Some("hub_recreated") => {
            "another hub stood under the name, and reading began in it as `on_invalid_checkpoint` says, or behind what it had \
             removed"
        }
        Some("configuration") => "the checkpoint was gone, and reading began as `event_hub.start` says",
        Some(_) => "reading began behind them",
        None => "lines were removed, or are damaged",
    }
}
