//! Shapes of option values: one text or a list of texts; one text or a text for each kind.

use std::borrow::Cow;
use std::fmt;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::de::{Error, MapAccess, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer};

use crate::event::Kind;

/// A list of texts that may be written as one text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Texts(pub Vec<String>);

/// One text for every kind of record, or one for some kinds and another (`otherwise`) for the rest.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct TextByKind {
    by_kind: [Option<String>; Kind::COUNT],
    otherwise: Option<String>,
}

/// The key for all kinds that are not named.
const OTHERWISE: &str = "otherwise";

impl TextByKind {
    /// The same text for every kind.
    pub fn all(text: impl Into<String>) -> Self {
        Self {
            otherwise: Some(text.into()),
            ..Self::default()
        }
    }

    /// The text for `kind`; `None` if neither the kind nor `otherwise` is given.
    pub fn get(&self, kind: Kind) -> Option<&str> {
        self.by_kind[kind.index()]
            .as_deref()
            .or(self.otherwise.as_deref())
    }

    /// Every text given.
    pub fn texts(&self) -> impl Iterator<Item = &str> {
        self.by_kind
            .iter()
            .chain([&self.otherwise])
            .filter_map(Option::as_deref)
    }
}

impl<'de> Deserialize<'de> for Texts {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(TextsVisitor)
    }
}

struct TextsVisitor;

impl<'de> Visitor<'de> for TextsVisitor {
    type Value = Texts;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("a text or a list of texts")
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Texts, E> {
        Ok(Texts(vec![text.to_owned()]))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Texts, A::Error> {
        let mut texts = Vec::new();
        while let Some(text) = list.next_element()? {
            texts.push(text);
        }
        Ok(Texts(texts))
    }
}

impl JsonSchema for Texts {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        "Texts".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": ["string", "array"], "items": { "type": "string" } })
    }
}

impl<'de> Deserialize<'de> for TextByKind {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(TextByKindVisitor)
    }
}

struct TextByKindVisitor;

impl<'de> Visitor<'de> for TextByKindVisitor {
    type Value = TextByKind;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("a text, or a text for each kind of record and `otherwise`")
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<TextByKind, E> {
        Ok(TextByKind::all(text))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<TextByKind, A::Error> {
        let mut texts = TextByKind::default();
        while let Some(key) = map.next_key::<String>()? {
            let text = map.next_value::<String>()?;
            if key == OTHERWISE {
                texts.otherwise = Some(text);
            } else {
                let kind: Kind = key.parse().map_err(Error::custom)?;
                texts.by_kind[kind.index()] = Some(text);
            }
        }
        Ok(texts)
    }
}

impl JsonSchema for TextByKind {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        "TextByKind".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        let properties: serde_json::Map<String, serde_json::Value> = Kind::ALL
            .into_iter()
            .map(Kind::as_str)
            .chain([OTHERWISE])
            .map(|key| (key.to_owned(), serde_json::json!({ "type": "string" })))
            .collect();
        json_schema!({
            "type": ["string", "object"],
            "properties": properties,
            "additionalProperties": false,
        })
    }
}
