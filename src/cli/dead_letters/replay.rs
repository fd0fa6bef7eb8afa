//! `dead-letters replay`.

use std::cell::Cell;
use std::fmt::Write as _;
use std::sync::Arc;

use anyhow::{Context, anyhow};

use super::name::Name;
use super::select::{Filter, Place, say_damaged};
use crate::cli::display::{Display, Seen};
use crate::cli::exit::Failure;
use crate::cli::replay::grammar;
use crate::cli::run::stop_on_signal;
use crate::cli::{load, output};
use crate::config::{Configuration, TargetSettings};
use crate::deliver::dead_letter::Entry;
use crate::pipeline::resend::account::{Figures, Totals};
use crate::pipeline::resend::{Plan, Report, Resend, Settings};
use crate::telemetry::log;

/// Which to send once more, where to, and how fast.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Each letter goes to the target it names, mapped as configured now, with the event_id it had. It
is marked as done only once the target acknowledged it; what is refused again stays, and so does
what was on its way when the replay is killed. A letter that holds only the record as it was
rendered is sent so. Letters without a target (undecodable, unreadable, unrouted_unknown) need
--target.

It runs beside the bridge and takes no lock of it; one replay or purge runs at a time. Ctrl-C
finishes what is on its way.

Exit code 0 if every letter was delivered; 1 if some were refused again, could not be sent, or
the replay was stopped; 64 for a wrong command line or configuration; 74 if another replay is at
work, or a file cannot be read or written.

Examples:
  hub2siem dead-letters replay                                 everything that is open
  hub2siem dead-letters replay --of soc-splunk --reason map_error
  hub2siem dead-letters replay --reason undecodable --target everything
  hub2siem dead-letters replay 20260201T101530123-4711 --rate 100/s")]
pub struct ReplayArguments {
    /// Only these: the ids that `list` prints, an event_id or its beginning, or PARTITION/SEQUENCE_NUMBER.
    #[arg(value_name = "ID")]
    pub names: Vec<Name>,
    /// Where they are.
    #[command(flatten)]
    pub place: Place,
    /// Only those that name this target.
    #[arg(long, value_name = "NAME")]
    pub of: Option<String>,
    /// Which of them.
    #[command(flatten)]
    pub filter: Filter,
    /// Send them to this target of the configuration, whichever they name.
    #[arg(long, value_name = "NAME")]
    pub target: Option<Arc<str>>,
    /// Send at most so many in a time, such as `500/s`, `30000/m` or `1000000/h`.
    #[arg(long, value_name = "COUNT/UNIT", value_parser = grammar::rate)]
    pub rate: Option<governor::Quota>,
    /// Print the summary as one line of JSON.
    #[arg(long)]
    pub json: bool,
}

/// Replays the letters, shows the progress on standard error, and prints a summary.
pub(super) fn run(arguments: ReplayArguments) -> Result<(), Failure> {
    let configuration = load::configuration(&arguments.place.config)?;
    let directory = match &arguments.place.directory {
        Some(directory) => directory.clone(),
        None => configuration.dead_letter.file.directory.clone(),
    };
    let display = Display::new("letters");
    log::install_to(configuration.log, display.log_writer());
    let outputs = standard_outputs(&configuration);
    let settings = Settings {
        target: arguments.target.clone(),
        rate: arguments.rate,
    };
    let selected = Cell::new(0_u64);
    let selects = |entry: &Entry| {
        let is_selected = arguments.selects(entry);
        selected.set(selected.get() + u64::from(is_selected));
        is_selected
    };
    let replay = Resend::open(&directory, configuration, &settings, &selects)?;
    if selected.get() == 0 && !arguments.names.is_empty() {
        return Err(Failure::Usage(anyhow!(
            "there is no such open dead letter; `hub2siem dead-letters list --state open` shows what there is"
        )));
    }
    let damaged = replay.plan().damaged.len();
    say_damaged(&replay.plan().damaged);
    let is_output_taken = is_output_taken(replay.plan(), &outputs);
    let (report, result) = load::block_on(replay_letters(replay, display))??;
    output::summary(&report, text(&report), arguments.json, is_output_taken)?;
    result?;
    verdict(&report, damaged)
}

