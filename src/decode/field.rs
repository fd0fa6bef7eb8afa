//! The values of `$record.*`.

use super::json::Value;
use crate::event::{Record, RecordField};

/// The value of one field of a record.
pub fn value<'r>(_record: &'r Record<'_>, _field: RecordField) -> Option<Value<'r>> {
    None
}
