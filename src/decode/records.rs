//! An event becomes records.

use std::ops::Range;

use super::envelope::{Part, parts};
use super::json::{Value, parse_next};
use super::{classify, enrichment, key, redact, rest_alert, time};
use crate::event::{Event, EventId, Hub, Kind, Record};

/// The records of an event, in the order of its body. None for an empty list.
///
/// Bytes that are no JSON give one record of kind [`Kind::Undecodable`] with a null document, whose range covers them.
pub fn decode<'e>(hub: &'e Hub, event: &'e Event) -> Vec<Record<'e>> {
    let numbered = parts(&event.body).into_iter().zip(0..);
    numbered
        .map(|(part, index)| record(hub, event, part, index))
        .collect()
}

/// The records of an event whose body stands as maps see it: names of REST alerts are not changed, and `kind`, if
/// given, is that of every record. For tests of maps.
pub fn as_decoded<'e>(hub: &'e Hub, event: &'e Event, kind: Option<Kind>) -> Vec<Record<'e>> {
    let numbered = parts(&event.body).into_iter().zip(0..);
    numbered
        .map(|(part, index)| match part.value {
            Some(document) => {
                let kind = kind.unwrap_or_else(|| classify::classify(&document));
                described(hub, event, (kind, document), part.range, index)
            }
            None => described(hub, event, (Kind::Undecodable, Value::Null), part.range, index),
        })
        .collect()
}

/// The record that all of the event's body is, such as that of a dead letter, at this position in its event; a list or a
/// wrapper is not opened. `None` if the body is not one JSON value.
///
/// `kind`, if given, is its kind; otherwise it is found as [`decode`] does.
pub fn decode_single<'e>(
    hub: &'e Hub,
    event: &'e Event,
    index: u32,
    kind: Option<Kind>,
) -> Option<Record<'e>> {
    let text = std::str::from_utf8(&event.body).ok()?;
    let mut position = 0;
    let (range, value) = parse_next(text, &mut position).ok()??;
    if !text[position..].trim_ascii().is_empty() {
        return None;
    }
    Some(match kind {
        Some(kind) => described(hub, event, (kind, value), range, index),
        None => {
            let value = Some(value);
            record(hub, event, Part { range, value }, index)
        }
    })
}

fn record<'e>(hub: &'e Hub, event: &'e Event, part: Part<'e>, index: u32) -> Record<'e> {
    let (kind, mut document) = match part.value {
        Some(document) => (classify::classify(&document), document),
        None => (Kind::Undecodable, Value::Null),
    };
    if kind == Kind::Alert && rest_alert::is_rest(&document) {
        document = rest_alert::to_wire(document);
    }
    described(hub, event, (kind, document), part.range, index)
}

/// Reads what the bridge itself wants to know of a record.
fn described<'e>(
    hub: &'e Hub,
    event: &'e Event,
    (kind, mut document): (Kind, Value<'e>),
    range: Range<usize>,
    index: u32,
) -> Record<'e> {
    let is_redacted = redact::redact(&mut document);
    let enrichment = enrichment::read(&document);
    let time = time::event_time(kind, &document, enrichment.is_snapshot);
    Record {
        hub,
        event,
        kind,
        index,
        range,
        key: key::key(kind, &document),
        event_id: EventId::new(
            hub,
            &event.partition,
            event.sequence_number,
            event.enqueued_time,
            index,
        ),
        time: time.unwrap_or(event.enqueued_time),
        action: enrichment.action,
        is_snapshot: enrichment.is_snapshot,
        is_redacted,
        document,
    }
}
