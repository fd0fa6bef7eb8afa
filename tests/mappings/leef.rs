//! The `leef` set against the attributes of the format, through a parser that shares nothing with the program.

use std::net::IpAddr;

use serde_json::Value;

use crate::leef_parser;
use crate::support::{assert_every_kind, mapped};

/// Scenario: every fixture as LEEF.
/// Guarantees: header, attributes, types and lengths are those of the format; an attribute outside it is a word in
/// camel case; each line says which event it is.
#[test]
fn output_fits_the_format() {
    let format: Value = serde_json::from_str(include_str!("../../src/map/schema/data/leef-2.0.json"))
        .expect("the list is valid");
    let records = mapped("leef");
    assert_every_kind(&records);
    for (path, record) in records {
        let line =
            leef_parser::parse(&record.line).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        let mut problems = Vec::new();
        if line.header[..3] != ["Microsoft", "Defender for Cloud", "1.0"] {
            problems.push(format!("the header says {:?}", line.header));
        }
        let limit = format["event_id_max_length"].as_u64().expect("it has a limit");
        if line.header[3].is_empty() || line.header[3].len() as u64 > limit {
            problems.push(format!("the event id is {:?}", line.header[3]));
        }
        for (name, value) in &line.attributes {
            check(name, value, &format["attributes"], &mut problems);
        }
        if line.attributes.get("eventUid").is_none_or(|id| id.len() != 32) {
            problems.push("eventUid is missing".to_owned());
        }
        if !line.attributes.contains_key("devTime") {
            problems.push("devTime is missing".to_owned());
        }
        assert!(problems.is_empty(), "{}: {problems:#?}", path.display());
    }
}

fn check(name: &str, value: &str, attributes: &Value, problems: &mut Vec<String>) {
    let Some(known) = attributes.get(name) else {
        let is_camel_case = name.starts_with(|character: char| character.is_ascii_lowercase())
            && name.bytes().all(|byte| byte.is_ascii_alphanumeric());
        if !is_camel_case {
            problems.push(format!("{name} is no name of an attribute"));
        }
        return;
    };
    let limits = known["limits"].as_str().unwrap_or_default();
    let fits = match known["type"].as_str().expect("attributes have types") {
        "integer" => value
            .parse::<i64>()
            .is_ok_and(|number| name != "sev" || (1..=10).contains(&number)),
        "date" => value.len() == 13 && value.parse::<u64>().is_ok(),
        "ip_address" => value.parse::<IpAddr>().is_ok(),
        _ => limits.parse().is_ok_and(|limit: usize| value.len() <= limit) || limits.is_empty(),
    };
    if !fits {
        problems.push(format!("{name} does not fit: {value}"));
    }
}
