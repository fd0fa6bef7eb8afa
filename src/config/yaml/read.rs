//! A tree becomes settings, and everything wrong with it becomes one list of diagnostics.

use std::ops::Range;

use serde::de::DeserializeOwned;

use super::deserialize::{Error, ErrorKind, Reader, Step};
use super::node::{Content, Node};
use crate::config::diagnostic::{Diagnostic, Diagnostics, SourceFile, nearest};
use crate::config::secret::WRITTEN_OUT;

/// Problems reported before giving up; a file with more is the wrong file.
const MAX_PROBLEMS: usize = 50;

/// Reads `T` from `node`. On failure the diagnostics name every unknown option, missing option and invalid value.
pub fn read<T: DeserializeOwned>(file: &SourceFile, node: &Node) -> Result<T, Diagnostics> {
    let mut diagnostics = Diagnostics::default();
    let mut rest = node.clone();
    let mut removed: Vec<Vec<Step>> = Vec::new();
    loop {
        let error = match T::deserialize(Reader(&rest)) {
            Ok(value) if diagnostics.0.is_empty() => return Ok(value),
            Ok(_) => return Err(diagnostics),
            Err(error) => error,
        };
        if !follows_from(&error, &removed) {
            diagnostics.push(describe(file, &error));
        }
        let is_mended = !error.path.is_empty() && remove(&mut rest, &error.path);
        if !is_mended || diagnostics.0.len() >= MAX_PROBLEMS {
            return Err(diagnostics);
        }
        removed.push(error.path);
    }
}

/// Whether an option is missing only because it was taken out for another error.
fn follows_from(error: &Error, removed: &[Vec<Step>]) -> bool {
    let ErrorKind::MissingField { field } = &error.kind else {
        return false;
    };
    removed.iter().any(|path| {
        path.split_last()
            .is_some_and(|(last, parent)| parent == error.path && *last == Step::Key((*field).to_owned()))
    })
}

fn remove(node: &mut Node, path: &[Step]) -> bool {
    match (&mut node.content, path) {
        (Content::Mapping(entries), [Step::Key(key)]) => {
            let before = entries.len();
            entries.retain(|entry| entry.key != *key);
            entries.len() < before
        }
        (Content::Sequence(elements), [Step::Position(position)]) if *position < elements.len() => {
            elements.remove(*position);
            true
        }
        (Content::Mapping(entries), [Step::Key(key), rest @ ..]) => entries
            .iter_mut()
            .find(|entry| entry.key == *key)
            .is_some_and(|entry| remove(&mut entry.value, rest)),
        (Content::Sequence(elements), [Step::Position(position), rest @ ..]) => elements
            .get_mut(*position)
            .is_some_and(|element| remove(element, rest)),
        _ => false,
    }
}

fn describe(file: &SourceFile, error: &Error) -> Diagnostic {
    let span = error.span.clone().unwrap_or(0..0);
    match &error.kind {
        ErrorKind::UnknownField { field, expected } => unknown(file, span, &error.path, field, expected),
        ErrorKind::UnknownVariant { variant, expected } => Diagnostic::new(
            "config::invalid_value",
            format!("`{variant}` is not a value of {}", place(&error.path)),
        )
        .at(file, span, "not one of the possible values")
        .help(suggestion(variant, expected, "Possible values")),
        ErrorKind::MissingField { field } => Diagnostic::new(
            "config::missing_option",
            format!("option `{field}` is missing in {}", place(&error.path)),
        )
        .at(file, span, "needs it")
        .help(format!("add `{field}: …` here")),
        ErrorKind::Invalid { message } if message == WRITTEN_OUT => {
            Diagnostic::new("config::secret", format!("{message} ({})", place(&error.path)))
                .at(file, span, "a secret stands here")
                .help("move it to an environment variable or a file, and replace it if this file was shared")
                .masked()
        }
        ErrorKind::Invalid { message } => Diagnostic::new(
            "config::invalid_value",
            format!("invalid value of {}: {message}", place(&error.path)),
        )
        .at(file, span, "this value"),
    }
}

fn unknown(
    file: &SourceFile,
    span: Range<usize>,
    path: &[Step],
    field: &str,
    expected: &'static [&'static str],
) -> Diagnostic {
    let parent = &path[..path.len().saturating_sub(1)];
    let message = format!("unknown option `{field}` in {}", place(parent));
    let label = match parent.last() {
        Some(Step::Key(key)) => format!("not an option of `{key}`"),
        _ => "not an option here".to_owned(),
    };
    Diagnostic::new("config::unknown_option", message)
        .at(file, span, label)
        .help(suggestion(field, expected, "Options here"))
}

fn suggestion(given: &str, expected: &[&str], heading: &str) -> String {
    let list = format!("{heading}: {}", expected.join(", "));
    match nearest(given, expected.iter().copied()) {
        Some(near) => format!("did you mean `{near}`? {list}"),
        None => list,
    }
}

/// `targets.soc.splunk_hec`, or `the file` for the root.
fn place(path: &[Step]) -> String {
    if path.is_empty() {
        return "the file".to_owned();
    }
    let steps: Vec<_> = path
        .iter()
        .map(|step| match step {
            Step::Key(key) => key.clone(),
            Step::Position(position) => (position + 1).to_string(),
        })
        .collect();
    format!("`{}`", steps.join("."))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use serde::Deserialize;

    use super::*;
    use crate::config::yaml::{Spanned, parse};
    use crate::config::{Duration, SecretReference};

    #[derive(Debug, Deserialize)]
    #[serde(deny_unknown_fields)]
    struct File {
        name: Spanned<String>,
        targets: BTreeMap<String, Target>,
    }

    #[derive(Debug, Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Target {
        timeout: Option<Spanned<Duration>>,
        mode: Option<Mode>,
        token: Option<SecretReference>,
    }

    #[derive(Debug, Deserialize, PartialEq)]
    #[serde(rename_all = "snake_case")]
    enum Mode {
        Required,
        Off,
    }

    fn read_text(text: &str) -> Result<File, Diagnostics> {
        let file = SourceFile {
            name: "bridge.yaml".into(),
            text: text.into(),
        };
        let node = parse(&file)?;
        read(&file, &node)
    }

    #[test]
    fn reads_places_and_forms() {
        let text = "name: 12\ntargets:\n  a: { timeout: 5s, mode: off, token: { env: X } }\n  b: {}\n";
        let file = read_text(text).expect("it is valid");
        assert_eq!((&*file.name.value, &text[file.name.span.clone()]), ("12", "12"));
        let a = &file.targets["a"];
        let timeout = a.timeout.as_ref().expect("it is given");
        assert_eq!(
            (timeout.value, &text[timeout.span.clone()]),
            (Duration::from_secs(5), "5s")
        );
        assert_eq!(
            (a.mode.as_ref(), a.token.as_ref()),
            (Some(&Mode::Off), Some(&SecretReference::Env("X".into())))
        );
        assert!(file.targets["b"].timeout.is_none());
    }

    /// Scenario: a file with one problem of every class. Guarantees: all are reported, each at its own place.
    #[test]
    fn reports_every_problem() {
        let text = "targets:\n  a: { timeuot: 5s, mode: of }\n  b: { timeout: 5 }\n  c: { token: { enf: X } }\n  d: { token: s3cret }\nextra: 1\n";
        let diagnostics = read_text(text).expect_err("it is wrong");
        let rendered = diagnostics.render(false);
        assert!(!rendered.contains("s3cret"), "{rendered}");
        insta::assert_snapshot!(rendered);
    }
}
