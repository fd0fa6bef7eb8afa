//! `dead-letters purge`.

use anyhow::anyhow;

use super::name::Name;
use super::select::{Filter, Place};
use crate::cli::exit::Failure;
use crate::cli::output;
use crate::config;
use crate::deliver::dead_letter::done::MarkWriter;
use crate::deliver::dead_letter::purge::{Choice, Error, Purge, Purged, purge};
use crate::deliver::dead_letter::{Entry, segment};
use crate::durable::line_file;
use crate::event::Timestamp;

/// What to remove.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Without a choice, files go all of whose letters are done with: acknowledged after a replay, or
discarded. With one, the open letters it names are discarded first, which is for good and needs
--yes; without --yes it only says how many they are. Files are removed as a whole: a discarded
letter in a file that stays is marked, and not shown as open any more.

It runs beside the bridge. The file that the bridge writes stays. It is closed within a minute
after a letter was marked, within the hour, and at once when the limit is reached.

Exit code 0 if it did that; 64 if --yes is missing; 74 if a replay is at work, or a file cannot
be read or removed.")]
pub struct PurgeArguments {
    /// Discard these: the ids that `list` prints, an event_id or its beginning, or PARTITION/SEQUENCE_NUMBER.
    #[arg(value_name = "ID")]
    pub names: Vec<Name>,
    /// Where they are.
    #[command(flatten)]
    pub place: Place,
    /// Only remove what is done with; the default.
    #[arg(long, conflicts_with_all = ["names", "all", "older_than", "target", "reason", "kind", "from", "to"])]
    pub done: bool,
    /// Discard every open letter, and remove damaged files too.
    #[arg(long, conflicts_with_all = ["names", "older_than", "target", "reason", "kind", "from", "to"])]
    pub all: bool,
    /// Discard open letters in files that were begun so long ago, such as `30d`.
    #[arg(long, value_name = "AGE", value_parser = age)]
    pub older_than: Option<config::Duration>,
    /// Discard open letters of this target.
    #[arg(long, value_name = "NAME")]
    pub target: Option<String>,
    /// Which open letters are discarded.
    #[command(flatten)]
    pub filter: Filter,
    /// Discard them for good.
    #[arg(long)]
    pub yes: bool,
}

/// Removes files and says which; with a choice and without `--yes` it only says what would go.
pub(super) fn run(arguments: &PurgeArguments) -> Result<(), Failure> {
    let directory = arguments.place.directory()?;
    if !directory.is_dir() {
        return Err(Failure::State(anyhow!(
            "there is no directory `{}`; name that of the dead letters with `--directory`",
            directory.display()
        )));
    }
    let mut marks = MarkWriter::open(&directory).map_err(|error| state(error.into()))?;
    let now = Timestamp::now();
    let discards = |entry: &Entry| arguments.discards(entry, now);
    let choice = Choice {
        discards: &discards,
        with_damaged: arguments.all,
        is_trial: arguments.has_choice() && !arguments.yes,
    };
    let purged = purge(&directory, &mut marks, &choice).map_err(state)?;
    if choice.is_trial {
        return Err(Failure::Usage(anyhow!(
            "{} open letters would be discarded for good, and {} files of {} bytes removed; add `--yes` to do that",
            purged.discarded,
            purged.removed.len(),
            bytes(&purged.removed)
        )));
    }
    print(&purged)
}

impl PurgeArguments {
    fn has_choice(&self) -> bool {
        self.all
            || !self.names.is_empty()
            || self.older_than.is_some()
            || self.target.is_some()
            || !self.filter.is_empty()
    }

    fn discards(&self, entry: &Entry, now: Timestamp) -> bool {
        let target = entry.letter.target.as_deref();
        self.has_choice()
            && (self.names.is_empty() || self.names.iter().any(|name| name.is_of(entry)))
            && self.older_than.is_none_or(|age| is_older(entry, now, age))
            && self.target.as_deref().is_none_or(|wanted| target == Some(wanted))
            && self.filter.selects(entry)
    }
}

/// By the begin of its file, which for a file of an earlier version is its day.
fn is_older(entry: &Entry, now: Timestamp, age: config::Duration) -> bool {
    let name = &entry.id.file;
    let begun = segment::begun(&format!("{name}{}", segment::SUFFIX));
    let begun = begun.or_else(|| Timestamp::parse(&format!("{name}T23:59:59.999Z")));
    let age_millis = i64::try_from(age.get().as_millis()).unwrap_or(i64::MAX);
    begun.is_some_and(|begun| now.millis_since(begun) >= age_millis)
}

fn print(purged: &Purged) -> Result<(), Failure> {
    for file in &purged.removed {
        output::line(
            format!(
                "removed {}: {} letters, {} bytes",
                file.name, file.done, file.bytes
            )
            .as_bytes(),
        )?;
    }
    for file in &purged.kept {
        output::line(format!("kept {}: {}", file.name, why(file)).as_bytes())?;
    }
    if purged.discarded > 0 {
        output::line(format!("{} open letters were discarded", purged.discarded).as_bytes())?;
    }
    let (files, bytes) = (purged.removed.len(), bytes(&purged.removed));
    output::line(format!("{files} files removed, {bytes} bytes").as_bytes())
}

fn why(file: &Purge) -> String {
    let mut reasons = Vec::new();
    if file.is_in_use {
        reasons.push("the bridge writes it".to_owned());
    }
    if file.open > 0 {
        reasons.push(format!("{} letters are open", file.open));
    }
    if file.damaged > 0 {
        reasons.push(format!("{} places are damaged", file.damaged));
    }
    reasons.join(", ")
}

fn bytes(files: &[Purge]) -> u64 {
    files.iter().map(|file| file.bytes).sum()
}

fn state(error: Error) -> Failure {
    let is_locked = matches!(&error, Error::Marks(line_file::Error::Locked { .. }));
    let error = anyhow::Error::from(error);
    Failure::State(match is_locked {
        true => error.context("a replay or another purge of these dead letters is at work"),
        false => error,
    })
}

fn age(text: &str) -> Result<config::Duration, String> {
    config::Duration::parse(text)
        .ok_or_else(|| "write an age with its unit, such as `30d` or `12h`".to_owned())
}
