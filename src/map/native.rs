//! `native`: what the bridge knows of a record, and the record as received. It fits every kind and is no field map.

use super::scope::RecordContext;
use super::{time, write};
use crate::decode::json::write_string;
use crate::decode::original;
use crate::event::Timestamp;

/// Appends a record as `native` writes it; all members are present, `null` where the record has none.
pub fn render(context: &RecordContext<'_>, output: &mut Vec<u8>) {
    let record = context.record();
    let (hub, event) = (record.hub, record.event);
    output.reserve(record.bytes().len() + 512);
    output.extend_from_slice(b"{\"kind\":");
    write_string(output, record.kind.as_str());
    output.extend_from_slice(b",\"key\":");
    optional(record.key.as_deref(), output);
    output.extend_from_slice(b",\"event_id\":");
    write_string(output, record.event_id.to_hex().as_str());
    output.extend_from_slice(b",\"time\":");
    moment(record.time, output);
    output.extend_from_slice(b",\"is_snapshot\":");
    output.extend_from_slice(if record.is_snapshot { b"true" } else { b"false" });
    output.extend_from_slice(b",\"action\":");
    optional(record.action.as_deref(), output);
    output.extend_from_slice(b",\"hub\":{\"namespace\":");
    write_string(output, &hub.namespace);
    output.extend_from_slice(b",\"name\":");
    write_string(output, &hub.name);
    output.extend_from_slice(b",\"partition\":");
    write_string(output, event.partition.as_str());
    output.extend_from_slice(b",\"sequence_number\":");
    write::integer(event.sequence_number.0, output);
    output.extend_from_slice(b",\"offset\":");
    write_string(output, event.offset.as_str());
    output.extend_from_slice(b",\"enqueued_time\":");
    moment(event.enqueued_time, output);
    output.extend_from_slice(b"},\"record\":");
    original::write(record, output);
    output.push(b'}');
}

fn optional(text: Option<&str>, output: &mut Vec<u8>) {
    match text {
        Some(text) => write_string(output, text),
        None => output.extend_from_slice(b"null"),
    }
}

fn moment(time: Timestamp, output: &mut Vec<u8>) {
    output.push(b'"');
    time::write(time, output);
    output.push(b'"');
}
