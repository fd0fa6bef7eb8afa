//! A webhook.

use bytes::Bytes;
use serde_json::Value;

use super::{Answer, Receiver, Taken};

/// Takes records in any of the forms of target kind `http`.
#[derive(Debug, Default)]
pub struct Hook {
    /// Records in the order they came.
    pub records: Vec<Bytes>,
    /// `Idempotency-Key` of each request that was taken.
    pub keys: Vec<String>,
    /// The value of `Authorization` that is asked for.
    pub authorization: Option<String>,
    /// Requests with this text in a record are answered by this status, and nothing of them is taken.
    pub poison: Option<(String, u16)>,
    /// Most bytes of a body.
    pub limit_bytes: Option<usize>,
    /// Whether compressed requests are answered 415.
    pub refuses_gzip: bool,
}

impl Hook {
    /// The member `number` of each record.
    pub fn numbers(&self) -> Vec<i64> {
        let numbers = self.records.iter().map(|record| {
            let record: Value = serde_json::from_slice(record).expect("a record is JSON");
            record["number"].as_i64().expect("it has a number")
        });
        numbers.collect()
    }
}

impl Receiver for Hook {
    fn receive(&mut self, request: &Taken) -> Answer {
        let header = |name: &str| request.headers.get(name).and_then(|value| value.to_str().ok());
        if self.authorization.is_some() && self.authorization.as_deref() != header("authorization") {
            return Answer::status(401);
        }
        if self.refuses_gzip && request.is_gzip {
            return Answer::status(415);
        }
        if self.limit_bytes.is_some_and(|limit| request.body.len() > limit) {
            return Answer::status(413);
        }
        let text = String::from_utf8_lossy(&request.body);
        if let Some((poison, status)) = &self.poison
            && text.contains(poison)
        {
            return Answer {
                body: "the record is not welcome".to_owned(),
                ..Answer::status(*status)
            };
        }
        let records = match header("content-type") {
            Some("application/x-ndjson" | "text/plain; charset=utf-8")
                if header("idempotency-key").is_none() =>
            {
                if !text.ends_with('\n') {
                    return Answer::status(400);
                }
                text.lines().map(|line| Bytes::from(line.to_owned())).collect()
            }
            Some("application/json") if text.starts_with('[') => {
                let values: Vec<Box<serde_json::value::RawValue>> =
                    serde_json::from_str(&text).expect("an array is whole");
                values
                    .iter()
                    .map(|value| Bytes::from(value.get().to_owned()))
                    .collect()
            }
            _ => vec![request.body.clone()],
        };
        self.records.extend::<Vec<_>>(records);
        self.keys.extend(header("idempotency-key").map(str::to_owned));
        Answer::status(204)
    }
}
