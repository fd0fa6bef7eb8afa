//! From an AMQP message to an event.

use bytes::Bytes;
use fe2o3_amqp_types::messaging::annotations::AnnotationKey;
use fe2o3_amqp_types::messaging::{Annotations, Body, Message};
use fe2o3_amqp_types::primitives::Value;

use crate::event::{Event, LastEnqueued, Offset, PartitionId, SequenceNumber, Timestamp};

/// A message that is no event, for the reason given.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct NoEvent(pub(super) &'static str);

/// Reads a delivered message. The body is what its sections hold, one after another; it owns its memory alone, so
/// that a small event does not keep a network buffer alive.
pub(super) fn to_event(partition: &PartitionId, message: Message<Body<Value>>) -> Result<Event, NoEvent> {
    let annotations = message
        .message_annotations
        .as_ref()
        .ok_or(NoEvent("the message has no annotations"))?;
    let Some(Value::Long(sequence_number)) = get(&annotations.0, "x-opt-sequence-number") else {
        return Err(NoEvent("the message has no sequence number"));
    };
    let offset = match get(&annotations.0, "x-opt-offset") {
        Some(Value::String(text)) => Offset::new(text.as_str()),
        Some(Value::Long(number)) => Offset::new(number.to_string()),
        _ => return Err(NoEvent("the message has no offset")),
    };
    let enqueued_time = timestamp(get(&annotations.0, "x-opt-enqueued-time"))
        .ok_or(NoEvent("the message has no enqueued time"))?;
    let last_enqueued = message
        .delivery_annotations
        .as_ref()
        .and_then(|annotations| last_enqueued(&annotations.0));
    Ok(Event {
        partition: partition.clone(),
        sequence_number: SequenceNumber(*sequence_number),
        offset,
        enqueued_time,
        body: body_bytes(message.body),
        last_enqueued,
    })
}

fn last_enqueued(annotations: &Annotations) -> Option<LastEnqueued> {
    let Some(Value::Long(sequence_number)) = get(annotations, "last_enqueued_sequence_number") else {
        return None;
    };
    Some(LastEnqueued {
        sequence_number: SequenceNumber(*sequence_number),
        enqueued_time: timestamp(get(annotations, "last_enqueued_time_utc"))?,
    })
}

fn get<'a>(annotations: &'a Annotations, key: &str) -> Option<&'a Value> {
    annotations.get(&key as &dyn AnnotationKey)
}

pub(super) fn timestamp(value: Option<&Value>) -> Option<Timestamp> {
    match value? {
        Value::Timestamp(moment) => Some(Timestamp::from_millis(moment.milliseconds())),
        _ => None,
    }
}

fn body_bytes(body: Body<Value>) -> Bytes {
    match body {
        Body::Data(sections) => {
            let mut sections = sections.into_iter().map(|data| data.0.into_vec());
            let mut bytes = sections.next().unwrap_or_default();
            sections.for_each(|section| bytes.extend_from_slice(&section));
            bytes.shrink_to_fit();
            Bytes::from(bytes)
        }
        Body::Value(value) => value_bytes(value.0),
        Body::Sequence(sections) => {
            let mut bytes = Vec::new();
            for value in sections.into_iter().flat_map(|section| section.0) {
                bytes.extend_from_slice(&value_bytes(value));
            }
            Bytes::from(bytes)
        }
        Body::Empty => Bytes::new(),
    }
}

/// Text and bytes as they are; anything else has no bytes of its own, and its notation goes to the dead letters as
/// undecodable instead of vanishing.
fn value_bytes(value: Value) -> Bytes {
    match value {
        Value::Binary(bytes) => Bytes::from(bytes.into_vec()),
        Value::String(text) => Bytes::from(text),
        Value::Null => Bytes::new(),
        Value::List(values) => values
            .into_iter()
            .fold(Vec::new(), |mut bytes, value| {
                bytes.extend_from_slice(&value_bytes(value));
                bytes
            })
            .into(),
        other => Bytes::from(format!("{other:?}")),
    }
}

