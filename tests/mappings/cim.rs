//! The `splunk-cim` set against an independent reading of the two data models.

use hub2siem::event::Kind;
use serde_json::Value;

use crate::support::{Rendered, assert_every_kind, mapped};

const SEVERITIES: [&str; 5] = ["informational", "low", "medium", "high", "critical"];
const ALERT_TYPES: [&str; 5] = ["alarm", "alert", "event", "task", "warning"];

/// Fields of the model Alerts that every one of its records can have.
const ALERT_FIELDS: [&str; 2] = ["app", "type"];

/// Fields of the model Vulnerabilities that every one of its records can have.
const VULNERABILITY_FIELDS: [&str; 3] = ["dest", "dvc", "vendor_product"];

/// Fields of every record, whether a model fits it or not.
const ALWAYS: [&str; 4] = ["kind", "event_id", "is_snapshot", "vendor_product"];

/// Scenario: every fixture for Splunk.
/// Guarantees: fields are flat, values are those the models expect, and only what needs attention belongs to a model.
#[test]
fn output_fits_the_data_models() {
    let records = mapped("splunk-cim");
    assert_every_kind(&records);
    for (path, record) in records {
        let problems = problems(&record);
        assert!(problems.is_empty(), "{}: {problems:#?}", path.display());
    }
}

fn problems(record: &Rendered) -> Vec<String> {
    let output = record.json();
    let mut problems = Vec::new();
    for (name, value) in output.as_object().expect("the output is an object") {
        if name != "unmapped" && !is_flat(value) {
            problems.push(format!("{name} is not flat: {value}"));
        }
        if !name.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'_') {
            problems.push(format!("{name} needs quotes in a search"));
        }
    }
    let model = output.get("cim_model").and_then(Value::as_str);
    if model != expected_model(record.kind, &output) {
        problems.push(format!("belongs to {model:?}"));
    }
    let fields: &[&str] = match model {
        Some("Alerts") => &ALERT_FIELDS,
        Some("Vulnerabilities") => &VULNERABILITY_FIELDS,
        _ => &[],
    };
    for name in ALWAYS.iter().chain(fields) {
        if output.get(name).is_none() {
            problems.push(format!("{name} is missing"));
        }
    }
    if output["kind"] != record.kind.as_str() {
        problems.push(format!("kind is {}", output["kind"]));
    }
    check_severity(&output, &mut problems);
    if let Some(kind) = output.get("type")
        && !ALERT_TYPES.iter().any(|known| kind == known)
    {
        problems.push(format!("type is {kind}"));
    }
    for name in ["cvss", "score_current", "score_max", "score_ratio"] {
        if output.get(name).is_some_and(|value| !value.is_number()) {
            problems.push(format!("{name} is no number"));
        }
    }
    problems
}

/// What the maps promise: alerts, attack paths that exist, and what is unhealthy and exists.
fn expected_model(kind: Kind, output: &Value) -> Option<&'static str> {
    let is_deleted = output["action"] == "Delete";
    match kind {
        Kind::Alert => Some("Alerts"),
        Kind::AttackPath if !is_deleted => Some("Alerts"),
        Kind::Assessment | Kind::SubAssessment if !is_deleted && output["status"] == "Unhealthy" => {
            Some("Vulnerabilities")
        }
        _ => None,
    }
}

fn is_flat(value: &Value) -> bool {
    match value {
        Value::Object(_) | Value::Null => false,
        Value::Array(elements) => elements
            .iter()
            .all(|element| !element.is_object() && !element.is_array()),
        _ => true,
    }
}

fn check_severity(output: &Value, problems: &mut Vec<String>) {
    let Some(severity) = output.get("severity") else {
        return;
    };
    let position = SEVERITIES.iter().position(|known| severity == known);
    let Some(position) = position else {
        problems.push(format!("severity is {severity}"));
        return;
    };
    if output.get("severity_id").is_some_and(|id| *id != position + 1) {
        problems.push(format!("severity_id of {severity} is {}", output["severity_id"]));
    }
}
