//! A record as a message: key, headers, timestamp, value.

use rdkafka::message::{Header, OwnedHeaders, ToBytes};

use super::config::Key;
use super::settings::Settings;
use crate::event::{Hub, RecordField, Rendered};

/// Headers of one message.
const HEADERS: usize = 12;

/// What a message costs in memory besides key and value: the client library keeps each header by itself, and an entry in
/// its queues. Measured with the headers below, 20,000 messages of 1.2 to 2 KB, and the program's allocator: 1,420 to 1,560
/// bytes. Larger messages add what the allocator rounds up.
pub const OVERHEAD_BYTES: usize = 1536;

/// The action whose record may be sent without a value.
const DELETE: &str = "Delete";

/// What readers that look into the value first must know.
const JSON: &str = "application/json";

/// The same for lines of CEF and LEEF.
const TEXT: &str = "text/plain; charset=utf-8";

/// A message without its headers, borrowed from its record.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Message<'r> {
    /// Where it goes.
    pub topic: &'r str,
    /// Decides the partition.
    pub key: Option<&'r str>,
    /// `None` is a tombstone.
    pub value: Option<&'r [u8]>,
    /// When the hub took the event, in milliseconds since 1970. An event time can be months old, and a topic's retention
    /// would then delete the message early.
    pub timestamp_ms: i64,
}

impl<'r> Message<'r> {
    /// The message of a record. Its details must have been asked for.
    pub fn of(record: &'r Rendered, settings: &'r Settings) -> Self {
        let key = key(record, settings.key);
        let is_tombstone = settings.tombstones && key.is_some() && is_deleted(record);
        Self {
            topic: settings.topics.name(record.about.kind),
            key,
            value: (!is_tombstone).then_some(&record.bytes),
            timestamp_ms: record.ticket.event().position().enqueued_time.as_millis(),
        }
    }

    /// Bytes that the client library keeps for it, about.
    pub fn held_bytes(&self) -> usize {
        let value = self.value.map_or(0, <[u8]>::len);
        OVERHEAD_BYTES + self.key.map_or(0, str::len) + value
    }
}

/// What the headers and a key of this kind say of a record beyond what every target knows.
pub fn wanted_details(key: Key) -> &'static [RecordField] {
    match key {
        Key::Item | Key::None => &[RecordField::Action],
        Key::Resource => &[RecordField::Action, RecordField::ResourceId],
        Key::Subscription => &[RecordField::Action, RecordField::Subscription],
    }
}

/// The key of a record's message; `None` where none is wanted, or the record lacks it.
pub fn key(record: &Rendered, key: Key) -> Option<&str> {
    let details = record.about.details.as_deref();
    match key {
        Key::Item => record.about.key.as_deref(),
        Key::Resource => details?.resource_id.as_deref(),
        Key::Subscription => details?.subscription.as_deref(),
        Key::None => None,
    }
}

fn is_deleted(record: &Rendered) -> bool {
    let action = record
        .about
        .details
        .as_deref()
        .and_then(|details| details.action.as_deref());
    action.is_some_and(|action| action.eq_ignore_ascii_case(DELETE))
}

/// The headers of a record's message, in a fixed order; what the record lacks is left out.
pub fn headers(record: &Rendered, hub: &Hub) -> OwnedHeaders {
    let about = &record.about;
    let event = record.ticket.event();
    let position = event.position();
    let mut number = itoa::Buffer::new();
    let mapping = about.mapping_revision.as_deref();
    let (mapping, revision) = match mapping.and_then(|text| text.rsplit_once('@')) {
        Some((name, revision)) => (name, Some(revision)),
        None => (mapping.unwrap_or("native"), None),
    };
    let action = about
        .details
        .as_deref()
        .and_then(|details| details.action.as_deref());
    let is_json = record.bytes.first() == Some(&b'{');

    let headers = OwnedHeaders::new_with_capacity(HEADERS);
    let headers = insert(headers, "event_id", about.event_id.to_hex().as_str());
    let headers = insert(headers, "kind", about.kind.as_str());
    let headers = insert(headers, "event_time", &about.time.to_string());
    let headers = insert_some(headers, "action", action);
    let headers = insert(
        headers,
        "is_snapshot",
        if about.is_snapshot { "true" } else { "false" },
    );
    let headers = insert(headers, "hub", &format!("{}/{}", hub.namespace, hub.name));
    let headers = insert(headers, "hub_partition", event.partition().as_str());
    let headers = insert(
        headers,
        "hub_sequence_number",
        number.format(position.sequence_number.0),
    );
    let headers = insert(headers, "hub_enqueued_time", &position.enqueued_time.to_string());
    let headers = insert(headers, "mapping", mapping);
    let headers = insert_some(headers, "mapping_revision", revision);
    insert(headers, "content-type", if is_json { JSON } else { TEXT })
}

fn insert(headers: OwnedHeaders, key: &str, value: &str) -> OwnedHeaders {
    let value = value.to_bytes();
    headers.insert(Header {
        key,
        value: Some(value),
    })
}

fn insert_some(headers: OwnedHeaders, key: &str, value: Option<&str>) -> OwnedHeaders {
    match value {
        Some(value) => insert(headers, key, value),
        None => headers,
    }
}
