//! `audit`: what became of every event and record, from the recorded totals.

mod words; // what stands out, as sentences
mod table; // for people
mod json; // for programs

use std::path::PathBuf;

use anyhow::{Context, anyhow};
use jiff::civil::Date;

use super::exit::Failure;
use super::load::DEFAULT_CONFIG;
use crate::audit::report::{self, Choice, Report};

/// What to report on, and how.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Reads the totals in the state directory, beside a running bridge or without one; they are as old as the newest
checkpoint. Exit code 0 if everything adds up, 1 if it does not or events were lost, 74 if a file cannot be read or is
damaged, or if nothing was recorded in the days asked for. docs/audit.md says what the numbers mean.")]
pub struct AuditArguments {
    /// Only this day and later ones, in UTC.
    #[arg(long, value_name = "DATE")]
    pub since: Option<Date>,
    /// Only this day and earlier ones, in UTC.
    #[arg(long, value_name = "DATE")]
    pub until: Option<Date>,
    /// Only this consumer group.
    #[arg(long, value_name = "NAME")]
    pub consumer_group: Option<String>,
    /// One JSON object a line; the last one is the verdict.
    #[arg(long)]
    pub json: bool,
    /// State directories, one for each instance; by default that of the configuration.
    #[arg(long, value_name = "DIR", num_args = 1..)]
    pub directory: Vec<PathBuf>,
    /// The configuration file.
    #[arg(long, value_name = "PATH", default_value = DEFAULT_CONFIG, env = "HUB2SIEM_CONFIG")]
    pub config: PathBuf,
}

/// Prints the totals and the verdict; fails with 1 if something does not add up, with 74 if something cannot be read or
/// there is nothing to judge.
pub fn run(arguments: &AuditArguments) -> Result<(), Failure> {
    if let (Some(since), Some(until)) = (arguments.since, arguments.until)
        && until < since
    {
        let backwards = anyhow!("no day is both on or after {since} and on or before {until}");
        return Err(Failure::Usage(backwards));
    }
    let states = match arguments.directory.is_empty() {
        true => vec![crate::config::state_directory(&arguments.config)?],
        false => arguments.directory.clone(),
    };
    let choice = Choice {
        since: arguments.since,
        until: arguments.until,
        consumer_group: arguments.consumer_group.clone(),
    };
    let report = report::read(&states, &choice)
        .context("failed to read the audit")
        .map_err(Failure::State)?;
    if report.partitions.is_empty() && report.damaged.is_empty() {
        let nothing = words::nothing(&states, &choice, report.recorded);
        return Err(Failure::State(anyhow!(nothing)));
    }
    match arguments.json {
        true => json::print(&report)?,
        false => table::print(&report)?,
    }
    verdict(&report)
}

fn verdict(report: &Report) -> Result<(), Failure> {
    match report.damaged.len() {
        0 if report.is_balanced() => Ok(()),
        0 => Err(Failure::Check(anyhow!("the audit is not balanced"))),
        1 => Err(Failure::State(anyhow!("1 line of the audit is damaged"))),
        count => Err(Failure::State(anyhow!("{count} lines of the audit are damaged"))),
    }
}

#[cfg(test)]
mod tests {
    use jiff::civil::date;

    use super::*;

    /// Scenario: days of which something was recorded are asked for, others, none, and an unknown consumer group.
    /// Guarantees: what is not there is said with its exit code, and never called balanced.
    #[test]
    fn does_not_judge_what_was_not_recorded() {
        let directory = tempfile::tempdir().expect("a temporary directory");
        report::tests::record(directory.path());
        let march = |day| Some(date(2026, 3, day));
        let nothing = format!("nothing was recorded in `{}`", directory.path().display());
        let but = "; what was recorded is of 2026-03-02 to 2026-03-04";
        for (since, until, group, expected) in [
            (
                None,
                march(1),
                None,
                (74, format!("{nothing} until 2026-03-01{but}")),
            ),
            (
                march(5),
                None,
                None,
                (74, format!("{nothing} since 2026-03-05{but}")),
            ),
            (
                march(5),
                march(6),
                None,
                (74, format!("{nothing} from 2026-03-05 to 2026-03-06{but}")),
            ),
            (
                None,
                None,
                Some("other"),
                (74, format!("{nothing} for consumer group `other`")),
            ),
            (
                march(4),
                march(2),
                None,
                (
                    64,
                    "no day is both on or after 2026-03-04 and on or before 2026-03-02".to_owned(),
                ),
            ),
        ] {
            let arguments = AuditArguments {
                since,
                until,
                consumer_group: group.map(str::to_owned),
                json: false,
                directory: vec![directory.path().to_owned()],
                config: PathBuf::new(),
            };
            let failure = run(&arguments).expect_err("there is nothing to judge");
            let (Failure::State(error) | Failure::Usage(error)) = &failure else {
                panic!("{failure:?}");
            };
            assert_eq!((failure.code(), error.to_string()), expected);
        }
    }
}
