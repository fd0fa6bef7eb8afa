//! A request body taken apart into envelopes, each checked as the collector checks it.

use std::fmt;

use bytes::Bytes;
use serde::Deserialize;
use serde::de::{MapAccess, Visitor};
use serde_json::value::RawValue;

/// One envelope that would be indexed.
#[derive(Debug, Clone)]
pub struct Envelope {
    /// The envelope as it came.
    pub bytes: Bytes,
    /// `fields.event_id`, if there is one.
    pub event_id: Option<Box<str>>,
    /// Where the event stands in `bytes`.
    event: (usize, usize),
    /// Its index, if it names one.
    pub index: Option<Box<str>>,
}

/// The first envelope that is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Refusal {
    /// Code of the reply: 6, 12, 13 or 15.
    pub code: u16,
    /// Position of the envelope in the body, from 0.
    pub number: usize,
}

impl Envelope {
    /// The event as it came.
    pub fn event(&self) -> Bytes {
        self.bytes.slice(self.event.0..self.event.1)
    }
}

/// Takes a body apart: the envelopes before the first refused one, and that one's refusal.
///
/// Objects stand one after another, or in one list.
pub fn split(body: &Bytes) -> (Vec<Envelope>, Option<Refusal>) {
    let mut envelopes = Vec::new();
    let start = body.iter().position(|byte| !byte.is_ascii_whitespace());
    if start.is_some_and(|start| body[start] == b'[') {
        let Ok(list) = serde_json::from_slice::<Vec<&RawValue>>(body) else {
            return (envelopes, Some(Refusal { code: 6, number: 0 }));
        };
        for raw in list {
            match serde_json::from_str(raw.get())
                .map_err(|_| 6)
                .and_then(|parts| check(body, raw.get(), &parts))
            {
                Ok(envelope) => envelopes.push(envelope),
                Err(code) => return refused(envelopes, code),
            }
        }
        return (envelopes, None);
    }
    let mut stream = serde_json::Deserializer::from_slice(body).into_iter::<Parts<'_>>();
    loop {
        let start = stream.byte_offset();
        let checked = match stream.next() {
            None => return (envelopes, None),
            Some(Err(_)) => Err(6),
            Some(Ok(parts)) => {
                let text = std::str::from_utf8(&body[start..stream.byte_offset()]);
                text.map_err(|_| 6)
                    .and_then(|text| check(body, text.trim_ascii(), &parts))
            }
        };
        match checked {
            Ok(envelope) => envelopes.push(envelope),
            Err(code) => return refused(envelopes, code),
        }
    }
}

fn refused(envelopes: Vec<Envelope>, code: u16) -> (Vec<Envelope>, Option<Refusal>) {
    let number = envelopes.len();
    (envelopes, Some(Refusal { code, number }))
}

fn check(body: &Bytes, text: &str, parts: &Parts<'_>) -> Result<Envelope, u16> {
    let bytes = body.slice_ref(text.as_bytes());
    let event = parts.event.ok_or(12_u16)?.get();
    if matches!(event, "\"\"" | "null") {
        return Err(13);
    }
    for name in [parts.host, parts.source, parts.sourcetype, parts.index]
        .into_iter()
        .flatten()
    {
        if !name.get().starts_with('"') {
            return Err(6);
        }
    }
    if parts
        .time
        .is_some_and(|time| !is_number(time.get().trim_matches('"')))
    {
        return Err(6);
    }
    let fields = match parts.fields {
        Some(fields) if fields.get().starts_with('{') => {
            serde_json::from_str::<Fields>(fields.get()).map_err(|_| 15_u16)?
        }
        Some(_) => return Err(6),
        None => Fields::default(),
    };
    let start = event.as_ptr() as usize - text.as_ptr() as usize;
    Ok(Envelope {
        bytes,
        event_id: fields.event_id,
        event: (start, start + event.len()),
        index: parts
            .index
            .and_then(|index| serde_json::from_str(index.get()).ok()),
    })
}

fn is_number(text: &str) -> bool {
    text.parse::<f64>().is_ok_and(f64::is_finite)
}

