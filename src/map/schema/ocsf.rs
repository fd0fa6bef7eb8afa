//! Finding classes of the Open Cybersecurity Schema Framework 1.8.0. Origin and licence: `data/SOURCES.md`.
//!
//! The JSON Schemas of the four classes are read when one is first asked for; objects are shared by all classes and
//! refer to each other by name, because they nest without end (a process has a parent process).

use std::collections::BTreeMap;
use std::sync::LazyLock;

use serde_json::Value as Json;

use super::field::{Allowed, Field, Members, Object, Shape, Twin, Type};
use crate::decode::json::Value;

/// The number that means "other" in every enumeration: its name is free text.
pub const OTHER: i64 = 99;

/// A class.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Class {
    /// Detection Finding.
    Detection,
    /// Vulnerability Finding.
    Vulnerability,
    /// Compliance Finding.
    Compliance,
    /// Incident Finding.
    Incident,
}

impl Class {
    /// How messages call it.
    pub fn title(self) -> &'static str {
        match self {
            Class::Detection => "OCSF 1.8.0 Detection Finding",
            Class::Vulnerability => "OCSF 1.8.0 Vulnerability Finding",
            Class::Compliance => "OCSF 1.8.0 Compliance Finding",
            Class::Incident => "OCSF 1.8.0 Incident Finding",
        }
    }

    /// Name of the class in the schema.
    pub fn name(self) -> &'static str {
        match self {
            Class::Detection => "detection_finding",
            Class::Vulnerability => "vulnerability_finding",
            Class::Compliance => "compliance_finding",
            Class::Incident => "incident_finding",
        }
    }

    /// Its attributes.
    pub fn root(self) -> &'static Object {
        &SCHEMA.classes[self.name()]
    }
}

/// The object called `name`.
///
/// Panics on a name that no attribute refers to, because names come from the embedded schema.
pub fn object(name: &str) -> &'static Object {
    &SCHEMA.objects[name]
}

/// The embedded file: `classes` by name, and `$defs` with the objects.
pub fn document() -> Json {
    serde_json::from_str(include_str!("data/ocsf-1.8.0.json")).expect("the embedded schema is valid")
}

struct Parsed {
    classes: BTreeMap<String, Object>,
    objects: BTreeMap<String, Object>,
}

static SCHEMA: LazyLock<Parsed> = LazyLock::new(|| {
    let document = document();
    let all = |key: &str, parse: fn(&Json) -> Object| {
        let entries = document[key].as_object().expect("it is an object").iter();
        entries.map(|(name, json)| (name.clone(), parse(json))).collect()
    };
    Parsed {
        classes: all("classes", class),
        objects: all("$defs", parse_object),
    }
});

/// A class has, beyond an object, what follows from its number and from the activity.
fn class(json: &Json) -> Object {
    let mut object = parse_object(json);
    let text = |text: &str| Value::String(text.to_owned().into());
    let number = |json: &Json| Value::Number(json["const"].to_string().into());
    let properties = &json["properties"];
    let title = json["title"].as_str().unwrap_or_default();
    object.constants = vec![
        ("class_uid", number(&properties["class_uid"])),
        ("class_name", text(title)),
        ("category_uid", number(&properties["category_uid"])),
        // All four classes are findings.
        ("category_name", text("Findings")),
    ];
    let types = captions(&properties["type_uid"]);
    let activity = |number: i64| number % 100;
    object.twins.retain(|twin| twin.id != "type_uid");
    object.twins.push(Twin {
        id: "activity_id".to_owned(),
        name: "type_uid".to_owned(),
        is_caption: false,
        table: sorted(
            types
                .iter()
                .map(|(uid, _)| (activity(*uid), Value::Number(uid.to_string().into()))),
        ),
    });
    object.twins.push(Twin {
        id: "activity_id".to_owned(),
        name: "type_name".to_owned(),
        is_caption: false,
        table: sorted(types.iter().map(|(uid, caption)| (activity(*uid), text(caption)))),
    });
    object
}

fn parse_object(json: &Json) -> Object {
    let properties = json["properties"].as_object();
    let mut object = Object {
        required: texts(&json["required"]),
        ..Object::default()
    };
    for key in ["anyOf", "oneOf"] {
        let alternatives = json[key].as_array().into_iter().flatten();
        object
            .alternatives
            .extend(alternatives.map(|one| texts(&one["required"])));
    }
    for (name, attribute) in properties.into_iter().flatten() {
        object.members.insert(name.clone(), field(attribute));
        let captions = captions(attribute);
        if let (Some(sibling), false) = (attribute["x-sibling"].as_str(), captions.is_empty()) {
            let texts = captions
                .into_iter()
                .map(|(id, caption)| (id, Value::String(caption.into())));
            object.twins.push(Twin {
                id: name.clone(),
                name: sibling.to_owned(),
                is_caption: true,
                table: sorted(texts),
            });
        }
    }
    object
}

fn field(json: &Json) -> Field {
    if json["type"] == "array" {
        let mut field = field(&json["items"]);
        field.shape = Shape::List;
        return field;
    }
    if let Some(name) = json["$ref"].as_str() {
        let mut field = Field::new(Type::Object, Shape::One);
        field.members = Members::Ocsf(name.rsplit('/').next().unwrap_or_default().to_owned());
        return field;
    }
    let is_address = json["description"]
        .as_str()
        .is_some_and(|text| text.starts_with("ip_t"));
    let value_type = match json["type"].as_str() {
        Some("string") if is_address => Type::Ip,
        Some("string") => Type::Text,
        Some("integer") => Type::Whole,
        Some("number") => Type::Number,
        Some("boolean") => Type::Boolean,
        None if !json["const"].is_null() => Type::Whole,
        _ => Type::Anything,
    };
    let shape = match value_type {
        Type::Anything => Shape::Either,
        _ => Shape::One,
    };
    let mut field = Field::new(value_type, shape);
    let captions = captions(json);
    let values = json["enum"].as_array().into_iter().flatten();
    field.allowed = values
        .map(|value| Allowed {
            value: value.to_string(),
            caption: caption(&captions, value.as_i64()),
        })
        .collect();
    let bound = |key: &str| json[key].as_i64();
    field.range = bound("minimum").zip(bound("maximum"));
    field.limit_bytes = json["maxLength"].as_u64().map(|limit| limit as usize);
    field
}

/// Numbers and their names.
fn captions(json: &Json) -> Vec<(i64, String)> {
    let captions = json["x-enum-captions"].as_object().into_iter().flatten();
    captions
        .filter_map(|(id, caption)| Some((id.parse().ok()?, caption.as_str()?.to_owned())))
        .collect()
}

fn caption(captions: &[(i64, String)], id: Option<i64>) -> String {
    let found = captions.iter().find(|(known, _)| Some(*known) == id);
    found.map(|(_, caption)| caption.clone()).unwrap_or_default()
}

fn sorted(entries: impl Iterator<Item = (i64, Value<'static>)>) -> Vec<(i64, Value<'static>)> {
    let mut entries: Vec<_> = entries.collect();
    entries.sort_by_key(|(number, _)| *number);
    entries
}

fn texts(json: &Json) -> Vec<String> {
    let texts = json.as_array().into_iter().flatten();
    texts
        .filter_map(|text| text.as_str().map(str::to_owned))
        .collect()
}
