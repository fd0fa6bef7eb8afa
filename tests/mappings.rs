//! Every fixture through the embedded sets: as golden files, and against an independent reading of the ECS field list.

use std::collections::HashMap;
use std::path::Path;

use hub2siem::decode;
use hub2siem::event::{Event, Hub, Kind, Offset, PartitionId, SequenceNumber, Timestamp};
use hub2siem::map::{Mappings, RecordContext};
use serde_json::Value;

/// Where fields outside the schema may stand in the output of the embedded maps.
const OWN_PREFIXES: [&str; 4] = [
    "microsoft_defender_cloud.",
    "resource.",
    "result.evaluation",
    "rule.remediation",
];

#[test]
fn alerts_and_assessments_as_ecs() {
    insta::glob!("fixtures/*/*.json", |path| {
        if ["alert", "assessment"].contains(&folder(path)) {
            golden("ecs", path);
        }
    });
}

#[test]
fn everything_as_native() {
    insta::glob!("fixtures/*/*.json", |path| {
        if !["envelope", "invalid"].contains(&folder(path)) {
            golden("native", path);
        }
    });
}

/// Scenario: every fixture as ECS. Guarantees: names, types, enumerations and lists are those of the field list, and a
/// kind without a map is sent as `native`.
#[test]
fn ecs_output_fits_the_field_list() {
    let fields: HashMap<String, Value> =
        serde_json::from_str(include_str!("../src/map/schema/data/ecs-9.4.0.json"))
            .expect("the list is valid");
    let mut checked = 0;
    for folder in ["alert", "assessment"] {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR"))
            .join("tests/fixtures")
            .join(folder);
        for entry in std::fs::read_dir(folder).expect("the folder is there") {
            let path = entry.expect("it can be read").path();
            for output in render("ecs", &path) {
                let mut problems = Vec::new();
                check("", &output, &fields, &mut problems);
                for name in [
                    "@timestamp",
                    "event.kind",
                    "event.category",
                    "event.type",
                    "ecs.version",
                ] {
                    if at(&output, name).is_none() {
                        problems.push(format!("{name} is missing"));
                    }
                }
                check_event_type(&output, &fields, &mut problems);
                assert!(problems.is_empty(), "{}: {problems:#?}", path.display());
                checked += 1;
            }
        }
    }
    assert!(checked >= 20, "{checked} records were checked");
}

/// Scenario: a secret in a partner's data. Guarantees: no set writes it.
#[test]
fn a_secret_is_never_written() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/assessment/partner-secret.json");
    let body = std::fs::read_to_string(&path).expect("the fixture is there");
    let document: Value = serde_json::from_str(&body).expect("it is valid");
    let secret = document["properties"]["partnersData"]["Secret"]
        .as_str()
        .expect("it has one");
    for set in ["ecs", "native"] {
        for output in render(set, &path) {
            assert!(!output.to_string().contains(secret), "{set}");
        }
    }
}

fn folder(path: &Path) -> &str {
    let folder = path.parent().and_then(Path::file_name);
    folder
        .and_then(|name| name.to_str())
        .expect("fixtures stand in folders")
}

fn golden(set: &str, path: &Path) {
    let lines = lines(set, path);
    let texts: Vec<_> = lines.into_iter().map(|(kind, line)| pretty(kind, line)).collect();
    insta::assert_snapshot!(set, texts.join("\n"));
}

/// Indented, where the output is shallow enough for the JSON reader of the tests; `native` may be 130 levels deep.
fn pretty(kind: Kind, line: String) -> String {
    match serde_json::from_str::<Value>(&line) {
        Ok(output) => serde_json::to_string_pretty(&output).expect("it is JSON"),
        Err(error) => {
            assert!(
                kind == Kind::Unknown && error.to_string().contains("recursion limit"),
                "{error}: {line}"
            );
            line
        }
    }
}

/// The records of a fixture in the form of a set, parsed again.
fn render(set: &str, path: &Path) -> Vec<Value> {
    let lines = lines(set, path);
    lines
        .into_iter()
        .map(|(_, line)| serde_json::from_str(&line).expect("the output is JSON"))
        .collect()
}

/// The records of a fixture in the form of a set.
fn lines(set: &str, path: &Path) -> Vec<(Kind, String)> {
    let mappings = Mappings::load(None).unwrap_or_else(|problems| panic!("{problems}"));
    assert!(mappings.warnings().0.is_empty(), "{}", mappings.warnings());
    let set = mappings.set(set).expect("the set is embedded");
    let hub = Hub {
        namespace: "contoso.servicebus.windows.net".into(),
        name: "defender".into(),
    };
    let event = Event {
        partition: PartitionId::new("3"),
        sequence_number: SequenceNumber(4711),
        offset: Offset::new("8812"),
        enqueued_time: Timestamp::from_millis(1_731_049_262_123),
        body: std::fs::read(path).expect("the fixture is there").into(),
        last_enqueued: None,
    };
    let records = decode::decode(&hub, &event);
    records
        .iter()
        .map(|record| {
            let mut output = Vec::new();
            let rendering = set
                .render(&RecordContext::new(record), &mut output)
                .expect("it can be mapped");
            assert_eq!(rendering.revision.is_some(), set.has(record.kind));
            assert!(!output.contains(&b'\n'), "one line");
            (
                record.kind,
                String::from_utf8(output).expect("the output is text"),
            )
        })
        .collect()
}

fn at<'v>(output: &'v Value, name: &str) -> Option<&'v Value> {
    name.split('.').try_fold(output, |value, part| value.get(part))
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
