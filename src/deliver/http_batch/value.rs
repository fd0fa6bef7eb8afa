//! An option value that may be a secret: written out, or where to read it.

use std::borrow::Cow;
use std::fmt;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use secrecy::SecretString;
use serde::de::value::MapAccessDeserializer;
use serde::de::{Error, MapAccess, Visitor};
use serde::{Deserialize, Deserializer};

use crate::config::{SecretReference, secret};

/// A text, or where to read it. Both are treated as a secret once they are read.
#[derive(Clone, PartialEq, Eq)]
pub enum TextOrSecret {
    /// As written.
    Text(String),
    /// Read from elsewhere.
    Secret(SecretReference),
}

impl TextOrSecret {
    /// The text, read now if it stands elsewhere.
    pub fn read(&self) -> Result<SecretString, secret::Error> {
        match self {
            TextOrSecret::Text(text) => Ok(SecretString::from(text.clone())),
            TextOrSecret::Secret(reference) => reference.read(),
        }
    }
}

/// The text stays out: an address can hold a password.
impl fmt::Debug for TextOrSecret {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            TextOrSecret::Text(_) => formatter.write_str("Text(***)"),
            TextOrSecret::Secret(reference) => formatter.debug_tuple("Secret").field(reference).finish(),
        }
    }
}

impl<'de> Deserialize<'de> for TextOrSecret {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(TextOrSecretVisitor)
    }
}

struct TextOrSecretVisitor;

impl<'de> Visitor<'de> for TextOrSecretVisitor {
    type Value = TextOrSecret;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("a text, `{ env: NAME }` or `{ file: PATH }`")
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<TextOrSecret, E> {
        Ok(TextOrSecret::Text(text.to_owned()))
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<TextOrSecret, A::Error> {
        SecretReference::deserialize(MapAccessDeserializer::new(map)).map(TextOrSecret::Secret)
    }
}

impl JsonSchema for TextOrSecret {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        "TextOrSecret".into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let reference = generator.subschema_for::<SecretReference>();
        json_schema!({ "anyOf": [{ "type": "string" }, reference] })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn is_a_text_or_says_where_to_read() {
        let cases = [
            ("soc", Some("Text(***)")),
            ("{ env: NAME }", Some("Secret(Env(\"NAME\"))")),
            (
                "{ file: /run/secrets/x }",
                Some("Secret(File(\"/run/secrets/x\"))"),
            ),
            ("[soc]", None),
            ("{ other: x }", None),
        ];
        for (text, expected) in cases {
            let value = serde_saphyr::from_str::<TextOrSecret>(text).ok();
            assert_eq!(
                value.map(|value| format!("{value:?}")).as_deref(),
                expected,
                "{text}"
            );
        }
    }
}
