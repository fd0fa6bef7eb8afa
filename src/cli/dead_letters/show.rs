//! `dead-letters show`.

use anyhow::anyhow;

use super::ShowArguments;
use super::select::state_word;
use crate::cli::exit::Failure;
use crate::cli::output;
use crate::deliver::dead_letter::StoredLetter;

/// Prints every letter of that name; fails with 64 if there is none.
pub(super) fn run(arguments: &ShowArguments) -> Result<(), Failure> {
    let mut found = 0;
    let result = arguments.place.each(&mut |entry, ending| {
        if !arguments.names.iter().any(|name| name.is_of(entry)) {
            return Ok(());
        }
        found += 1;
        let place = format!("{}: byte {}", entry.path.display(), entry.id.offset);
        output::line(format!("{} ({}), {place}", entry.id, state_word(ending)).as_bytes())?;
        show(&entry.letter)
    });
    match found {
        // What is damaged may be the one that is meant.
        0 => result.and(Err(Failure::Usage(anyhow!(
            "there is no such dead letter; `hub2siem dead-letters list` shows what there is"
        )))),
        _ => result,
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
