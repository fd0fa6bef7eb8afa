//! Encoded messages: the sections of one that arrives, and the bytes of one that goes out.

use bytes::{BufMut, Bytes};
use serde_amqp::Value;

use crate::event::Timestamp;

use super::codec::{Error, descriptor_code, list, take_value, value_length};
use super::log::{Content, Partition, Stored, offset};

/// Descriptor codes of the sections of a message.
pub(super) mod section {
    pub const DELIVERY_ANNOTATIONS: u8 = 0x71;
    pub const MESSAGE_ANNOTATIONS: u8 = 0x72;
    pub const PROPERTIES: u64 = 0x73;
    pub const APPLICATION_PROPERTIES: u64 = 0x74;
    pub const DATA: u64 = 0x75;
    pub const VALUE: u64 = 0x77;
}

/// One encoded section with its descriptor.
#[derive(Debug, Clone)]
pub(super) struct Section {
    pub code: u64,
    pub bytes: Bytes,
}

impl Section {
    /// The section's value without its descriptor.
    pub fn value(&self) -> Result<Value, Error> {
        let (value, _) = take_value(self.inner()?, "section")?;
        Ok(value)
    }

    /// Content of a data section.
    pub fn data(&self) -> Result<Bytes, Error> {
        let inner = self.inner()?;
        let header = match inner.first() {
            Some(0xa0) => 2,
            Some(0xb0) => 5,
            _ => {
                return Err(Error::Malformed {
                    context: "data section",
                });
            }
        };
        Ok(self.bytes.slice_ref(&inner[header..]))
    }

    fn inner(&self) -> Result<&[u8], Error> {
        let malformed = Error::Malformed { context: "section" };
        match value_length(&self.bytes[1..]) {
            Some(descriptor) => Ok(&self.bytes[1 + descriptor..]),
            None => Err(malformed),
        }
    }
}

/// Cuts a message into its sections.
pub(super) fn sections(message: &Bytes) -> Result<Vec<Section>, Error> {
    let malformed = || Error::Malformed { context: "message" };
    let mut sections = Vec::new();
    let mut start = 0;
    while start < message.len() {
        let rest = &message[start..];
        let length = value_length(rest).ok_or_else(malformed)?;
        let code = descriptor_code(rest).ok_or_else(malformed)?;
        let bytes = message.slice(start..start + length);
        sections.push(Section { code, bytes });
        start += length;
    }
    Ok(sections)
}

/// What a receiver with the runtime metric learns beside each event.
#[derive(Debug, Clone, Copy)]
pub(super) struct RuntimeMetric {
    pub sequence_number: i64,
    pub enqueued_time: Timestamp,
    pub retrieved: Timestamp,
}

impl RuntimeMetric {
    pub fn of(partition: &Partition) -> Self {
        Self {
            sequence_number: partition.last(),
            enqueued_time: partition.last_enqueued().unwrap_or(Timestamp::from_millis(0)),
            retrieved: Timestamp::now(),
        }
    }
}

/// Appends the message of one event to `out`. Written by hand, as this is where the time goes under load.
pub(super) fn put_event(out: &mut Vec<u8>, event: &Stored<'_>, metric: Option<&RuntimeMetric>) {
    if let Some(metric) = metric {
        put_map(out, section::DELIVERY_ANNOTATIONS, 4, |out| {
            put_symbol(out, "last_enqueued_sequence_number");
            put_long(out, metric.sequence_number);
            put_symbol(out, "last_enqueued_offset");
            put_text(out, &offset(metric.sequence_number).to_string());
            put_symbol(out, "last_enqueued_time_utc");
            put_timestamp(out, metric.enqueued_time);
            put_symbol(out, "runtime_info_retrieval_time_utc");
            put_timestamp(out, metric.retrieved);
        });
    }
    let entries = 3 + u8::from(event.partition_key.is_some());
    put_map(out, section::MESSAGE_ANNOTATIONS, entries, |out| {
        put_symbol(out, "x-opt-sequence-number");
        put_long(out, event.sequence_number);
        put_symbol(out, "x-opt-offset");
        put_text(out, &offset(event.sequence_number).to_string());
        put_symbol(out, "x-opt-enqueued-time");
        put_timestamp(out, event.enqueued_time);
        if let Some(key) = event.partition_key {
            put_symbol(out, "x-opt-partition-key");
            put_text(out, key);
        }
    });
    match event.body {
        Content::Body(body) => body.put(out),
        Content::Rendered(template, counter) => template.put(counter, out),
    }
}

/// The answer to a request: its correlation id, status properties and value.
pub(super) fn answer(correlation_id: Value, properties: Value, body: Value) -> Result<Vec<u8>, Error> {
    use super::codec::described;
    let nulls = || Value::Null;
    let header = list(
        section::PROPERTIES,
        vec![nulls(), nulls(), nulls(), nulls(), nulls(), correlation_id],
    );
    let mut out = serde_amqp::to_vec(&header)?;
    out.extend(serde_amqp::to_vec(&described(
        section::APPLICATION_PROPERTIES,
        properties,
    ))?);
    out.extend(serde_amqp::to_vec(&described(section::VALUE, body))?);
    Ok(out)
}

fn put_map(out: &mut Vec<u8>, section: u8, entries: u8, content: impl FnOnce(&mut Vec<u8>)) {
    out.put_slice(&[0x00, 0x53, section, 0xd1]);
    let start = out.len();
    out.put_u32(0);
    out.put_u32(u32::from(entries) * 2);
    content(out);
    let size = u32::try_from(out.len() - start - 4).expect("annotations are small");
    out[start..start + 4].copy_from_slice(&size.to_be_bytes());
}

fn put_symbol(out: &mut Vec<u8>, name: &str) {
    out.put_u8(0xa3);
    out.put_u8(u8::try_from(name.len()).expect("names of annotations are short"));
    out.put_slice(name.as_bytes());
}

fn put_text(out: &mut Vec<u8>, text: &str) {
    match u8::try_from(text.len()) {
        Ok(length) => out.put_slice(&[0xa1, length]),
        Err(_) => {
            out.put_u8(0xb1);
            out.put_u32(u32::try_from(text.len()).expect("a partition key is short"));
        }
    }
    out.put_slice(text.as_bytes());
}

fn put_long(out: &mut Vec<u8>, number: i64) {
    out.put_u8(0x81);
    out.put_i64(number);
}

fn put_timestamp(out: &mut Vec<u8>, time: Timestamp) {
    out.put_u8(0x83);
    out.put_i64(time.as_millis());
}
