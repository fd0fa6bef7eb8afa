//! The JSON body of a blob. Clients of different languages spell the same keys differently, and write numbers as text.

use serde_json::{Map, Value};

use super::position::Unreadable;
use crate::event::Timestamp;

/// Bytes of a body; what is larger was not written by any of these clients.
pub const MAX_BYTES: usize = 64 << 10;

/// A JSON object, whose keys are compared without case and underscores.
pub(super) struct Body(Map<String, Value>);

impl Body {
    /// Reads a body; `None` if the blob is empty, as those are that nobody has written to yet.
    pub(super) fn parse(bytes: &[u8]) -> Result<Option<Self>, Unreadable> {
        if bytes.len() > MAX_BYTES {
            return Err(Unreadable::new(format!("it is larger than {MAX_BYTES} bytes")));
        }
        let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
        // Page blobs are filled up with zeros.
        let end = bytes
            .iter()
            .rposition(|byte| *byte != 0)
            .map_or(0, |last| last + 1);
        let bytes = bytes[..end].trim_ascii();
        if bytes.is_empty() {
            return Ok(None);
        }
        match serde_json::from_slice(bytes) {
            Ok(Value::Object(object)) => Ok(Some(Self(object))),
            Ok(_) => Err(Unreadable::new("its body is no JSON object")),
            Err(error) => Err(Unreadable::new(format!("its body is no JSON: {error}"))),
        }
    }

    /// The object under `key`; `None` if it is missing or null.
    pub(super) fn object(&self, key: &str) -> Result<Option<Self>, Unreadable> {
        match self.get(key) {
            None | Some(Value::Null) => Ok(None),
            Some(Value::Object(object)) => Ok(Some(Self(object.clone()))),
            Some(_) => Err(Unreadable::new(format!("`{key}` is no JSON object"))),
        }
    }

    /// Text or a whole number under `key`, as text; `None` if it is missing or null.
    pub(super) fn text(&self, key: &str) -> Result<Option<String>, Unreadable> {
        match self.get(key) {
            None | Some(Value::Null) => Ok(None),
            Some(Value::String(text)) => Ok(Some(text.trim().to_owned())),
            Some(Value::Number(number)) if !number.is_f64() => Ok(Some(number.to_string())),
            Some(_) => Err(Unreadable::new(format!("`{key}` is neither text nor a number"))),
        }
    }

    /// A whole number under `key`, also where it is written as text; `None` if it is missing, null or empty.
    pub(super) fn number(&self, key: &str) -> Result<Option<i64>, Unreadable> {
        match self.text(key)? {
            None => Ok(None),
            Some(text) if text.is_empty() => Ok(None),
            Some(text) => match text.parse() {
                Ok(number) => Ok(Some(number)),
                Err(_) => Err(Unreadable::new(format!("`{key}` is no whole number"))),
            },
        }
    }

    /// A time under `key`; `None` if there is none that can be read, since nothing depends on it.
    pub(super) fn time(&self, key: &str) -> Option<Timestamp> {
        Timestamp::parse(self.get(key)?.as_str()?)
    }

    /// Whether it has `key`, whatever its value.
    pub(super) fn has(&self, key: &str) -> bool {
        self.get(key).is_some()
    }

    fn get(&self, key: &str) -> Option<&Value> {
        let mut entries = self.0.iter();
        entries.find(|(name, _)| same(name, key)).map(|(_, value)| value)
    }
}

/// Whether two keys are the same without case and underscores: `SequenceNumber`, `sequence_number`.
fn same(one: &str, other: &str) -> bool {
    let letters = |text: &'_ str| {
        text.bytes()
            .filter(|byte| *byte != b'_')
            .map(|byte| byte.to_ascii_lowercase())
            .collect::<Vec<_>>()
    };
    letters(one) == letters(other)
}
