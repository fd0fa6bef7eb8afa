//! `dead-letters list`.

use std::collections::BTreeMap;

use super::ListArguments;
use crate::cli::exit::Failure;
use crate::cli::output;
use crate::deliver::dead_letter::StoredLetter;

/// What stands for a value that is not known.
const NONE: &str = "-";

/// A line for each letter; without `--json` also how many there are by target and reason.
pub(super) fn run(arguments: &ListArguments) -> Result<(), Failure> {
    let mut counts: BTreeMap<(String, String), u64> = BTreeMap::new();
    let result = arguments.selection.each(&mut |_, letter| {
        let target = letter.target.as_deref().unwrap_or(NONE).to_owned();
        *counts.entry((target, letter.reason.clone())).or_default() += 1;
        match arguments.json {
            true => output::line(&without_content(letter)),
            false => output::line(describe(letter).as_bytes()),
        }
    });
    if !arguments.json {
        for ((target, reason), count) in &counts {
            output::line(format!("{count} of target {target}: {reason}").as_bytes())?;
        }
        if counts.is_empty() {
            output::line(b"no dead letters")?;
        }
    }
    result
}

fn describe(letter: &StoredLetter) -> String {
    let text = |value: &Option<String>| value.clone().unwrap_or_else(|| NONE.to_owned());
    format!(
        "{} {} {}/{}/{} {} {} {}: {}",
        text(&letter.event_id),
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

fn without_content(letter: &StoredLetter) -> Vec<u8> {
    let letter = StoredLetter {
        body: None,
        rendered: None,
        ..letter.clone()
    };
    serde_json::to_vec(&letter).expect("a letter has text keys and plain values")
}
