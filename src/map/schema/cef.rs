//! Keys of the Common Event Format. Origin and licence: `data/SOURCES.md`.
//!
//! Keys that came with version 1 of the format are not among them, because the lines say `CEF:0`; a map that wants one
//! lists it under `own_keys`.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use serde::Deserialize;

use super::field::{Allowed, Field, Object, Shape, Type};

/// The parts of the header, without the leading `CEF:0`.
pub static HEADER: LazyLock<Object> = LazyLock::new(|| {
    let limits = &DICTIONARY.header.max_length;
    let text = |name: &str, limit: &str| {
        let mut field = Field::new(Type::Text, Shape::One);
        field.limit_bytes = Some(limits[limit]);
        (name.to_owned(), field)
    };
    let mut severity = Field::new(Type::Scalar, Shape::One);
    let words = DICTIONARY.header.severity_strings.iter().cloned();
    severity.allowed = words
        .chain((0..=10).map(|number| number.to_string()))
        .map(Allowed::text)
        .collect();
    let members = [
        text("device_vendor", "device_vendor"),
        text("device_product", "device_product"),
        text("device_version", "device_version"),
        text("event_class_id", "device_event_class_id"),
        text("name", "name"),
        ("severity".to_owned(), severity),
    ];
    Object {
        members: members.into_iter().collect(),
        ..Object::default()
    }
});

/// Names of [`HEADER`]'s members in the order in which they are written.
pub const HEADER_ORDER: &[&str] = &[
    "device_vendor",
    "device_product",
    "device_version",
    "event_class_id",
    "name",
    "severity",
];

/// The keys of the extension.
pub static KEYS: LazyLock<Object> = LazyLock::new(|| {
    let lines = DICTIONARY.keys.iter().filter(|(_, line)| line.since == "0.1");
    Object {
        members: lines.map(|(key, line)| (key.clone(), field(key, line))).collect(),
        ..Object::default()
    }
});

static DICTIONARY: LazyLock<Dictionary> = LazyLock::new(|| {
    serde_json::from_str(include_str!("data/cef-27.json")).expect("the embedded dictionary is valid")
});

#[derive(Debug, Deserialize)]
struct Dictionary {
    header: HeaderLine,
    keys: BTreeMap<String, Line>,
}

#[derive(Debug, Deserialize)]
struct HeaderLine {
    max_length: BTreeMap<String, usize>,
    severity_strings: Vec<String>,
}

#[derive(Debug, Deserialize)]
struct Line {
    #[serde(rename = "type")]
    key_type: String,
    since: String,
    max_length: Option<usize>,
}

fn field(key: &str, line: &Line) -> Field {
    let value_type = match &*line.key_type {
        "integer" | "long" => Type::Whole,
        "double" => Type::Number,
        "timestamp" => Type::Moment,
        "ip_address" => Type::Ip,
        "ipv4_address" => Type::Ipv4,
        "ipv6_address" => Type::Ipv6,
        "mac_address" => Type::Mac,
        _ => Type::Text,
    };
    let shape = match value_type {
        Type::Text => Shape::Either,
        _ => Shape::One,
    };
    let mut field = Field::new(value_type, shape);
    field.limit_bytes = line.max_length;
    if line.key_type == "integer" {
        field.range = Some((i64::from(i32::MIN), i64::from(i32::MAX)));
    }
    let label = format!("{key}Label");
    field.label = DICTIONARY.keys.contains_key(&label).then_some(label);
    field
}
