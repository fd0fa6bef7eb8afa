//! `native`: what the bridge knows of a record, and the record as received. It fits every kind and is no field map.

use super::scope::RecordContext;
use super::{time, write};
use crate::decode::json::write_string;
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
    record.write_original(output);
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

#[cfg(test)]
mod tests {
    use crate::map::testing::with_record;

    fn native(body: &str) -> String {
        with_record(body, |context| {
            let mut output = Vec::new();
            super::render(context, &mut output);
            String::from_utf8(output).expect("the output is text")
        })
    }

    /// Scenario: a record with what a parser would lose. Guarantees: its bytes arrive as they were, on one line.
    #[test]
    fn carries_the_record_as_received() {
        let body = "{\"b\": 1.0,\r\n \"a\": 123456789012345678901234567890, \"a\": \"\\u00e4\"}";
        insta::assert_snapshot!(native(body), @r#"{"kind":"unknown","key":null,"event_id":"fd285d2b5bc063107e5a01af56157d9c","time":"2024-11-08T07:01:02.123Z","is_snapshot":false,"action":null,"hub":{"namespace":"contoso.servicebus.windows.net","name":"defender","partition":"3","sequence_number":4711,"offset":"8812","enqueued_time":"2024-11-08T07:01:02.123Z"},"record":{"b": 1.0,   "a": 123456789012345678901234567890, "a": "\u00e4"}}"#);
    }

    #[test]
    fn carries_what_is_known() {
        let body = r#"{"id":"/S/1","type":"Microsoft.Security/secureScores","securityEventDataEnrichment":{"action":"Insert","isSnapshot":true}}"#;
        insta::assert_snapshot!(native(body), @r#"{"kind":"secure_score","key":"/s/1","event_id":"fd285d2b5bc063107e5a01af56157d9c","time":"2024-11-08T07:01:02.123Z","is_snapshot":true,"action":"Insert","hub":{"namespace":"contoso.servicebus.windows.net","name":"defender","partition":"3","sequence_number":4711,"offset":"8812","enqueued_time":"2024-11-08T07:01:02.123Z"},"record":{"id":"/S/1","type":"Microsoft.Security/secureScores","securityEventDataEnrichment":{"action":"Insert","isSnapshot":true}}}"#);
    }
}
