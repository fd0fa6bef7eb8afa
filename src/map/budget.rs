//! How much one record may cost to map. Beyond a limit the record is a map error, never a cut one.

use crate::decode::json::Value;

/// Levels of objects and lists in the output. Readers refuse far less than the 128 levels a record may have;
/// Elasticsearch stops at 20 by default.
pub const MAX_DEPTH: usize = 16;

/// Elements of one `each`. A body of 1 MiB cannot hold more entities that mean anything.
pub const MAX_ELEMENTS: usize = 10_000;

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
