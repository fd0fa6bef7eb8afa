//! The copy of a dead letter as the target of `forward_to` gets it: one JSON object, whatever the target's mapping.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde::Serialize;
use serde_json::value::RawValue;

use super::{Content, DeadLetter};
use crate::decode::decode_single;
use crate::event::{Event, EventId, Kind, Offset, PartitionId, RejectReason, SequenceNumber, Timestamp};

/// The fields in the order written; all but the last ones are always there, `null` where the letter has none.
#[derive(Debug, Serialize)]
struct Copy<'l> {
    kind: &'static str,
    key: Option<&'l str>,
    event_id: &'l str,
    time: Timestamp,
    hub: Place<'l>,
    dead_letter: Refusal<'l>,
    /// The record as received, without a partner's secret.
    #[serde(skip_serializing_if = "Option::is_none")]
    record: Option<Box<RawValue>>,
    /// The record as it was rendered.
    #[serde(skip_serializing_if = "Option::is_none")]
    rendered: Option<&'l str>,
    /// What is no JSON.
    #[serde(skip_serializing_if = "Option::is_none")]
    text: Option<&'l str>,
    /// What is no text.
    #[serde(skip_serializing_if = "Option::is_none")]
    base64: Option<String>,
}

#[derive(Debug, Serialize)]
struct Place<'l> {
    namespace: &'l str,
    name: &'l str,
    partition: &'l PartitionId,
    sequence_number: SequenceNumber,
    offset: Option<&'l Offset>,
    enqueued_time: Option<Timestamp>,
}

#[derive(Debug, Serialize)]
struct Refusal<'l> {
    event_id: Option<String>,
    kind: Kind,
    record_index: u32,
    consumer_group: &'l str,
    target: Option<&'l str>,
    stage: &'static str,
    reason: RejectReason,
    detail: &'l str,
    mapping_revision: Option<&'l str>,
}

/// The identity of a letter's copy: always the same for the same record, target and reason, and never that of the record
/// itself, which the target may have.
pub fn event_id(letter: &DeadLetter) -> EventId {
    let of_record = letter.event_id.unwrap_or_else(|| {
        let enqueued_time = letter.enqueued_time.unwrap_or(Timestamp::from_millis(0));
        EventId::new(
            &letter.hub,
            &letter.partition,
            letter.sequence_number,
            enqueued_time,
            letter.record_index,
        )
    });
    let target = letter.target.as_deref().unwrap_or_default();
    of_record.derived(&["dead_letter", target, letter.reason.as_str()])
}

/// The copy of a letter that was written at `now`.
pub fn render(letter: &DeadLetter, id: EventId, now: Timestamp) -> Vec<u8> {
    let mut copy = Copy {
        kind: "dead_letter",
        key: letter.key.as_deref(),
        event_id: &id.to_string(),
        time: now,
        hub: Place {
            namespace: &letter.hub.namespace,
            name: &letter.hub.name,
            partition: &letter.partition,
            sequence_number: letter.sequence_number,
            offset: letter.offset.as_ref(),
            enqueued_time: letter.enqueued_time,
        },
        dead_letter: Refusal {
            event_id: letter.event_id.map(|id| id.to_string()),
            kind: letter.kind,
            record_index: letter.record_index,
            consumer_group: &letter.consumer_group,
            target: letter.target.as_deref(),
            stage: letter.stage,
            reason: letter.reason,
            detail: &letter.detail,
            mapping_revision: letter.mapping_revision.as_deref(),
        },
        record: None,
        rendered: None,
        text: None,
        base64: None,
    };
    match &letter.content {
        Content::Nothing => {}
        Content::Rendered(bytes) => match std::str::from_utf8(bytes) {
            Ok(text) => copy.rendered = Some(text),
            Err(_) => copy.base64 = Some(STANDARD.encode(bytes)),
        },
        Content::Body(bytes) => {
            copy.record = record(letter, bytes);
            match std::str::from_utf8(bytes) {
                _ if copy.record.is_some() => {}
                Ok(text) => copy.text = Some(text),
                Err(_) => copy.base64 = Some(STANDARD.encode(bytes)),
            }
        }
    }
    serde_json::to_vec(&copy).expect("a copy has text keys and goes to memory")
}

