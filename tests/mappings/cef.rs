//! The `cef` set against the dictionary of the format, through a parser that shares nothing with the program.

use std::collections::HashMap;
use std::net::{Ipv4Addr, Ipv6Addr};

use serde_json::Value;

use crate::cef_parser::{self, Cef};
use crate::support::{assert_every_kind, mapped};

/// Keys of the shipped maps that the dictionary does not know.
const OWN_KEYS: [&str; 2] = ["eventUid", "isSnapshot"];

/// Scenario: every fixture as CEF.
/// Guarantees: header, keys, types and lengths are those of the dictionary; a label stands exactly where its value
/// does and means the same in all maps; each line says which event it is.
#[test]
fn output_fits_the_dictionary() {
    let dictionary = dictionary();
    let records = mapped("cef");
    assert_every_kind(&records);
    let mut labels: HashMap<String, String> = HashMap::new();
    for (path, record) in records {
        let line =
            cef_parser::parse(&record.line).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        let mut problems = Vec::new();
        check_header(&line, &dictionary, &mut problems);
        for (key, value) in &line.extension {
            check(key, value, &dictionary["keys"], &mut problems);
            check_pair(key, &line, &dictionary["keys"], &mut problems);
            if key.ends_with("Label") {
                let known = labels.entry(key.clone()).or_insert_with(|| value.clone());
                if known != value {
                    problems.push(format!("{key} is {known} elsewhere and {value} here"));
                }
            }
        }
        if line.extension.get("eventUid").is_none_or(|id| id.len() != 32) {
            problems.push("eventUid is missing".to_owned());
        }
        assert!(problems.is_empty(), "{}: {problems:#?}", path.display());
    }
}

fn dictionary() -> Value {
    serde_json::from_str(include_str!("../../src/map/schema/data/cef-27.json"))
        .expect("the dictionary is valid")
}

fn check_header(line: &Cef, dictionary: &Value, problems: &mut Vec<String>) {
    if line.header[..3] != ["Microsoft", "Defender for Cloud", "1.0"] {
        problems.push(format!("the header says {:?}", line.header));
    }
    let limits = &dictionary["header"]["max_length"];
    for (index, name) in [(3, "device_event_class_id"), (4, "name")] {
        let length = line.header[index].len() as u64;
        if length == 0 || limits[name].as_u64().is_none_or(|limit| length > limit) {
            problems.push(format!("{name} has {length} bytes"));
        }
    }
    let severity = &line.header[5];
    if severity != "Unknown" && !severity.parse().is_ok_and(|number: u8| number <= 10) {
        problems.push(format!("severity is {severity}"));
    }
}

fn check(key: &str, value: &str, keys: &Value, problems: &mut Vec<String>) {
    let Some(known) = keys.get(key) else {
        if !OWN_KEYS.contains(&key) {
            problems.push(format!("{key} is not in the dictionary"));
        }
        return;
    };
    let fits = match known["type"].as_str().expect("keys have types") {
        "integer" => value.parse::<i32>().is_ok(),
        "long" => value.parse::<i64>().is_ok(),
        "double" => value.parse::<f64>().is_ok(),
        "timestamp" => value.len() == 13 && value.parse::<u64>().is_ok(),
        "ipv4_address" => value.parse::<Ipv4Addr>().is_ok(),
        "ipv6_address" => value.parse::<Ipv6Addr>().is_ok(),
        _ => !value.is_empty(),
    };
    if !fits {
        problems.push(format!("{key} has a wrong type: {value}"));
    }
    if known["max_length"]
        .as_u64()
        .is_some_and(|limit| value.len() as u64 > limit)
    {
        problems.push(format!("{key} is too long: {}", value.len()));
    }
    if known["since"] != "0.1" {
        problems.push(format!("{key} came with CEF:1"));
    }
}

/// Whether a key that has a label, or is one, stands beside its other half.
fn check_pair(key: &str, line: &Cef, keys: &Value, problems: &mut Vec<String>) {
    let label = format!("{key}Label");
    let other = match key.strip_suffix("Label") {
        Some(value) => value.to_owned(),
        None if keys.get(&label).is_some() => label,
        None => return,
    };
    if !line.extension.contains_key(&other) {
        problems.push(format!("{key} stands without {other}"));
    }
}
