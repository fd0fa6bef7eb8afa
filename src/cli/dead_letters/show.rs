//! `dead-letters show`.

use anyhow::anyhow;

use super::ShowArguments;
use crate::cli::exit::Failure;
use crate::cli::output;
use crate::deliver::dead_letter::StoredLetter;

/// The fewest digits of an `event_id` that name one.
const MIN_DIGITS: usize = 6;

/// Prints every letter of that name; fails with 64 if there is none.
pub(super) fn run(arguments: &ShowArguments) -> Result<(), Failure> {
    let name = arguments.name.as_str();
    if !name.contains('/') && name.len() < MIN_DIGITS {
        return Err(Failure::Usage(anyhow!(
            "`{name}` is no name of a dead letter; write {MIN_DIGITS} or more digits of an event_id, or \
             PARTITION/SEQUENCE_NUMBER"
        )));
    }
    let mut found = 0;
    arguments.selection.each(&mut |entry, letter| {
        if !is_called(letter, name) {
            return Ok(());
        }
        found += 1;
        output::line(format!("{}:{}", entry.path.display(), entry.line_number).as_bytes())?;
        show(letter)
    })?;
    match found {
        0 => Err(Failure::Usage(anyhow!(
            "there is no dead letter `{name}`; `hub2siem dead-letters list` shows what there is"
        ))),
        _ => Ok(()),
    }
}

fn is_called(letter: &StoredLetter, name: &str) -> bool {
    match name.split_once('/') {
        Some((partition, number)) => {
            letter.partition == partition && number.parse() == Ok(letter.sequence_number)
        }
        None => letter
            .event_id
            .as_deref()
            .is_some_and(|id| id.starts_with(&name.to_ascii_lowercase())),
    }
}

/// Each field on a line of its own, the content last.
fn show(letter: &StoredLetter) -> Result<(), Failure> {
    let fields = serde_json::to_value(letter).expect("a letter has text keys and plain values");
    for (name, value) in fields.as_object().into_iter().flatten() {
        if !matches!(name.as_str(), "body" | "rendered") && !value.is_null() {
            let text = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
            output::line(format!("  {name}: {}", text.replace(char::is_control, " ")).as_bytes())?;
        }
    }
    let kind = if letter.body.is_some() { "body" } else { "rendered" };
    match letter.content() {
        None => output::line(b"  nothing is kept of the record"),
        Some(Ok(content)) => match String::from_utf8(content) {
            Ok(text) => output::line(format!("  {kind}: {text}").as_bytes()),
            Err(error) => {
                let count = error.as_bytes().len();
                output::line(
                    format!("  {kind}: {count} bytes that are no text; `export` has them in base64")
                        .as_bytes(),
                )
            }
        },
        Some(Err(error)) => output::line(format!("  {kind}: not base64: {error}").as_bytes()),
    }
}