/// An envelope's parts, not looked into.
#[derive(Deserialize)]
struct Parts<'b> {
    #[serde(borrow)]
    event: Option<&'b RawValue>,
    #[serde(borrow)]
    time: Option<&'b RawValue>,
    #[serde(borrow)]
    host: Option<&'b RawValue>,
    #[serde(borrow)]
    source: Option<&'b RawValue>,
    #[serde(borrow)]
    sourcetype: Option<&'b RawValue>,
    #[serde(borrow)]
    index: Option<&'b RawValue>,
    #[serde(borrow)]
    fields: Option<&'b RawValue>,
}

/// The indexed fields: texts, numbers, or lists of them.
#[derive(Default)]
struct Fields {
    event_id: Option<Box<str>>,
}

impl<'de> Deserialize<'de> for Fields {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(FieldsVisitor)
    }
}

struct FieldsVisitor;

impl<'de> Visitor<'de> for FieldsVisitor {
    type Value = Fields;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("a flat object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Fields, A::Error> {
        let mut fields = Fields::default();
        while let Some(key) = map.next_key::<std::borrow::Cow<'de, str>>()? {
            let value = map.next_value::<&RawValue>()?.get();
            if !is_flat(value) {
                return Err(serde::de::Error::custom("nested"));
            }
            if key == "event_id" {
                fields.event_id = serde_json::from_str(value).ok();
            }
        }
        Ok(fields)
    }
}

fn is_flat(value: &str) -> bool {
    match value.as_bytes().first() {
        Some(b'{') => false,
        Some(b'[') => serde_json::from_str::<Vec<&RawValue>>(value)
            .is_ok_and(|list| list.iter().all(|item| !item.get().starts_with(['{', '[']))),
        _ => true,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn takes_apart_and_refuses_as_the_collector_does() {
        let cases = [
            (r#"{"event":{"a":1}}{"event":"x"}"#, 2, None),
            ("{\"event\":1}\n {\"event\":2}\n", 2, None),
            (r#"[{"event":1},{"event":2}]"#, 2, None),
            (r#"{"event":1,"fields":{"a":"b","n":1,"l":["x",2]}}"#, 1, None),
            (
                r#"{"event":1}{"event":1,"fields":{"a":{"b":1}}}"#,
                1,
                Some((15, 1)),
            ),
            (r#"{"event":1,"fields":{"a":[{"b":1}]}}"#, 0, Some((15, 0))),
            (r#"{"event":1,"fields":[1]}"#, 0, Some((6, 0))),
            (r#"{"time":1}"#, 0, Some((12, 0))),
            (r#"{"event":1}{"event":""}"#, 1, Some((13, 1))),
            (r#"{"event":null}"#, 0, Some((12, 0))),
            (r#"{"event":1}{"event":}"#, 1, Some((6, 1))),
            (r#"{"event":1}{"event":{"a":1}"#, 1, Some((6, 1))),
            (r#"{"event":1,"time":"1722937225.045"}"#, 1, None),
            (r#"{"event":1,"time":"noon"}"#, 0, Some((6, 0))),
            (r#"{"event":1,"index":7}"#, 0, Some((6, 0))),
            ("  ", 0, None),
        ];
        for (body, count, refusal) in cases {
            let (envelopes, refused) = split(&Bytes::from_static(body.as_bytes()));
            assert_eq!(envelopes.len(), count, "{body}");
            assert_eq!(
                refused.map(|refusal| (refusal.code, refusal.number)),
                refusal,
                "{body}"
            );
        }
    }

    #[test]
    fn finds_the_event_and_its_id() {
        let body =
            r#" {"event": {"event_id":"inner"} ,"index":"main","fields":{"event_id":"outer"}} {"event":2}"#;
        let (envelopes, _) = split(&Bytes::from_static(body.as_bytes()));
        assert_eq!(envelopes[0].event_id.as_deref(), Some("outer"));
        assert_eq!(envelopes[0].index.as_deref(), Some("main"));
        assert_eq!(&envelopes[0].event()[..], br#"{"event_id":"inner"}"#);
        assert_eq!(&envelopes[1].bytes[..], br#"{"event":2}"#);
    }
}
