//! A test file as written; its comments are the reference and the JSON Schema.

use std::fmt;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::de::{Deserialize, Deserializer, Error, IgnoredAny, SeqAccess, Visitor};

use crate::config::yaml::Spanned;

/// Tests of one mapping file or set.
#[derive(Debug, serde::Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct TestFile {
    /// The map under test, `ecs/alert`; or a set, `ecs`, which then chooses the map for each record.
    pub mapping: Spanned<String>,
    /// The event that carries the records: what `$hub` shows. Every part has a fixed value of its own.
    #[serde(default)]
    pub hub: HubHeader,
    /// The tests, in order.
    pub tests: Vec<Test>,
}

/// Where the event of a test comes from.
#[derive(Debug, serde::Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct HubHeader {
    /// Host name of the namespace.
    pub namespace: String,
    /// Name of the hub.
    pub name: String,
    /// Partition id.
    pub partition: String,
    /// Number of the event in its partition.
    pub sequence_number: i64,
    /// Offset of the event.
    pub offset: String,
    /// When the hub took the event in, RFC 3339.
    pub enqueued_time: Spanned<String>,
}

impl Default for HubHeader {
    fn default() -> Self {
        Self {
            namespace: "contoso.servicebus.windows.net".to_owned(),
            name: "defender".to_owned(),
            partition: "0".to_owned(),
            sequence_number: 1,
            offset: "0".to_owned(),
            enqueued_time: Spanned {
                value: "2026-01-01T00:00:00.000Z".to_owned(),
                span: 0..0,
            },
        }
    }
}

/// One test.
#[derive(Debug, serde::Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Test {
    /// What it shows, as a sentence. Each test of a file has a name of its own.
    pub name: Spanned<String>,
    /// The record: written here, or a path. A path is looked up beside the test file, then in the folder given with
    /// `--samples`, then among the samples in the program (`hub2siem mappings samples` lists them).
    pub input: Anything,
    /// Whether the record stands as maps see it: names of REST alerts are then not changed, and with the name of a map
    /// it counts as a record of that map's kind.
    #[serde(default)]
    pub decoded: bool,
    /// Target field, dotted, and its value. Only the fields listed are compared; lists and objects as a whole.
    /// `name[0]` is the first element of a list.
    pub expect: Option<Fields>,
    /// Whether the output may have no field besides those in `expect`.
    #[serde(default)]
    pub exact: bool,
    /// The whole line, for maps that write text.
    pub expect_text: Option<Spanned<String>>,
    /// Target fields that must not be there.
    #[serde(default)]
    pub absent: Absent,
}

/// A value of any form; what it is, is read from the tree of the file.
#[derive(Debug, Default)]
pub struct Anything;

impl<'de> Deserialize<'de> for Anything {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        IgnoredAny::deserialize(deserializer).map(|_| Anything)
    }
}

impl JsonSchema for Anything {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Anything".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": ["string", "object"] })
    }
}

/// Names and values.
#[derive(Debug, Default)]
pub struct Fields;

impl<'de> Deserialize<'de> for Fields {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        std::collections::BTreeMap::<String, IgnoredAny>::deserialize(deserializer).map(|_| Fields)
    }
}

impl JsonSchema for Fields {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Fields".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "object" })
    }
}

/// One name, or a list of names.
#[derive(Debug, Default)]
pub struct Absent(pub Vec<String>);

impl<'de> Deserialize<'de> for Absent {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(AbsentVisitor)
    }
}

struct AbsentVisitor;

impl<'de> Visitor<'de> for AbsentVisitor {
    type Value = Absent;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("the name of a field, or a list of names")
    }

    fn visit_str<E: Error>(self, name: &str) -> Result<Absent, E> {
        Ok(Absent(vec![name.to_owned()]))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Absent, A::Error> {
        let mut names = Vec::new();
        while let Some(name) = list.next_element()? {
            names.push(name);
        }
        Ok(Absent(names))
    }
}

impl JsonSchema for Absent {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Absent".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "anyOf": [{ "type": "string" }, { "type": "array", "items": { "type": "string" } }] })
    }
}
