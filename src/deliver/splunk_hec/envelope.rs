//! The collector's envelope around one rendered record.

use bytes::Bytes;

use super::config::Time;
use super::settings::Settings;
use crate::deliver::value::{TextByKind, expand};
use crate::event::{Hub, Kind, Rendered};

/// Everything of an envelope that does not change from record to record, ready to be copied.
#[derive(Debug, Clone)]
pub struct Envelopes {
    time: Time,
    /// From `,"host"` to the opening quote of the event id, by kind.
    middles: Vec<Vec<u8>>,
    /// Names of the distinct indexes; the token's default is the empty name.
    indexes: Vec<String>,
    index_by_kind: Vec<usize>,
}

/// Room for time, event id, `is_snapshot` and punctuation, when sizes are added up before encoding.
const VARIABLE_BYTES: usize = 128;

impl Envelopes {
    /// Prepares the envelopes of one target.
    pub fn new(settings: &Settings, hub: &Hub) -> Self {
        let texts = [&settings.host, &settings.source, &settings.sourcetype];
        Self::of(settings.time, texts, settings.index.as_ref(), hub)
    }

    fn of(
        time: Time,
        [host, source, sourcetype]: [&TextByKind; 3],
        index: Option<&TextByKind>,
        hub: &Hub,
    ) -> Self {
        let mut envelopes = Self {
            time,
            middles: Vec::with_capacity(Kind::COUNT),
            indexes: Vec::new(),
            index_by_kind: Vec::with_capacity(Kind::COUNT),
        };
        for kind in Kind::ALL {
            let text = |texts: &TextByKind| texts.get(kind).map(|text| expand(text, kind, hub));
            let index = index.and_then(&text);
            let mut middle = Vec::new();
            for (name, value) in [
                ("host", text(host)),
                ("source", text(source)),
                ("sourcetype", text(sourcetype)),
                ("index", index.clone()),
            ] {
                if let Some(value) = value {
                    middle.extend_from_slice(format!(",\"{name}\":").as_bytes());
                    push_text(&mut middle, &value);
                }
            }
            middle.extend_from_slice(format!(",\"fields\":{{\"kind\":\"{kind}\",\"event_id\":\"").as_bytes());
            envelopes.middles.push(middle);
            let index = index.unwrap_or_default();
            let known = envelopes.indexes.iter().position(|name| *name == index);
            envelopes
                .index_by_kind
                .push(known.unwrap_or(envelopes.indexes.len()));
            if known.is_none() {
                envelopes.indexes.push(index);
            }
        }
        envelopes
    }

    /// Envelopes with `index` for every kind and no other texts.
    #[cfg(test)]
    pub(super) fn for_test(time: Time, index: Option<&str>, hub: &Hub) -> Self {
        let none = TextByKind::default();
        let index = index.map(TextByKind::all);
        Self::of(time, [&none, &none, &none], index.as_ref(), hub)
    }

    /// Number of the index that records of `kind` go to, below [`Kind::COUNT`].
    pub fn index(&self, kind: Kind) -> usize {
        self.index_by_kind[kind.index()]
    }

    /// Name of the index with this number; empty for the token's default.
    pub fn index_name(&self, number: usize) -> &str {
        &self.indexes[number]
    }

    /// Size of the envelope, slightly overestimated.
    pub fn size(&self, record: &Rendered) -> usize {
        let key = record.about.key.as_ref().map_or(0, |key| key.len());
        let escapes = match is_text(&record.bytes) {
            true => record.bytes.iter().filter(|byte| is_escaped(**byte)).count(),
            false => 0,
        };
        record.bytes.len() + escapes + self.middles[record.about.kind.index()].len() + key + VARIABLE_BYTES
    }

