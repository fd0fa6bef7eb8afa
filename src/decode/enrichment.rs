//! What the exporter says about a delivery: action and snapshot mark.

use super::json::Value;

/// Names of the block; the exporter writes up to two of them with equal values. The kind's own is asked last, because
/// every kind has the first.
const BLOCKS: [&str; 3] = [
    "securityEventDataEnrichment",
    "assessmentEventDataEnrichment",
    "subAssessmentEventDataEnrichment",
];

/// Whether a member of this name is an enrichment block.
pub fn is_block(name: &str) -> bool {
    BLOCKS.iter().any(|block| block.eq_ignore_ascii_case(name))
}

/// The value of `action` in the first block that has one.
pub fn action<'d, 'e>(document: &'d Value<'e>) -> Option<&'d Value<'e>> {
    let found = BLOCKS.iter().filter_map(|block| document.at(&[block, "action"]));
    let mut texts = found.filter(|action| action.as_str().is_some_and(|text| !text.is_empty()));
    texts.next()
}

/// Whether a block marks the record as part of a snapshot. Absent and null mean streaming.
pub fn is_snapshot(document: &Value<'_>) -> bool {
    BLOCKS.iter().any(|block| {
        let mark = document.at(&[block, "isSnapshot"]);
        mark.is_some_and(|mark| match mark {
            Value::Bool(is_snapshot) => *is_snapshot,
            Value::String(text) => text.eq_ignore_ascii_case("true"),
            _ => false,
        })
    })
}
