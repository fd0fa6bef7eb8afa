//! Runs one test: the same decode and the same map as the bridge, then the comparison and the check of the schema.

use serde_json::Value;

use super::compare::{self, Difference};
use super::snapshot::Snapshot;
use super::suite::{Case, Suite, map_name};
use crate::decode;
use crate::event::{Kind, Record};
use crate::map::{MappingSet, Mappings, RecordContext};

/// What became of one test.
#[derive(Debug)]
pub struct Outcome<'s> {
    /// The test.
    pub case: &'s Case,
    /// What the map wrote: one line; `None` if it did not come so far.
    pub output: Option<String>,
    /// Why it failed; empty if it passed.
    pub failures: Vec<Failure>,
}

/// One reason to fail.
#[derive(Debug, Clone, PartialEq)]
pub enum Failure {
    /// A field differs from what the test expects.
    Field(Difference),
    /// A field differs from the snapshot beside the file.
    Snapshot(Difference),
    /// The text differs.
    Text {
        /// As expected.
        expected: String,
        /// As it is.
        actual: String,
    },
    /// The output does not fit the map's schema.
    Schema(String),
    /// There is no output to compare.
    NoOutput(String),
}

impl Outcome<'_> {
    /// Whether it passed.
    pub fn is_passed(&self) -> bool {
        self.failures.is_empty()
    }
}

/// Runs every test of a file, in order. `snapshot` is what stands beside it.
///
/// Panics: if the set of `suite` is not in `mappings`; reading a suite has checked that.
pub fn run<'s>(suite: &'s Suite, mappings: &Mappings, snapshot: &Snapshot) -> Vec<Outcome<'s>> {
    let set = mappings
        .set(&suite.set)
        .expect("a suite is read against the same mappings");
    suite
        .cases
        .iter()
        .map(|case| match render(suite, case, &set) {
            Err(reason) => Outcome {
                case,
                output: None,
                failures: vec![Failure::NoOutput(reason)],
            },
            Ok((output, problems)) => {
                let mut failures = expectations(case, &output);
                if let Some(expected) = snapshot.get(&case.name) {
                    failures.extend(against_snapshot(expected, &output));
                }
                failures.extend(problems.into_iter().map(Failure::Schema));
                Outcome {
                    case,
                    output: Some(output),
                    failures,
                }
            }
        })
        .collect()
}

/// The output, and what is wrong with it by the schema; or why there is none.
fn render(suite: &Suite, case: &Case, set: &MappingSet) -> Result<(String, Vec<String>), String> {
    let mut event = suite.event.clone();
    event.body = case.body.clone().into();
    let own_kind = suite.map.as_deref().and_then(|map| set.kind_of(map));
    let records = match case.is_decoded {
        true => decode::as_decoded(&suite.hub, &event, own_kind),
        false => decode::decode(&suite.hub, &event),
    };
    let [record] = records.as_slice() else {
        return Err(format!(
            "the input holds {} records; a test is about one",
            records.len()
        ));
    };
    if record.kind == Kind::Undecodable {
        return Err(format!("the input cannot be decoded: {}", undecodable(record)));
    }
    let context = RecordContext::new(record);
    check_choice(suite, set, &context)?;
    let mut output = Vec::new();
    set.render(&context, &mut output)
        .map_err(|error| format!("map error: {error}"))?;
    let problems = set.validate(&context, &output);
    Ok((String::from_utf8_lossy(&output).into_owned(), problems))
}

fn undecodable(record: &Record<'_>) -> String {
    decode::problem(record).map_or_else(|| "it is no JSON".to_owned(), |problem| problem.to_string())
}

/// A test that names a map fails if the set takes another one for the input: the bridge would too.
fn check_choice(suite: &Suite, set: &MappingSet, context: &RecordContext<'_>) -> Result<(), String> {
    let Some(map) = &suite.map else {
        return Ok(());
    };
    let kind = context.record().kind;
    match set.choose(context).map(|plan| map_name(&plan.revision)) {
        Some(chosen) if chosen == map => Ok(()),
        Some(chosen) => Err(format!(
            "`{map}` is not used for this input, which is of kind `{kind}`: `{chosen}` takes it"
        )),
        None => Err(format!(
            "`{map}` is not used for this input, which is of kind `{kind}`: no map of `{}` takes it",
            suite.set
        )),
    }
}

fn expectations(case: &Case, output: &str) -> Vec<Failure> {
    if let Some(expected) = &case.expect_text {
        return text(expected, output);
    }
    if case.expect.is_empty() && case.absent.is_empty() && !case.is_exact {
        return Vec::new();
    }
    let Ok(actual) = serde_json::from_str::<Value>(output) else {
        let reason = "the map writes text, which has no fields to compare; use `expect_text`";
        return vec![Failure::NoOutput(reason.to_owned())];
    };
    let mut differences = compare::compare(&case.expect, case.is_exact, &actual);
    differences.extend(compare::present(&case.absent, &actual));
    differences.into_iter().map(Failure::Field).collect()
}

fn against_snapshot(expected: &Value, output: &str) -> Vec<Failure> {
    let actual = serde_json::from_str::<Value>(output);
    match (expected, actual) {
        (Value::String(expected), _) => text(expected, output),
        (expected, Ok(actual)) => {
            let fields: Vec<_> = compare::leaves(expected)
                .into_iter()
                .map(|(name, value)| (name, value.clone()))
                .collect();
            let differences = compare::compare(&fields, true, &actual);
            differences.into_iter().map(Failure::Snapshot).collect()
        }
        (expected, Err(_)) => text(&expected.to_string(), output),
    }
}

fn text(expected: &str, actual: &str) -> Vec<Failure> {
    match expected == actual {
        true => Vec::new(),
        false => vec![Failure::Text {
            expected: expected.to_owned(),
            actual: actual.to_owned(),
        }],
    }
}
