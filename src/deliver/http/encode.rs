//! Records become a request body.

use super::config::Format;
use crate::deliver::file::encode::append_line;
use crate::deliver::http_batch::Body;
use crate::event::Rendered;

/// Bytes around a record: a comma or a line end.
pub const SEPARATOR_BYTES: usize = 1;

/// The body of a request with `records`.
pub fn encode(format: Format, records: &[Rendered]) -> Body {
    let size = records
        .iter()
        .map(|record| record.bytes.len() + SEPARATOR_BYTES)
        .sum::<usize>();
    let mut bytes = Vec::with_capacity(size + SEPARATOR_BYTES);
    match format {
        Format::Lines => records
            .iter()
            .for_each(|record| append_line(&record.bytes, &mut bytes)),
        Format::JsonArray => push_array(records, &mut bytes),
        Format::Single => records
            .iter()
            .for_each(|record| bytes.extend_from_slice(&record.bytes)),
    }
    let is_json = records.iter().all(|record| record.bytes.first() == Some(&b'{'));
    Body {
        bytes,
        content_type: match (is_json, format) {
            (true, Format::Lines) => "application/x-ndjson",
            (true, _) => "application/json",
            (false, _) => "text/plain; charset=utf-8",
        },
        idempotency_key: match (format, records) {
            (Format::Single, [record]) => Some(record.about.event_id),
            _ => None,
        },
    }
}

/// Appends a JSON array of records that are JSON.
pub fn push_array(records: &[Rendered], bytes: &mut Vec<u8>) {
    let mut separator = b'[';
    for record in records {
        bytes.push(separator);
        bytes.extend_from_slice(&record.bytes);
        separator = b',';
    }
    bytes.push(b']');
}
