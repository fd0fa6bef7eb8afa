//! Attributes of the Log Event Extended Format 2.0. Origin and licence: `data/SOURCES.md`.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use serde::Deserialize;

use super::field::{Allowed, Field, Object, Shape, Type};

/// The parts of the header, without the leading `LEEF:2.0` and the delimiter.
pub static HEADER: LazyLock<Object> = LazyLock::new(|| {
    let names = HEADER_ORDER.iter().map(|name| {
        let mut field = Field::new(Type::Text, Shape::One);
        field.limit_bytes = (*name == "event_id").then_some(LIST.event_id_max_length);
        ((*name).to_owned(), field)
    });
    Object {
        members: names.collect(),
        ..Object::default()
    }
});

/// Names of [`HEADER`]'s members in the order in which they are written.
pub const HEADER_ORDER: &[&str] = &["vendor", "product", "version", "event_id"];

/// The predefined attributes.
pub static ATTRIBUTES: LazyLock<Object> = LazyLock::new(|| Object {
    members: LIST
        .attributes
        .iter()
        .map(|(name, line)| (name.clone(), field(line)))
        .collect(),
    ..Object::default()
});

static LIST: LazyLock<List> = LazyLock::new(|| {
    serde_json::from_str(include_str!("data/leef-2.0.json")).expect("the embedded list is valid")
});

#[derive(Debug, Deserialize)]
struct List {
    event_id_max_length: usize,
    attributes: BTreeMap<String, Line>,
}

#[derive(Debug, Deserialize)]
struct Line {
    #[serde(rename = "type")]
    attribute_type: String,
    limits: Option<String>,
}

fn field(line: &Line) -> Field {
    let value_type = match &*line.attribute_type {
        "integer" => Type::Whole,
        "date" => Type::Moment,
        "ip_address" => Type::Ip,
        "mac_address" => Type::Mac,
        "integer_or_keyword" | "boolean_string" => Type::Scalar,
        _ => Type::Text,
    };
    let shape = match value_type {
        Type::Text => Shape::Either,
        _ => Shape::One,
    };
    let mut field = Field::new(value_type, shape);
    if line.attribute_type == "boolean_string" {
        field.allowed = ["true", "false"].map(Allowed::text).into();
    }
    let limits = line.limits.as_deref().unwrap_or_default();
    match limits.split_once('-') {
        Some((from, to)) => field.range = from.trim().parse().ok().zip(to.trim().parse().ok()),
        None => field.limit_bytes = limits.parse().ok(),
    }
    field
}
