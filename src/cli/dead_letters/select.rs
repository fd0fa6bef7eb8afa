//! Which dead letters are meant, and where they are.

use std::path::{Path, PathBuf};

use anyhow::{Context, anyhow};
use clap::builder::PossibleValuesParser;

use crate::cli::exit::Failure;
use crate::cli::load::DEFAULT_CONFIG;
use crate::deliver::dead_letter::StoredLetter;
use crate::deliver::dead_letter::stored::{self, Entry};
use crate::event::{RejectReason, Timestamp};

/// Which dead letters, of which directory.
#[derive(Debug, clap::Args)]
pub struct Selection {
    /// The directory of dead letters; by default that of the configuration.
    #[arg(long, value_name = "DIR")]
    pub directory: Option<PathBuf>,
    /// The configuration file.
    #[arg(long, value_name = "PATH", default_value = DEFAULT_CONFIG, env = "HUB2SIEM_CONFIG")]
    pub config: PathBuf,
    /// Only those of this target.
    #[arg(long, value_name = "NAME")]
    pub target: Option<String>,
    /// Only those with this reason.
    #[arg(long, value_name = "REASON", value_parser = reasons())]
    pub reason: Option<String>,
    /// Only those whose event the hub took in at this time or later (RFC 3339).
    #[arg(long, value_name = "TIME", value_parser = time)]
    pub from: Option<Timestamp>,
    /// Only those whose event the hub took in before this time (RFC 3339).
    #[arg(long, value_name = "TIME", value_parser = time)]
    pub to: Option<Timestamp>,
}

impl Selection {
    /// Hands every selected letter to `look`. Fails after the last one if lines could not be read; each was said on
    /// standard error.
    pub fn each(
        &self,
        look: &mut dyn FnMut(&Entry, &StoredLetter) -> Result<(), Failure>,
    ) -> Result<(), Failure> {
        let directory = self.directory()?;
        let mut unreadable = 0;
        let mut failure = None;
        let result = stored::read(&directory, &mut |entry| match &entry.letter {
            Ok(letter) if self.selects(letter) => {
                failure = look(&entry, letter).err();
                failure.is_none()
            }
            Ok(_) => true,
            Err(detail) => {
                unreadable += 1;
                eprintln!(
                    "{}:{}: no dead letter: {detail}",
                    entry.path.display(),
                    entry.line_number
                );
                true
            }
        });
        result
            .context("the dead letters cannot be read; name their directory with `--directory`")
            .map_err(Failure::State)?;
        match (failure, unreadable) {
            (Some(failure), _) => Err(failure),
            (None, 0) => Ok(()),
            (None, count) => Err(Failure::State(anyhow!("{count} lines are no dead letters"))),
        }
    }

    fn directory(&self) -> Result<PathBuf, Failure> {
        match &self.directory {
            Some(directory) => Ok(directory.clone()),
            None => Ok(crate::config::dead_letter_directory(Path::new(&self.config))?),
        }
    }

    fn selects(&self, letter: &StoredLetter) -> bool {
        let is_wanted = |wanted: &Option<String>, found: Option<&str>| {
            wanted.as_deref().is_none_or(|wanted| found == Some(wanted))
        };
        is_wanted(&self.target, letter.target.as_deref())
            && is_wanted(&self.reason, Some(&letter.reason))
            && self.is_in_time(letter.enqueued_time.as_deref())
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

fn reasons() -> PossibleValuesParser {
    PossibleValuesParser::new(RejectReason::ALL.map(RejectReason::as_str))
}

fn time(text: &str) -> Result<Timestamp, String> {
    Timestamp::parse(text).ok_or_else(|| "write RFC 3339, such as 2026-01-31T00:00:00Z".to_owned())
}
