//! How results read: one line a test, and below a failed one what was expected and what came.

use std::fmt::Write as _;

use serde_json::Value;
use similar::{ChangeTag, TextDiff};

use super::compare::Difference;
use super::coverage::MapCoverage;
use super::runner::{Failure, Outcome};
use super::suite::Suite;

/// Values longer than this are shown as a diff of their indented forms.
const MAX_INLINE: usize = 100;

/// One test.
pub fn test(suite: &Suite, outcome: &Outcome<'_>) -> String {
    let (mapping, name) = (suite.mapping(), &outcome.case.name);
    if outcome.is_passed() {
        return format!("ok      {mapping}: {name}\n");
    }
    let place = format!("{}:{}", suite.path.display(), outcome.case.line);
    let mut text = format!("FAILED  {mapping}: {name}\n        {place}\n");
    for failure in &outcome.failures {
        describe(failure, &mut text);
    }
    text
}

/// One map with all samples.
pub fn coverage(map: &str, coverage: &MapCoverage) -> String {
    let records = coverage.records;
    if coverage.problems.is_empty() {
        return format!("ok      {map}: {records} sample records\n");
    }
    let mut text = format!(
        "FAILED  {map}: {} problems in {records} sample records\n",
        coverage.problems.len()
    );
    for (sample, problem) in &coverage.problems {
        line(&mut text, &format!("{sample}: {problem}"));
    }
    text
}

fn describe(failure: &Failure, text: &mut String) {
    match failure {
        Failure::Field(difference) => describe_difference(difference, "expected", text),
        Failure::Snapshot(difference) => describe_difference(difference, "snapshot", text),
        Failure::Text { expected, actual } => {
            line(text, "the line differs (- expected, + actual):");
            diff(&pieces(expected), &pieces(actual), text);
        }
        Failure::Schema(problem) => line(text, &format!("does not fit the schema: {problem}")),
        Failure::NoOutput(reason) => line(text, reason),
    }
}

fn describe_difference(difference: &Difference, expected_is: &str, text: &mut String) {
    match difference {
        Difference::Other {
            name,
            expected,
            actual,
        } => {
            line(text, name);
            let (one, other) = (expected.to_string(), actual.to_string());
            if one.len().max(other.len()) <= MAX_INLINE || !(expected.is_array() || expected.is_object()) {
                line(text, &format!("  {expected_is} {one}"));
                line(text, &format!("  actual   {other}"));
            } else {
                diff(&indented(expected), &indented(actual), text);
            }
            if let Some(hint) = type_hint(expected, actual) {
                line(text, &format!("  hint: {hint}"));
            }
        }
        Difference::Missing { name, expected, near } => {
            line(text, name);
            line(text, &format!("  {expected_is} {expected}"));
            match near {
                Some(near) => line(text, &format!("  actual   nothing; there is `{near}`")),
                None => line(text, "  actual   nothing"),
            }
        }
        Difference::Extra { name, actual } => {
            line(text, name);
            line(text, &format!("  {expected_is} nothing"));
            line(text, &format!("  actual   {actual}"));
        }
    }
}

/// `"73"` for `73` is the slip that is hardest to see.
fn type_hint(expected: &Value, actual: &Value) -> Option<&'static str> {
    match (expected, actual) {
        (Value::String(one), Value::Number(other)) if *one == other.to_string() => {
            Some("the output has a number, the test a text: take the quotes away")
        }
        (Value::Number(one), Value::String(other)) if one.to_string() == *other => {
            Some("the output has a text, the test a number: put it in quotes")
        }
        (one, Value::Array(elements)) if elements.len() == 1 && elements[0] == *one => {
            Some("the output has a list of one: write `[…]`")
        }
        _ => None,
    }
}

fn indented(value: &Value) -> String {
    serde_json::to_string_pretty(value).expect("a value is JSON")
}

/// A CEF or LEEF line with each part on a line of its own, so that a diff shows the part.
fn pieces(line: &str) -> String {
    let mut text = String::with_capacity(line.len() + 64);
    let mut previous = ' ';
    for word in line.split_inclusive(['|', ' ', '\t', '^']) {
        if word.contains('=') && previous != '\n' {
            text.push('\n');
        }
        text.push_str(word);
        if word.ends_with('|') {
            text.push('\n');
        }
        previous = text.chars().next_back().unwrap_or(' ');
    }
    text
}

fn diff(expected: &str, actual: &str, text: &mut String) {
    for change in TextDiff::from_lines(expected, actual).iter_all_changes() {
        let sign = match change.tag() {
            ChangeTag::Delete => '-',
            ChangeTag::Insert => '+',
            ChangeTag::Equal => ' ',
        };
        line(
            text,
            &format!("  {sign} {}", change.value().trim_end_matches('\n')),
        );
    }
}

fn line(text: &mut String, content: &str) {
    writeln!(text, "        {content}").expect("writing to a String cannot fail");
}

#[cfg(test)]
mod tests {
    use super::pieces;

    #[test]
    fn a_line_of_a_siem_is_shown_in_its_parts() {
        assert_eq!(
            pieces("CEF:0|Microsoft|Defender|1|id|A b|7|msg=a b cs1=x"),
            "CEF:0|\nMicrosoft|\nDefender|\n1|\nid|\nA b|\n7|\nmsg=a b \ncs1=x"
        );
    }
}
