//! Shapes of option values: one text or a list of texts; one text or a text for each kind.

use std::borrow::Cow;
use std::fmt;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::de::{Error, MapAccess, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer};

use crate::event::{Hub, Kind};

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

/// Names that stand between braces in a text by kind.
const PLACEHOLDERS: [&str; 3] = ["kind", "namespace", "hub"];

impl TextByKind {
    /// A name between braces that does not exist, if there is one.
    pub fn unknown_placeholder(&self) -> Option<&str> {
        self.texts().find_map(|text| {
            let mut rest = text;
            while let Some((name, tail)) = rest.split_once('{').and_then(|(_, tail)| tail.split_once('}')) {
                if !PLACEHOLDERS.contains(&name) {
                    return Some(name);
                }
                rest = tail;
            }
            None
        })
    }
}

impl TextByKind {
    /// Whether every kind that is routed has a text.
    pub fn is_complete(&self) -> bool {
        let mut routed = Kind::ALL.into_iter().filter(|kind| *kind != Kind::Undecodable);
        routed.all(|kind| self.get(kind).is_some())
    }

    /// The distinct texts after `expand`, and the position of each kind's text among them. A kind without a text has the
    /// empty one; what cannot be decoded is never routed and adds none.
    pub fn lanes(&self, expand: impl Fn(&str, Kind) -> String) -> (Vec<String>, Vec<usize>) {
        let mut lanes: Vec<String> = Vec::new();
        let lane_by_kind = Kind::ALL.into_iter().map(|kind| {
            if kind == Kind::Undecodable {
                return 0;
            }
            let text = self.get(kind).map(|text| expand(text, kind)).unwrap_or_default();
            let known = lanes.iter().position(|lane| *lane == text);
            known.unwrap_or_else(|| {
                lanes.push(text);
                lanes.len() - 1
            })
        });
        let lane_by_kind = lane_by_kind.collect();
        (lanes, lane_by_kind)
    }
}

/// A text with its placeholders replaced.
pub fn expand(text: &str, kind: Kind, hub: &Hub) -> String {
    text.replace("{kind}", kind.as_str())
        .replace("{namespace}", &hub.namespace)
        .replace("{hub}", &hub.name)
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
