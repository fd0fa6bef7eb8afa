//! What the exporter says about a delivery: action and snapshot mark.

use std::borrow::Cow;

use super::json::Value;
use super::text::text;

/// Names of the block. The exporter writes one or two of them, with equal values.
const BLOCKS: [&str; 3] = [
    "securityEventDataEnrichment",
    "assessmentEventDataEnrichment",
    "subAssessmentEventDataEnrichment",
];

/// What the blocks of a record say.
#[derive(Debug, Default, PartialEq)]
pub struct Enrichment<'e> {
    /// The first action, as written.
    pub action: Option<Cow<'e, str>>,
    /// Whether any block marks the record as part of a snapshot. Absent and null mean streaming.
    pub is_snapshot: bool,
}

/// Whether a member of this name is an enrichment block.
pub fn is_block(name: &str) -> bool {
    BLOCKS.iter().any(|block| block.eq_ignore_ascii_case(name))
}

/// Reads all blocks of a record.
pub fn read<'e>(document: &Value<'e>) -> Enrichment<'e> {
    let mut enrichment = Enrichment::default();
    for (name, block) in document.as_object().unwrap_or_default() {
        if is_block(name) {
            enrichment.is_snapshot |= is_true(block.get("isSnapshot"));
            if enrichment.action.is_none() {
                enrichment.action = text(block.get("action")).cloned();
            }
        }
    }
    enrichment
}

fn is_true(value: Option<&Value<'_>>) -> bool {
    match value {
        Some(Value::Bool(value)) => *value,
        Some(Value::String(text)) => text.eq_ignore_ascii_case("true"),
        _ => false,
    }
}
