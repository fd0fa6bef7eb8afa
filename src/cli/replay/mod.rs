//! `replay`: a range of the hub once more, for one target, beside the running bridge.

pub(super) mod grammar; // how partitions, ends and rates are written
mod progress; // what is seen while it runs
mod summary; // what is told at the end

use std::path::PathBuf;
use std::sync::Arc;

use anyhow::{Context, anyhow};

use super::display::Display;
use super::exit::Failure;
use super::run::stop_on_signal;
use super::{ConfigArguments, load, output};
use crate::config::{Configuration, TargetSettings};
use crate::event::Timestamp;
use crate::pipeline::replay::{Chosen, First, Last, PerPartition, Replay, Report, Scope, Settings};
use crate::telemetry::log;

/// What to read once more, for which target, and how fast.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
An end of the range is `earliest` (only --from), `latest` (only --to: the newest event at the
start), a time such as 2026-03-01T08:00:00Z, an age such as 2h, or a sequence number such as 4711.
Both ends belong to the range. Sequence numbers count in each partition on their own: several
partitions take one each, as in 0=4711,1=17. Events that arrive after the start are never read.

The hub is read without displacing anyone, through a consumer group that the configuration does
not use. No checkpoint, no memory of last deliveries and no dead letters are read or written.
Records carry the same event_id as when they were delivered first. Ctrl-C finishes what is on its
way and says how to go on.

Exit code 0 if everything was settled; 1 if records were rejected and no --rejected keeps them, or
if the replay was stopped; 64 for a wrong command line or configuration; 69 if the hub refuses;
74 if a file is locked or cannot be written.

Examples:
  hub2siem replay --partition all --from 6h --target soc-splunk --consumer-group replay
  hub2siem replay --partition 2 --from 4711 --to 4800 --target soc-splunk --consumer-group replay
  hub2siem replay --partition all --from 2026-03-01T08:00:00Z --to 2026-03-01T09:30:00Z \\
                  --target soc-splunk --consumer-group replay --rate 500/s --rejected rejected.jsonl")]
pub struct ReplayArguments {
    /// Where the configuration is.
    #[command(flatten)]
    pub config: ConfigArguments,
    /// The partitions: `all`, one, or several such as `0,3`.
    #[arg(long, value_name = "all|P[,P]", value_parser = grammar::partitions)]
    pub partition: Chosen,
    /// The first event: `earliest`, a time, an age or a sequence number; or one for each partition.
    #[arg(long, value_name = "POSITION", value_parser = first)]
    pub from: PerPartition<First>,
    /// The last event: `latest`, a time, an age or a sequence number; or one for each partition.
    #[arg(long, value_name = "POSITION", default_value = "latest", value_parser = last)]
    pub to: PerPartition<Last>,
    /// The target of the configuration that gets the records.
    #[arg(long, value_name = "NAME")]
    pub target: Arc<str>,
    /// The consumer group to read the hub through; one that no target of the configuration uses.
    #[arg(long, value_name = "NAME")]
    pub consumer_group: String,
    /// Send every record, also those that the target's route or its `snapshots: drop` leaves out.
    #[arg(long)]
    pub all_records: bool,
    /// Send at most so many records in a time, such as `500/s`, `30000/m` or `1000000/h`.
    #[arg(long, value_name = "COUNT/UNIT", value_parser = grammar::rate)]
    pub rate: Option<governor::Quota>,
    /// Append rejected records to this file, one JSON line each, as in the dead letters.
    #[arg(long, value_name = "FILE")]
    pub rejected: Option<PathBuf>,
    /// Print the summary as one line of JSON.
    #[arg(long)]
    pub json: bool,
}

/// Replays the range, shows the progress on standard error, and prints a summary.
pub fn run(arguments: ReplayArguments) -> Result<(), Failure> {
    let configuration = load::configuration(&arguments.config.config)?;
    let consumer_group = load::spare_group(&arguments.consumer_group, &configuration)?;
    let ReplayArguments {
        partition,
        from,
        to,
        target,
        all_records,
        rate,
        rejected,
        json,
        ..
    } = arguments;
    let printer = Printer::new(&configuration, &target, json);
    let settings = Settings {
        target,
        consumer_group,
        scope: Scope {
            partitions: partition,
            first: from,
            last: to,
        },
        all_records,
        rate,
        rejected,
    };
    let display = Display::new("events read");
    log::install_to(configuration.log, display.log_writer());
    let keeps_rejected = settings.rejected.is_some();
    let (report, result) = load::block_on(replay(configuration, settings, display))??;
    printer.print(&report)?;
    result?;
    verdict(&report, keeps_rejected)
}

/// Opens the replay and runs it with its progress on display.
async fn replay(
    configuration: Configuration,
    settings: Settings,
    display: Display,
) -> Result<(Report, Result<(), Failure>), Failure> {
    let stop = stop_on_signal()
        .context("failed to listen for signals")
        .map_err(Failure::Internal)?;
    let replay = tokio::select! {
        opened = Replay::open(configuration, settings) => opened?,
        () = stop.cancelled() => return Err(Failure::Check(anyhow!("stopped before anything was read"))),
    };
    let progress = Arc::clone(replay.progress());
    display
        .during(replay.run(stop), move || progress::seen(&progress.totals()))
        .await
}

/// Whether the replay did what was asked for.
fn verdict(report: &Report, keeps_rejected: bool) -> Result<(), Failure> {
    if !report.complete {
        return Err(Failure::Check(anyhow!("the replay was stopped before its end")));
    }
    if report.total.rejected > 0 && !keeps_rejected {
        return Err(Failure::Check(anyhow!(
            "{} records were rejected; with `--rejected FILE` they are kept",
            report.total.rejected
        )));
    }
    Ok(())
}

/// How the summary is printed.
struct Printer {
    json: bool,
    /// Standard output belongs to the records of a target that writes there.
    is_output_taken: bool,
}

impl Printer {
    fn new(configuration: &Configuration, target: &Arc<str>, json: bool) -> Self {
        let mut targets = configuration.targets.iter();
        let target = targets.find(|known| known.name == *target);
        let is_output_taken = target.is_some_and(|target| {
            matches!(&target.settings, TargetSettings::File(settings) if settings.is_standard_output())
        });
        Self {
            json,
            is_output_taken,
        }
    }

    fn print(&self, report: &Report) -> Result<(), Failure> {
        output::summary(report, summary::text(report), self.json, self.is_output_taken)
    }
}

fn first(text: &str) -> Result<PerPartition<First>, String> {
    grammar::ends(text, |text| grammar::first(text, Timestamp::now()))
}

fn last(text: &str) -> Result<PerPartition<Last>, String> {
    grammar::ends(text, |text| grammar::last(text, Timestamp::now()))
}
