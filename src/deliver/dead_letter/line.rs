//! A dead letter as one line of JSON.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde::Serialize;

use super::{Content, DeadLetter};
use crate::event::{EventId, Kind, Offset, PartitionId, RejectReason, SequenceNumber, Timestamp};

/// The fields in the order written. What is not known is `null`; of `body` and `rendered` at most one is there.
#[derive(Debug, Serialize)]
struct Line<'l> {
    #[serde(serialize_with = "as_digits")]
    event_id: Option<EventId>,
    namespace: &'l str,
    hub: &'l str,
    consumer_group: &'l str,
    partition: &'l PartitionId,
    sequence_number: SequenceNumber,
    offset: Option<&'l Offset>,
    enqueued_time: Option<Timestamp>,
    record_index: u32,
    kind: Kind,
    key: Option<&'l str>,
    target: Option<&'l str>,
    stage: &'static str,
    reason: RejectReason,
    detail: &'l str,
    mapping_revision: Option<&'l str>,
    /// Base64 of the bytes as received.
    #[serde(skip_serializing_if = "Option::is_none")]
    body: Option<String>,
    /// Base64 of the rendered record, which need not be text.
    #[serde(skip_serializing_if = "Option::is_none")]
    rendered: Option<String>,
}

/// Adds the line of a letter, with its line end.
pub fn append(letter: &DeadLetter, lines: &mut Vec<u8>) {
    write(letter, lines);
    lines.push(b'\n');
}

/// Adds the JSON of a letter, which holds no line end.
pub fn write(letter: &DeadLetter, lines: &mut Vec<u8>) {
    let (body, rendered) = match &letter.content {
        Content::Body(bytes) => (Some(STANDARD.encode(bytes)), None),
        Content::Rendered(bytes) => (None, Some(STANDARD.encode(bytes))),
        Content::Nothing => (None, None),
    };
    let line = Line {
        event_id: letter.event_id,
        namespace: &letter.hub.namespace,
        hub: &letter.hub.name,
        consumer_group: &letter.consumer_group,
        partition: &letter.partition,
        sequence_number: letter.sequence_number,
        offset: letter.offset.as_ref(),
        enqueued_time: letter.enqueued_time,
        record_index: letter.record_index,
        kind: letter.kind,
        key: letter.key.as_deref(),
        target: letter.target.as_deref(),
        stage: letter.stage,
        reason: letter.reason,
        detail: &letter.detail,
        mapping_revision: letter.mapping_revision.as_deref(),
        body,
        rendered,
    };
    serde_json::to_writer(&mut *lines, &line).expect("a line has text keys and goes to memory");
}

fn as_digits<S: serde::Serializer>(id: &Option<EventId>, serializer: S) -> Result<S::Ok, S::Error> {
    match id {
        Some(id) => serializer.serialize_str(id.to_hex().as_str()),
        None => serializer.serialize_none(),
    }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;

    use super::super::tests::letter;
    use super::*;

    fn text(letter: &DeadLetter) -> String {
        let mut lines = Vec::new();
        append(letter, &mut lines);
        String::from_utf8(lines).expect("JSON is UTF-8")
    }

    #[test]
    fn carries_every_field() {
        insta::assert_snapshot!(text(&letter(7)).trim_end(), @r#"{"event_id":"c6d388ba46f7ec4c47b1955d4b545e38","namespace":"contoso.servicebus.windows.net","hub":"defender","consumer_group":"$Default","partition":"3","sequence_number":7,"offset":"4:5:6","enqueued_time":"2023-11-14T22:13:20.123Z","record_index":2,"kind":"alert","key":"key-1","target":"soc","stage":"deliver","reason":"refused","detail":"Invalid data format","mapping_revision":"ecs/alert@1","body":"eyJhIjoxfQ=="}"#);
    }

    #[test]
    fn leaves_out_what_there_is_not() {
        let unreadable = DeadLetter {
            event_id: None,
            offset: None,
            enqueued_time: None,
            key: None,
            target: None,
            mapping_revision: None,
            content: Content::Nothing,
            ..letter(7)
        };
        let line: serde_json::Value = serde_json::from_str(&text(&unreadable)).expect("it is JSON");
        for name in [
            "event_id",
            "offset",
            "enqueued_time",
            "key",
            "target",
            "mapping_revision",
        ] {
            assert_eq!(line.get(name), Some(&serde_json::Value::Null), "{name}");
        }
        assert!(line.get("body").is_none() && line.get("rendered").is_none());
    }

    #[test]
    fn a_rendered_record_is_not_called_body() {
        let content = Content::Rendered(Bytes::from_static(b"\xff\n"));
        let line = text(&DeadLetter { content, ..letter(7) });
        assert_eq!(line.matches('\n').count(), 1);
        assert!(
            line.contains(r#""rendered":"/wo=""#) && !line.contains("body"),
            "{line}"
        );
    }
}
