//! The `ecs` set against an independent reading of the field list.

use std::collections::HashMap;

use serde_json::Value;

use crate::support::{assert_every_kind, at, mapped};

/// Where fields outside the schema may stand in the output.
const OWN_PREFIXES: [&str; 6] = [
    "microsoft_defender_cloud.",
    "resource.",
    "result.evaluation",
    "rule.remediation",
    "package.fixed_version",
    "vulnerability.published_date",
];

/// Fields that every document has.
const ALWAYS: [&str; 5] = [
    "@timestamp",
    "event.kind",
    "event.category",
    "event.type",
    "ecs.version",
];

/// Scenario: every fixture as ECS.
/// Guarantees: every kind of record has a map, and names, types, enumerations and lists are those of the field list.
#[test]
fn output_fits_the_field_list() {
    let fields: HashMap<String, Value> =
        serde_json::from_str(include_str!("../../src/map/schema/data/ecs-9.4.0.json"))
            .expect("the list is valid");
    let records = mapped("ecs");
    assert_every_kind(&records);
    for (path, record) in records {
        let output = record.json();
        let mut problems = Vec::new();
        check("", &output, &fields, &mut problems);
        let missing = ALWAYS.iter().filter(|name| at(&output, name).is_none());
        problems.extend(missing.map(|name| format!("{name} is missing")));
        check_event_type(&output, &fields, &mut problems);
        assert!(problems.is_empty(), "{}: {problems:#?}", path.display());
    }
}

/// Walks the output; every leaf must be a field of the list, with its type, or stand under an own prefix.
fn check(name: &str, value: &Value, fields: &HashMap<String, Value>, problems: &mut Vec<String>) {
    if OWN_PREFIXES
        .iter()
        .any(|prefix| format!("{name}.").starts_with(prefix) || name == *prefix)
    {
        return;
    }
    let Some(field) = fields.get(name) else {
        match value {
            Value::Object(members) => {
                for (member, value) in members {
                    let inner = if name.is_empty() {
                        member.clone()
                    } else {
                        format!("{name}.{member}")
                    };
                    check(&inner, value, fields, problems);
                }
            }
            _ => problems.push(format!("{name} is not in the list")),
        }
        return;
    };
    let elements = match value {
        Value::Array(elements) => elements.as_slice(),
        single => std::slice::from_ref(single),
    };
    if field["array"] == true && !value.is_array() {
        problems.push(format!("{name} wants a list"));
    }
    if field.get("array").is_none() && value.is_array() {
        problems.push(format!("{name} wants one value"));
    }
    for element in elements {
        check_type(name, element, field, problems);
    }
}

fn check_type(name: &str, value: &Value, field: &Value, problems: &mut Vec<String>) {
    let text = value.as_str();
    let fits = match field["type"].as_str().expect("fields have types") {
        "keyword" | "constant_keyword" | "wildcard" | "match_only_text" => {
            text.is_some_and(|text| !text.is_empty())
        }
        "long" | "integer" => value.is_i64(),
        "float" | "double" | "scaled_float" => value.is_number(),
        "boolean" => value.is_boolean(),
        "date" => text.is_some_and(|text| text.parse::<jiff::Timestamp>().is_ok()),
        "ip" => text.is_some_and(|text| text.parse::<std::net::IpAddr>().is_ok()),
        _ => value.is_object(),
    };
    if !fits {
        problems.push(format!("{name} has a wrong type: {value}"));
    }
    let allowed = field["allowed"].as_array();
    if allowed.is_some_and(|allowed| !allowed.contains(value)) {
        problems.push(format!("{name} does not allow {value}"));
    }
}

fn check_event_type(output: &Value, fields: &HashMap<String, Value>, problems: &mut Vec<String>) {
    let expected = &fields["event.category"]["expected_event_types"];
    let (Some(categories), Some(types)) = (
        output["event"]["category"].as_array(),
        output["event"]["type"].as_array(),
    ) else {
        return;
    };
    for category in categories {
        let expected = expected[category.as_str().unwrap_or_default()].as_array();
        for kind in types {
            if !expected.is_some_and(|expected| expected.contains(kind)) {
                problems.push(format!("{category} does not expect {kind}"));
            }
        }
    }
}