    /// Appends what stands behind the event: `,"time":…` to the last brace.
    pub fn push_tail(&self, tail: &mut Vec<u8>, record: &Rendered) {
        let about = &record.about;
        let is_event_time = match self.time {
            Time::Auto => about.kind == Kind::Alert,
            Time::Event => true,
            Time::Enqueued => false,
        };
        let time = if is_event_time {
            about.time
        } else {
            record.ticket.event().position().enqueued_time
        };
        tail.extend_from_slice(b",\"time\":");
        push_seconds(tail, time.as_millis());
        tail.extend_from_slice(&self.middles[about.kind.index()]);
        tail.extend_from_slice(about.event_id.to_hex().as_str().as_bytes());
        tail.extend_from_slice(b"\",\"is_snapshot\":");
        // Indexed fields are texts or numbers; a JSON boolean is not among the documented types.
        tail.extend_from_slice(if about.is_snapshot {
            b"\"true\""
        } else {
            b"\"false\""
        });
        if let Some(key) = &about.key {
            tail.extend_from_slice(b",\"key\":");
            push_text(tail, key);
        }
        tail.extend_from_slice(b"}}\n");
    }
}

/// What stands before the event.
pub const HEAD: &[u8] = b"{\"event\":";

/// Appends the event: a JSON record as it stands, a line of text as a JSON string.
pub fn push_event(out: &mut Vec<u8>, record: &Rendered) {
    match is_text(&record.bytes) {
        true => push_text(out, &String::from_utf8_lossy(&record.bytes)),
        false => out.extend_from_slice(&record.bytes),
    }
}

/// The record whose event, as [`push_event`] wrote it, is `event`.
pub fn record_of(event: Bytes) -> Bytes {
    match event.first() {
        Some(b'"') => serde_json::from_slice::<String>(&event)
            .map(Bytes::from)
            .expect("it was written as a JSON string"),
        _ => event,
    }
}

/// Every JSON record is an object; CEF and LEEF lines start with their names.
fn is_text(record: &[u8]) -> bool {
    record.first() != Some(&b'{')
}

/// Whether a byte of a line, which has no control characters, grows in a JSON string.
fn is_escaped(byte: u8) -> bool {
    matches!(byte, b'"' | b'\\')
}

fn push_seconds(out: &mut Vec<u8>, millis: i64) {
    use std::io::Write;
    let sign = if millis < 0 { "-" } else { "" };
    let millis = millis.unsigned_abs();
    write!(out, "{sign}{}.{:03}", millis / 1000, millis % 1000).expect("writing to a Vec cannot fail");
}

fn push_text(out: &mut Vec<u8>, text: &str) {
    out.push(b'"');
    if text
        .bytes()
        .all(|byte| byte >= 0x20 && byte != b'"' && byte != b'\\')
    {
        out.extend_from_slice(text.as_bytes());
        out.push(b'"');
        return;
    }
    out.pop();
    serde_json::to_writer(out, text).expect("a text is always JSON");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn writes_seconds_with_three_decimals() {
        let cases = [
            (1_722_937_225_045, "1722937225.045"),
            (0, "0.000"),
            (999, "0.999"),
            (-1, "-0.001"),
            (-1_500, "-1.500"),
        ];
        for (millis, expected) in cases {
            let mut out = Vec::new();
            push_seconds(&mut out, millis);
            assert_eq!(String::from_utf8_lossy(&out), expected);
        }
    }

    #[test]
    fn gives_back_the_record_of_an_event() {
        for record in ["CEF:0|a\\|b|\"c\"", r#"{"a":"\\"}"#] {
            let mut event = Vec::new();
            match is_text(record.as_bytes()) {
                true => push_text(&mut event, record),
                false => event.extend_from_slice(record.as_bytes()),
            }
            serde_json::from_slice::<serde_json::Value>(&event).expect("an event is JSON");
            assert_eq!(record_of(Bytes::from(event)), record);
        }
    }

    #[test]
    fn escapes_what_json_escapes() {
        for text in ["plain", "a\"b", "a\\b", "line\nbreak", "ü", "\u{1}", ""] {
            let mut out = Vec::new();
            push_text(&mut out, text);
            assert_eq!(serde_json::from_slice::<String>(&out).expect("it is JSON"), text);
        }
    }
}
