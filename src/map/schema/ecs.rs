//! The field list of the Elastic Common Schema, embedded. Origin and licence: `data/SOURCES.md`.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use serde::Deserialize;

use super::Known;

/// All fields by their dotted names.
pub static FIELDS: LazyLock<BTreeMap<String, Field>> = LazyLock::new(|| {
    serde_json::from_str(include_str!("data/ecs-9.4.0.json")).expect("the embedded field list is valid")
});

/// One field of the schema.
#[derive(Debug, Deserialize)]
pub struct Field {
    /// Elasticsearch type of its values.
    #[serde(rename = "type")]
    pub field_type: FieldType,
    /// Whether the schema wants a list.
    #[serde(default, rename = "array")]
    pub is_list: bool,
    /// The only values allowed; empty if any are.
    #[serde(default)]
    pub allowed: Vec<String>,
    /// For `event.category`: the types that fit each category.
    #[serde(default)]
    pub expected_event_types: BTreeMap<String, Vec<String>>,
}

/// Elasticsearch types, as far as the schema uses them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FieldType {
    /// Exact text.
    Keyword,
    /// Exact text, the same in every document.
    ConstantKeyword,
    /// Text searched with wildcards.
    Wildcard,
    /// Text searched by words.
    MatchOnlyText,
    /// 64-bit whole number.
    Long,
    /// 32-bit whole number.
    Integer,
    /// 32-bit number.
    Float,
    /// 64-bit number.
    Double,
    /// Number with fixed decimals.
    ScaledFloat,
    /// Truth value.
    Boolean,
    /// Date.
    Date,
    /// IP address.
    Ip,
    /// Place on Earth.
    GeoPoint,
    /// Object.
    Object,
    /// Object whose leaves are exact texts.
    Flattened,
    /// List of objects.
    Nested,
}

impl FieldType {
    /// Whether its values are text.
    pub fn is_text(self) -> bool {
        matches!(
            self,
            FieldType::Keyword | FieldType::ConstantKeyword | FieldType::Wildcard | FieldType::MatchOnlyText
        )
    }

    /// Whether its values are numbers.
    pub fn is_number(self) -> bool {
        matches!(
            self,
            FieldType::Long
                | FieldType::Integer
                | FieldType::Float
                | FieldType::Double
                | FieldType::ScaledFloat
        )
    }

    /// Whether its values are objects, or lists of them.
    pub fn is_object(self) -> bool {
        matches!(self, FieldType::Object | FieldType::Flattened | FieldType::Nested)
    }
}

/// What the schema says of `name`: a field, anything below an object without fields of its own, or nothing.
pub(super) fn field(name: &str) -> Known {
    if let Some(field) = FIELDS.get(name) {
        return Known::Field(field);
    }
    let mut parent = name;
    while let Some((shorter, _)) = parent.rsplit_once('.') {
        parent = shorter;
        if let Some(field) = FIELDS.get(parent) {
            return match field.field_type.is_object() && !has_members(parent) {
                true => Known::Anything,
                false => Known::Nothing,
            };
        }
    }
    Known::Nothing
}

fn has_members(name: &str) -> bool {
    let prefix = format!("{name}.");
    FIELDS
        .range(prefix.clone()..)
        .next()
        .is_some_and(|(next, _)| next.starts_with(&prefix))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn knows_fields_open_objects_and_nothing_else() {
        for (name, expected) in [
            ("event.severity", "field"),
            ("labels.unit", "anything"),
            ("event.severty", "nothing"),
            ("event", "nothing"),
            ("host.os", "nothing"),
            ("event.kind.x", "nothing"),
        ] {
            let known = match field(name) {
                Known::Field(_) => "field",
                Known::Anything => "anything",
                Known::Nothing => "nothing",
            };
            assert_eq!(known, expected, "{name}");
        }
        assert!(FIELDS["event.category"].is_list && !FIELDS["event.kind"].is_list);
    }
}
