//! What is wrong with the YAML of a file, in words for the person who wrote it.

use std::ops::Range;

use serde_saphyr::budget::BudgetBreach;
use serde_saphyr::{Error, Location};

use crate::config::diagnostic::{Diagnostic, SourceFile};

/// Levels of lists and mappings in a file. The deepest that means anything has half of that; a reader that follows
/// more of them could run out of stack.
pub const MAX_DEPTH: usize = 32;

/// Scalars, lists and mappings in a file, those that an alias repeats too. A table of 40,000 rows fits.
pub const MAX_NODES: usize = 100_000;

/// The next step where the parser knows no better.
const HELP: &str = "check the indentation, quotes and brackets at this place; quote what starts with `@`, and inside \
                    `{ … }` or `[ … ]` what has brackets or commas";

/// The problem as a diagnostic.
pub(super) fn diagnostic(file: &SourceFile, error: &Error) -> Diagnostic {
    let error = error.without_snippet();
    let (message, help) = words(error);
    let diagnostic =
        Diagnostic::new("config::syntax", format!("the file is not valid YAML: {message}")).help(help);
    match error.location() {
        Some(location) => diagnostic.at(file, place(&file.text, location), "here"),
        None => diagnostic,
    }
}

fn words(error: &Error) -> (String, String) {
    let too_much = |what: String| {
        (
            what,
            "a file of settings needs less; is it the right one?".to_owned(),
        )
    };
    let aliases = || {
        let message = "aliases (`*name`) repeat more than a file may hold";
        (
            message.to_owned(),
            "write the values where they belong".to_owned(),
        )
    };
    match error {
        Error::DuplicateMappingKey { key, .. } => {
            let key = key.as_deref().unwrap_or("a key");
            let message = format!("`{key}` stands twice in one mapping");
            (message, "delete one of the two".to_owned())
        }
        Error::MultipleDocuments { .. } => (
            "it holds more than one document".to_owned(),
            "keep one document in a file; `---` and `...` only stand around it".to_owned(),
        ),
        Error::NullIntoString { .. } => (
            "a key is missing".to_owned(),
            "write `key: value`; quote a key that reads as nothing: `\"null\"`".to_owned(),
        ),
        Error::RecursiveReferencesRequireWeakTypes { .. } => (
            "an alias stands inside what it repeats".to_owned(),
            "write the value where it belongs".to_owned(),
        ),
        Error::NonFiniteFloat { .. } => (
            "a number must not be infinite".to_owned(),
            "quote it if it is meant as text".to_owned(),
        ),
        Error::AliasReplayCounterOverflow { .. }
        | Error::AliasReplayLimitExceeded { .. }
        | Error::AliasExpansionLimitExceeded { .. }
        | Error::AliasReplayStackDepthExceeded { .. } => aliases(),
        Error::Budget { breach, .. } => match breach {
            BudgetBreach::Depth { .. } => too_much(format!("it is nested deeper than {MAX_DEPTH} levels")),
            BudgetBreach::Nodes { .. } | BudgetBreach::Events { .. } => {
                too_much(format!("it holds more than {MAX_NODES} values"))
            }
            BudgetBreach::Aliases { .. }
            | BudgetBreach::Anchors { .. }
            | BudgetBreach::ScalarBytes { .. }
            | BudgetBreach::MergeKeys { .. }
            | BudgetBreach::AliasAnchorRatio { .. } => aliases(),
            _ => too_much("it is too large".to_owned()),
        },
        other => match plain(&other.to_string()) {
            // Passed while an alias was followed.
            message if message.starts_with("budget breached") => aliases(),
            message => (message, HELP.to_owned()),
        },
    }
}

/// The parser's own words without the place, which is shown, and in our terms.
fn plain(text: &str) -> String {
    let first_line = text.lines().next().unwrap_or_default();
    let message = first_line.split(" at line ").next().unwrap_or_default();
    match message.strip_prefix("error: ").unwrap_or(message) {
        "recursion limit exceeded" => format!("it is nested deeper than {MAX_DEPTH} levels"),
        "expected string scalar" => "a key is a list or a mapping".to_owned(),
        other => other.to_owned(),
    }
}

/// Where it is; at least one character. Some errors know their line and column only, counted in characters from 1.
fn place(text: &str, location: Location) -> Range<usize> {
    let span = location.span();
    let start = match span.byte_offset() {
        Some(start) if start > 0 => start as usize,
        _ => offset(text, location.line(), location.column()),
    };
    let start = start.min(text.len());
    let length = span.byte_len().unwrap_or_default() as usize;
    let next = text[start..].chars().next().map_or(0, char::len_utf8);
    start..(start + length.max(next)).min(text.len())
}

fn offset(text: &str, line: u64, column: u64) -> usize {
    let before: usize = text
        .split_inclusive('\n')
        .take((line as usize).saturating_sub(1))
        .map(str::len)
        .sum();
    let line = text[before..].lines().next().unwrap_or_default();
    let within = line.char_indices().nth((column as usize).saturating_sub(1));
    before + within.map_or(line.len(), |(index, _)| index)
}

#[cfg(test)]
mod tests;
