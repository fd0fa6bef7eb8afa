//! The `ocsf` set against the JSON Schemas of its classes.

use std::collections::BTreeMap;

use hub2siem::event::Kind;
use serde_json::{Value, json};

use crate::support::{assert_every_kind, at, mapped};

/// Scenario: every fixture as OCSF.
/// Guarantees: each record is valid by the schema of the class its kind belongs to, says which class that is, and has
/// a name beside every number that has one.
#[test]
fn output_is_valid_by_the_json_schemas() {
    let validators = validators();
    let records = mapped("ocsf");
    assert_every_kind(&records);
    for (path, record) in records {
        let output = record.json();
        let class = class(record.kind, &output);
        let errors = validators[class].iter_errors(&output);
        let problems: Vec<_> = errors
            .map(|error| format!("{} {error}", error.instance_path()))
            .collect();
        assert!(problems.is_empty(), "{}: {problems:#?}", path.display());
        for name in [
            "class_name",
            "category_name",
            "activity_name",
            "type_name",
            "severity",
            "status",
        ] {
            assert!(
                at(&output, name).is_some_and(Value::is_string),
                "{}: {name}",
                path.display()
            );
        }
        assert_eq!(
            at(&output, "metadata.version"),
            Some(&json!("1.8.0")),
            "{}",
            path.display()
        );
    }
}

/// Scenario: findings with and without a CVE. Guarantees: both maps for findings are used.
#[test]
fn findings_belong_to_two_classes() {
    let findings = mapped("ocsf");
    let findings = findings
        .iter()
        .filter(|(_, record)| record.kind == Kind::SubAssessment);
    let classes: Vec<_> = findings
        .map(|(_, record)| record.json()["class_uid"].clone())
        .collect();
    assert!(
        classes.contains(&json!(2002)) && classes.contains(&json!(2003)),
        "{classes:?}"
    );
}

/// The class a record must have; a finding may have one of two, of which the output names one.
fn class(kind: Kind, output: &Value) -> &'static str {
    let (class, uid) = match kind {
        Kind::Alert | Kind::AttackPath => ("detection_finding", 2004),
        Kind::SubAssessment if output.get("vulnerabilities").is_some() => ("vulnerability_finding", 2002),
        _ => ("compliance_finding", 2003),
    };
    assert_eq!(output["class_uid"], uid, "{}", kind.as_str());
    class
}

/// A validator for each class; the embedded file holds the objects once for all of them.
fn validators() -> BTreeMap<String, jsonschema::Validator> {
    let text = include_str!("../../src/map/schema/data/ocsf-1.8.0.json");
    let mut document: Value = serde_json::from_str(text).expect("the schemas are valid");
    let objects = document["$defs"].take();
    let classes = document["classes"].as_object().expect("there are classes");
    let build = |(name, class): (&String, &Value)| {
        let mut class = class.clone();
        class["$defs"] = objects.clone();
        let validator = jsonschema::draft202012::new(&class).expect("the schema is valid");
        (name.clone(), validator)
    };
    classes.iter().map(build).collect()
}
