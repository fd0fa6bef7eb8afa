//! `dead-letters list`.

use std::collections::BTreeMap;

use serde::Serialize;

use super::ListArguments;
use super::select::state_word;
use crate::cli::exit::Failure;
use crate::cli::output;
use crate::deliver::dead_letter::{Ending, Entry, StoredLetter};

/// What stands for a value that is not known.
const NONE: &str = "-";

/// A letter without its content.
#[derive(Debug, Serialize)]
struct Listed<'l> {
    id: String,
    state: &'static str,
    #[serde(flatten)]
    letter: &'l StoredLetter,
}

/// A line for each letter; without `--json` also how many there are by target, reason and state.
pub(super) fn run(arguments: &ListArguments) -> Result<(), Failure> {
    let mut counts: BTreeMap<(String, String, &str), u64> = BTreeMap::new();
    let result = arguments.selection.each(&mut |entry, ending| {
        let letter = &entry.letter;
        let target = letter.target.as_deref().unwrap_or(NONE).to_owned();
        *counts
            .entry((target, letter.reason.clone(), state_word(ending)))
            .or_default() += 1;
        match arguments.json {
            true => output::line(&without_content(entry, ending)),
            false => output::line(describe(entry, ending).as_bytes()),
        }
    });
    if !arguments.json {
        for ((target, reason, state), count) in &counts {
            output::line(format!("{count} of target {target}: {reason}, {state}").as_bytes())?;
        }
        if counts.is_empty() {
            output::line(b"no dead letters")?;
        }
    }
    result
}

fn describe(entry: &Entry, ending: Option<Ending>) -> String {
    let letter = &entry.letter;
    let text = |value: &Option<String>| value.clone().unwrap_or_else(|| NONE.to_owned());
    format!(
        "{} {} {} {}/{}/{} {} {} {}: {}",
        entry.id,
        state_word(ending),
        text(&letter.enqueued_time),
        letter.partition,
        letter.sequence_number,
        letter.record_index,
        letter.kind,
        text(&letter.target),
        letter.reason,
        letter.detail.replace(char::is_control, " "),
    )
}

fn without_content(entry: &Entry, ending: Option<Ending>) -> Vec<u8> {
    let letter = StoredLetter {
        body: None,
        rendered: None,
        ..entry.letter.clone()
    };
    let listed = Listed {
        id: entry.id.to_string(),
        state: state_word(ending),
        letter: &letter,
    };
    serde_json::to_vec(&listed).expect("a letter has text keys and plain values")
}
