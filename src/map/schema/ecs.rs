//! The field list of the Elastic Common Schema, embedded. Origin and licence: `data/SOURCES.md`.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use serde::Deserialize;

use super::field::{Allowed, Field, Members, Object, Shape, Type};

/// All fields as they nest.
pub static ROOT: LazyLock<Object> = LazyLock::new(|| {
    let mut root = Object::default();
    for (name, line) in LINES.iter() {
        insert(&mut root, name, line);
    }
    root
});

/// The types that fit each value of `event.category`.
pub fn types_of_categories() -> &'static BTreeMap<String, Vec<String>> {
    &LINES["event.category"].expected_event_types
}

static LINES: LazyLock<BTreeMap<String, Line>> = LazyLock::new(|| {
    serde_json::from_str(include_str!("data/ecs-9.4.0.json")).expect("the embedded field list is valid")
});

/// One line of the field list.
#[derive(Debug, Deserialize)]
struct Line {
    #[serde(rename = "type")]
    field_type: String,
    #[serde(default, rename = "array")]
    is_list: bool,
    #[serde(default)]
    allowed: Vec<String>,
    #[serde(default)]
    expected_event_types: BTreeMap<String, Vec<String>>,
}

/// Names come in order, so an object stands before its members.
fn insert(object: &mut Object, name: &str, line: &Line) {
    let Some((first, rest)) = name.split_once('.') else {
        object.members.insert(name.to_owned(), field(line));
        return;
    };
    let parent = object
        .members
        .entry(first.to_owned())
        .or_insert_with(|| Field::new(Type::Object, Shape::Either));
    if !matches!(parent.members, Members::Of(_)) {
        parent.members = Members::Of(Box::default());
    }
    if let Members::Of(members) = &mut parent.members {
        insert(members, rest, line);
    }
}

fn field(line: &Line) -> Field {
    let value_type = match &*line.field_type {
        "keyword" | "constant_keyword" | "wildcard" | "match_only_text" => Type::Text,
        "long" | "integer" => Type::Whole,
        "float" | "double" | "scaled_float" => Type::Number,
        "boolean" => Type::Boolean,
        "date" => Type::Date,
        "ip" => Type::Ip,
        "geo_point" => Type::Anything,
        _ => Type::Object,
    };
    let shape = match (value_type, line.is_list) {
        (Type::Object, _) => Shape::Either,
        (_, true) => Shape::List,
        (_, false) => Shape::One,
    };
    let mut field = Field::new(value_type, shape);
    field.allowed = line.allowed.iter().map(Allowed::text).collect();
    if value_type == Type::Object {
        field.members = Members::Open;
    }
    field
}