/// The record as `native` has it; `None` if it is no JSON.
fn record(letter: &DeadLetter, body: &bytes::Bytes) -> Option<Box<RawValue>> {
    if letter.kind == Kind::Undecodable {
        return None;
    }
    let event = Event {
        partition: letter.partition.clone(),
        sequence_number: letter.sequence_number,
        offset: letter.offset.clone().unwrap_or_else(|| Offset::new("")),
        enqueued_time: letter.enqueued_time.unwrap_or(Timestamp::from_millis(0)),
        body: body.clone(),
        last_enqueued: None,
    };
    let record = decode_single(&letter.hub, &event, letter.record_index, None)?;
    let mut json = Vec::new();
    record.write_original(&mut json);
    RawValue::from_string(String::from_utf8(json).ok()?).ok()
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;

    use super::super::tests::letter;
    use super::*;

    const NOW: Timestamp = Timestamp::from_millis(1_700_000_001_000);

    fn text(content: Content) -> String {
        let letter = DeadLetter { content, ..letter(7) };
        let copy = render(&letter, event_id(&letter), NOW);
        String::from_utf8(copy).expect("JSON is UTF-8")
    }

    #[test]
    fn carries_every_field() {
        let body = Content::Body(Bytes::from_static(b"{\"a\":\n1.0}"));
        insta::assert_snapshot!(text(body), @r#"{"kind":"dead_letter","key":"key-1","event_id":"abc77179556c9782f2452ddb177e1876","time":"2023-11-14T22:13:21.000Z","hub":{"namespace":"contoso.servicebus.windows.net","name":"defender","partition":"3","sequence_number":7,"offset":"4:5:6","enqueued_time":"2023-11-14T22:13:20.123Z"},"dead_letter":{"event_id":"c6d388ba46f7ec4c47b1955d4b545e38","kind":"alert","record_index":2,"consumer_group":"$Default","target":"soc","stage":"deliver","reason":"refused","detail":"Invalid data format","mapping_revision":"ecs/alert@1"},"record":{"a": 1.0}}"#);
    }

    /// Scenario: a record with a partner's secret, one that is known only as it was rendered, and what is no JSON.
    /// Guarantees: the secret stays where it is; each stands under the name of what it is.
    #[test]
    fn content_of_every_form() {
        let secret = br#"{"id":"/S/1","type":"Microsoft.Security/assessments","properties":{"partnersData":{"partnerName":"p","secret":"hush"}}}"#;
        let copy = text(Content::Body(Bytes::from_static(secret)));
        assert!(copy.contains("partnerName") && !copy.contains("hush"), "{copy}");
        for (content, expected) in [
            (
                Content::Rendered(Bytes::from_static(b"CEF:0|x")),
                r#","rendered":"CEF:0|x"}"#,
            ),
            (
                Content::Rendered(Bytes::from_static(b"\xff\n")),
                r#","base64":"/wo="}"#,
            ),
            (
                Content::Body(Bytes::from_static(b"{bro\nken")),
                r#","text":"{bro\nken"}"#,
            ),
            (
                Content::Body(Bytes::from_static(b"\xff\n")),
                r#","base64":"/wo="}"#,
            ),
            (Content::Nothing, r#""mapping_revision":"ecs/alert@1"}}"#),
        ] {
            let copy = text(content);
            assert!(copy.ends_with(expected), "{copy}");
        }
    }

    #[test]
    fn an_id_of_its_own_for_each_refusal() {
        let one = letter(7);
        let other = DeadLetter {
            target: Some("other".into()),
            ..letter(7)
        };
        let unread = DeadLetter {
            event_id: None,
            ..letter(7)
        };
        assert_eq!(event_id(&one), event_id(&letter(7)));
        assert_ne!(Some(event_id(&one)), one.event_id);
        assert_ne!(event_id(&one), event_id(&other));
        assert_eq!(event_id(&unread), event_id(&one), "the coordinates are the same");
    }
}
