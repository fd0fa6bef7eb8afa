//! How much one record may cost to map. Beyond a limit the record is a map error, never a cut one.

use std::borrow::Cow;

use super::item::Item;
use crate::decode::json::Value;

/// Levels of objects and lists in the output. Readers refuse far less than the 128 levels a record may have;
/// Elasticsearch stops at 20 by default.
pub const MAX_DEPTH: usize = 16;

/// Elements of one `each`. A body of 1 MiB cannot hold more entities that mean anything.
pub const MAX_ELEMENTS: usize = 10_000;

/// List elements and object members that the values of one record hold in all, those of every `each` and of every path
/// with `[]` together. A record of 1 MiB has a tenth of that; what has more multiplies its parts with each other.
pub const MAX_VALUES: usize = 500_000;

/// Bytes of text that functions and templates make for one record, and of values that are compared with each other.
pub const MAX_WORK_BYTES: usize = 16 << 20;

/// Bytes of one rendered record. Four times the largest event a hub accepts.
pub const MAX_OUTPUT_BYTES: usize = 4 << 20;

/// Why a record could not be mapped.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum MapError {
    /// A field that the map's `required` names is absent.
    #[error("required field `{field}` is absent")]
    Required {
        /// The target field.
        field: std::sync::Arc<str>,
    },
    /// An `each` met too many elements.
    #[error("a list has more than {MAX_ELEMENTS} elements")]
    TooManyElements,
    /// The values of the record hold too many parts.
    #[error("the map makes more than {MAX_VALUES} values of the record")]
    TooManyValues,
    /// Functions made too much text.
    #[error("the map makes more than {MAX_WORK_BYTES} bytes of text of the record")]
    TooMuchText,
    /// A value is nested too deeply.
    #[error("`{field}` is nested deeper than {MAX_DEPTH} levels")]
    TooDeep {
        /// The last part of the target field's name.
        field: Box<str>,
    },
    /// The output is too large.
    #[error("the output is larger than {MAX_OUTPUT_BYTES} bytes")]
    TooLarge,
}

/// What one record has cost so far. It is counted while values are made: memory must not run out before a check.
#[derive(Debug)]
pub struct Spending {
    values_left: usize,
    bytes_left: usize,
    exceeded: Option<MapError>,
}

impl Default for Spending {
    fn default() -> Self {
        Self {
            values_left: MAX_VALUES,
            bytes_left: MAX_WORK_BYTES,
            exceeded: None,
        }
    }
}

impl Spending {
    /// Counts list elements and object members.
    pub fn values(&mut self, count: usize) {
        match self.values_left.checked_sub(count) {
            Some(left) => self.values_left = left,
            None => self.exceed(MapError::TooManyValues),
        }
    }

    /// Counts bytes of text that was made or compared.
    pub fn bytes(&mut self, count: usize) {
        match self.bytes_left.checked_sub(count) {
            Some(left) => self.bytes_left = left,
            None => self.exceed(MapError::TooMuchText),
        }
    }

    /// Counts what an item holds besides parts of the record.
    pub fn item(&mut self, item: &Item<'_>) {
        match item {
            Item::Text(Cow::Owned(text)) => self.bytes(text.len()),
            Item::List(items) => {
                self.values(items.len());
                items.iter().for_each(|item| self.item(item));
            }
            Item::Object(members) => {
                self.values(members.len());
                members.iter().for_each(|(_, item)| self.item(item));
            }
            _ => {}
        }
    }

    /// Notes that a limit was passed; the first one counts.
    pub fn exceed(&mut self, error: MapError) {
        self.exceeded.get_or_insert(error);
    }

    /// The limit that was passed. What was made since is incomplete and must not be used.
    pub fn exceeded(&self) -> Option<&MapError> {
        self.exceeded.as_ref()
    }
}

/// Whether `value` has more than `levels` levels of objects and lists.
pub fn is_deeper(value: &Value<'_>, levels: usize) -> bool {
    match value {
        Value::Array(elements) => {
            levels == 0 || elements.iter().any(|element| is_deeper(element, levels - 1))
        }
        Value::Object(members) => {
            levels == 0 || members.iter().any(|(_, value)| is_deeper(value, levels - 1))
        }
        _ => false,
    }
}