/// Runs the replay with its progress on display.
async fn replay_letters(replay: Resend, display: Display) -> Result<(Report, Result<(), Failure>), Failure> {
    let stop = stop_on_signal()
        .context("failed to listen for signals")
        .map_err(Failure::Internal)?;
    let account = Arc::clone(replay.account());
    display
        .during(replay.run(stop), move || seen(&account.totals()))
        .await
}

impl ReplayArguments {
    fn selects(&self, entry: &Entry) -> bool {
        let target = entry.letter.target.as_deref();
        (self.names.is_empty() || self.names.iter().any(|name| name.is_of(entry)))
            && self.of.as_deref().is_none_or(|wanted| target == Some(wanted))
            && self.filter.selects(entry)
    }
}

fn seen(totals: &Totals) -> Seen {
    let Figures {
        letters,
        delivered,
        refused,
        ..
    } = totals.figures;
    let blocked = totals.blocked.as_ref().map(|why| format!("; {why}"));
    Seen {
        done: delivered + refused,
        of: letters,
        message: format!(
            "{delivered} delivered, {refused} refused again{}",
            blocked.unwrap_or_default()
        ),
    }
}

/// Whether the replay did what was asked for.
fn verdict(report: &Report, damaged: usize) -> Result<(), Failure> {
    let left: u64 = report.left.values().sum();
    let Figures {
        refused, unsettled, ..
    } = report.total;
    if refused + unsettled + left > 0 {
        return Err(Failure::Check(anyhow!(
            "not every letter was delivered: {refused} refused again, {unsettled} without a final word, {left} not sent"
        )));
    }
    match damaged {
        0 => Ok(()),
        1 => Err(Failure::State(anyhow!("1 dead letter is damaged"))),
        count => Err(Failure::State(anyhow!("{count} dead letters are damaged"))),
    }
}

/// The targets that write to standard output.
fn standard_outputs(configuration: &Configuration) -> Vec<Arc<str>> {
    let targets = configuration.targets.iter().filter(
        |target| matches!(&target.settings, TargetSettings::File(settings) if settings.is_standard_output()),
    );
    targets.map(|target| Arc::clone(&target.name)).collect()
}

/// Standard output belongs to the records of a target that writes there.
fn is_output_taken(plan: &Plan, outputs: &[Arc<str>]) -> bool {
    outputs.iter().any(|name| plan.targets.contains_key(name))
}

fn text(report: &Report) -> String {
    let mut text = format!("dead letters replayed: {:.1} s\n\n", report.seconds);
    let mut row = |name: &str, cells: [String; 4]| {
        let cells = cells.map(|cell| format!("{cell:>11}")).concat();
        line(&mut text, format_args!("{name:<20}{cells}"));
    };
    row(
        "target",
        ["letters", "delivered", "refused", "unsettled"].map(str::to_owned),
    );
    for (target, figures) in &report.targets {
        row(target, cells(figures));
    }
    row("all", cells(&report.total));
    if !report.refusals.is_empty() {
        line(&mut text, format_args!("\nrefused again:"));
    }
    for refusal in &report.refusals {
        line(
            &mut text,
            format_args!(
                "  {} ({}): {}: {}",
                refusal.id, refusal.target, refusal.reason, refusal.detail
            ),
        );
    }
    let further = report.total.refused - report.refusals.len() as u64;
    if further > 0 {
        line(&mut text, format_args!("  and {further} more"));
    }
    if !report.left.is_empty() {
        line(&mut text, format_args!("\nnot sent:"));
    }
    for (advice, count) in &report.left {
        line(&mut text, format_args!("  {count} that {advice}"));
    }
    text
}

fn cells(figures: &Figures) -> [String; 4] {
    [
        figures.letters,
        figures.delivered,
        figures.refused,
        figures.unsettled,
    ]
    .map(|figure| figure.to_string())
}

fn line(text: &mut String, content: std::fmt::Arguments<'_>) {
    writeln!(text, "{content}").expect("writing to a String cannot fail");
}
