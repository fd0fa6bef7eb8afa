//! Which dead letters are meant, and where they are.

use std::path::PathBuf;

use anyhow::anyhow;
use clap::ValueEnum;
use clap::builder::PossibleValuesParser;

use crate::cli::exit::Failure;
use crate::cli::load::DEFAULT_CONFIG;
use crate::deliver::dead_letter::entries::{self, Damaged};
use crate::deliver::dead_letter::{Ending, Entry, Found, Marks};
use crate::event::{Kind, RejectReason, Timestamp};

/// What is done with each letter and how it ended, if it did.
type Look<'l> = dyn FnMut(&Entry, Option<Ending>) -> Result<(), Failure> + 'l;

/// Where they are.
#[derive(Debug, clap::Args)]
pub struct Place {
    /// The directory of dead letters; by default that of the configuration.
    #[arg(long, value_name = "DIR")]
    pub directory: Option<PathBuf>,
    /// The configuration file.
    #[arg(long, value_name = "PATH", default_value = DEFAULT_CONFIG, env = "HUB2SIEM_CONFIG")]
    pub config: PathBuf,
}

/// Which of them.
#[derive(Debug, clap::Args)]
pub struct Filter {
    /// Only those with this reason.
    #[arg(long, value_name = "REASON", value_parser = reasons())]
    pub reason: Option<String>,
    /// Only those of this kind.
    #[arg(long, value_name = "KIND", value_parser = kinds())]
    pub kind: Option<String>,
    /// Only those whose event the hub took in at this time or later (RFC 3339).
    #[arg(long, visible_alias = "since", value_name = "TIME", value_parser = time)]
    pub from: Option<Timestamp>,
    /// Only those whose event the hub took in before this time (RFC 3339).
    #[arg(long, visible_alias = "until", value_name = "TIME", value_parser = time)]
    pub to: Option<Timestamp>,
}

/// Which dead letters, of which directory.
#[derive(Debug, clap::Args)]
pub struct Selection {
    /// Where they are.
    #[command(flatten)]
    pub place: Place,
    /// Only those of this target.
    #[arg(long, value_name = "NAME")]
    pub target: Option<String>,
    /// Which of them.
    #[command(flatten)]
    pub filter: Filter,
    /// Only those in this state.
    #[arg(long, value_enum, value_name = "STATE", default_value = "all")]
    pub state: State,
}

/// Whether a letter is done with.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum State {
    /// Nobody has taken it.
    Open,
    /// A target acknowledged it, or it was discarded.
    Done,
    /// Either.
    All,
}

impl Place {
    /// The directory.
    pub fn directory(&self) -> Result<PathBuf, Failure> {
        match &self.directory {
            Some(directory) => Ok(directory.clone()),
            None => Ok(crate::config::dead_letter_directory(&self.config)?),
        }
    }

    /// Hands every letter to `look`. Fails after the last one if something is damaged; each place was said on standard
    /// error.
    pub fn each(&self, look: &mut Look<'_>) -> Result<(), Failure> {
        let directory = self.directory()?;
        let marks = Marks::read(&directory).map_err(state)?;
        if marks.damaged_lines > 0 {
            let lines = marks.damaged_lines;
            eprintln!("warning: {lines} done marks are damaged; their letters count as open");
        }
        let newest = entries::file_names(&directory)
            .ok()
            .and_then(|mut names| names.pop());
        let mut damaged = 0;
        let mut failure = None;
        let result = entries::read(&directory, &mut |found| {
            match found {
                Found::Entry(entry) => failure = look(&entry, marks.ending(&entry)).err(),
                Found::Damaged(it) => {
                    damaged += 1;
                    say("damaged dead letter", &it);
                }
                // The newest file may be at work in the bridge.
                Found::Torn(it)
                    if it.path.file_name().and_then(|name| name.to_str()) == newest.as_deref() => {}
                Found::Torn(it) => say("warning: a dead letter that was not written to its end", &it),
            }
            failure.is_none()
        });
        result.map_err(state)?;
        match (failure, damaged) {
            (Some(failure), _) => Err(failure),
            (None, 0) => Ok(()),
            (None, 1) => Err(Failure::State(anyhow!("1 dead letter is damaged"))),
            (None, count) => Err(Failure::State(anyhow!("{count} dead letters are damaged"))),
        }
    }
}

impl Selection {
    /// Hands every selected letter to `look`. Fails after the last one if something is damaged; each place was said on
    /// standard error.
    pub fn each(&self, look: &mut Look<'_>) -> Result<(), Failure> {
        self.place
            .each(&mut |entry, ending| match self.selects(entry, ending) {
                true => look(entry, ending),
                false => Ok(()),
            })
    }

    fn selects(&self, entry: &Entry, ending: Option<Ending>) -> bool {
        let target = entry.letter.target.as_deref();
        self.state.is_of(ending)
            && self.target.as_deref().is_none_or(|wanted| target == Some(wanted))
            && self.filter.selects(entry)
    }
}

impl Filter {
    /// Whether it is one of these.
    pub fn selects(&self, entry: &Entry) -> bool {
        let is_wanted =
            |wanted: &Option<String>, found: &str| wanted.as_deref().is_none_or(|wanted| found == wanted);
        is_wanted(&self.reason, &entry.letter.reason)
            && is_wanted(&self.kind, &entry.letter.kind)
            && self.is_in_time(entry.letter.enqueued_time.as_deref())
    }

    /// Whether it leaves nothing out.
    pub fn is_empty(&self) -> bool {
        self.reason.is_none() && self.kind.is_none() && self.from.is_none() && self.to.is_none()
    }

    /// What has no time is selected only where none is asked for.
    fn is_in_time(&self, enqueued_time: Option<&str>) -> bool {
        if self.from.is_none() && self.to.is_none() {
            return true;
        }
        enqueued_time.and_then(Timestamp::parse).is_some_and(|time| {
            self.from.is_none_or(|from| from <= time) && self.to.is_none_or(|to| time < to)
        })
    }
}

impl State {
    fn is_of(self, ending: Option<Ending>) -> bool {
        match self {
            State::Open => ending.is_none(),
            State::Done => ending.is_some(),
            State::All => true,
        }
    }
}

/// The word for how a letter stands.
pub fn state_word(ending: Option<Ending>) -> &'static str {
    match ending {
        None => "open",
        Some(Ending::Delivered) => "delivered",
        Some(Ending::Discarded) => "discarded",
    }
}

/// Says where dead letters are damaged.
pub fn say_damaged(damaged: &[Damaged]) {
    damaged.iter().for_each(|it| say("damaged dead letter", it));
}

fn say(what: &str, at: &Damaged) {
    eprintln!(
        "{}: byte {}, {} bytes: {what}: {}",
        at.path.display(),
        at.offset,
        at.bytes,
        at.detail
    );
}

fn state(error: crate::durable::FileError) -> Failure {
    let error = anyhow::Error::from(error);
    Failure::State(error.context("the dead letters cannot be read; name their directory with `--directory`"))
}

fn reasons() -> PossibleValuesParser {
    PossibleValuesParser::new(RejectReason::ALL.map(RejectReason::as_str))
}

fn kinds() -> PossibleValuesParser {
    PossibleValuesParser::new(Kind::ALL.map(Kind::as_str))
}

fn time(text: &str) -> Result<Timestamp, String> {
    Timestamp::parse(text).ok_or_else(|| "write RFC 3339, such as 2026-01-31T00:00:00Z".to_owned())
}