#[cfg(test)]
mod tests {
    use fe2o3_amqp_types::messaging::annotations::OwnedKey;
    use fe2o3_amqp_types::messaging::{
        AmqpSequence, AmqpValue, Batch, Data, DeliveryAnnotations, MessageAnnotations,
    };
    use fe2o3_amqp_types::primitives::{Binary, Timestamp as AmqpTimestamp};

    use super::*;

    fn annotations(values: &[(&str, Value)]) -> Annotations {
        let mut annotations = Annotations::new();
        for (key, value) in values {
            annotations.insert(OwnedKey::from(*key), value.clone());
        }
        annotations
    }

    fn message(body: Body<Value>) -> Message<Body<Value>> {
        let mut message = Message::from(body);
        message.message_annotations = Some(MessageAnnotations(annotations(&[
            ("x-opt-sequence-number", Value::Long(17)),
            ("x-opt-offset", Value::String("4096".into())),
            (
                "x-opt-enqueued-time",
                Value::Timestamp(AmqpTimestamp::from(1_700_000_000_123)),
            ),
        ])));
        message
    }

    fn data(sections: &[&str]) -> Body<Value> {
        Body::Data(Batch::new(
            sections
                .iter()
                .map(|text| Data(Binary::from(text.as_bytes().to_vec())))
                .collect::<Vec<_>>(),
        ))
    }

    #[test]
    fn reads_every_kind_of_body() {
        let text = |text: &str| Value::String(text.into());
        let cases = [
            (data(&["{}"]), "{}"),
            (data(&["{\"a\":", "1}"]), "{\"a\":1}"),
            (Body::Value(AmqpValue(text("{}"))), "{}"),
            (
                Body::Value(AmqpValue(Value::Binary(Binary::from(b"[]".to_vec())))),
                "[]",
            ),
            (Body::Value(AmqpValue(Value::Null)), ""),
            (Body::Value(AmqpValue(Value::Long(7))), "Long(7)"),
            (
                Body::Sequence(Batch::new(vec![AmqpSequence(vec![text("{}"), text("[]")])])),
                "{}[]",
            ),
            (Body::Empty, ""),
        ];
        for (body, expected) in cases {
            let event = to_event(&PartitionId::new("0"), message(body)).expect("it is an event");
            assert_eq!(event.body, expected);
            assert_eq!(event.sequence_number, SequenceNumber(17));
            assert_eq!(event.offset, Offset::new("4096"));
            assert_eq!(event.enqueued_time, Timestamp::from_millis(1_700_000_000_123));
            assert_eq!(event.last_enqueued, None);
        }
    }

    #[test]
    fn reads_the_end_of_the_partition() {
        let mut message = message(data(&["{}"]));
        message.delivery_annotations = Some(DeliveryAnnotations(annotations(&[
            ("last_enqueued_sequence_number", Value::Long(20)),
            ("last_enqueued_time_utc", Value::Timestamp(AmqpTimestamp::from(5))),
        ])));
        let event = to_event(&PartitionId::new("0"), message).expect("it is an event");
        let expected = LastEnqueued {
            sequence_number: SequenceNumber(20),
            enqueued_time: Timestamp::from_millis(5),
        };
        assert_eq!(event.last_enqueued, Some(expected));
    }

    #[test]
    fn refuses_a_message_without_coordinates() {
        let mut without_number = message(data(&["{}"]));
        without_number.message_annotations = Some(MessageAnnotations(Annotations::new()));
        assert_eq!(
            to_event(&PartitionId::new("0"), without_number).expect_err("it has no number"),
            NoEvent("the message has no sequence number")
        );
        let mut without_annotations = message(data(&["{}"]));
        without_annotations.message_annotations = None;
        assert!(to_event(&PartitionId::new("0"), without_annotations).is_err());
    }
}
