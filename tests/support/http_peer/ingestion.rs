//! The Logs Ingestion API.

use axum::http::Method;
use serde_json::{Value, json};

use super::{Answer, Receiver, Taken};

/// Most bytes of a call before compression.
const MAX_CALL_BYTES: usize = 1 << 20;

/// Takes calls for the streams of one data collection rule.
#[derive(Debug)]
pub struct Ingestion {
    pub rule: String,
    pub streams: Vec<String>,
    pub token: String,
    /// Whether the token has the right to write to the rule.
    pub is_permitted: bool,
    /// Calls with this text in a record are refused.
    pub poison: Option<String>,
    /// Rows with the stream they came by, in the order they came.
    pub rows: Vec<(String, Value)>,
}

impl Ingestion {
    pub fn new(token: &str) -> Self {
        Self {
            rule: "dcr-00000000000000000000000000000001".to_owned(),
            streams: vec!["Custom-Mdc".to_owned()],
            token: token.to_owned(),
            is_permitted: true,
            poison: None,
            rows: Vec::new(),
        }
    }

    /// The column `number` of each row.
    pub fn numbers(&self) -> Vec<i64> {
        let numbers = self.rows.iter().map(|(_, row)| row["number"].as_i64());
        numbers
            .map(|number| number.expect("a row has a number"))
            .collect()
    }
}

impl Receiver for Ingestion {
    fn receive(&mut self, request: &Taken) -> Answer {
        let header = |name: &str| request.headers.get(name).and_then(|value| value.to_str().ok());
        let path = request.uri.path().strip_prefix("/dataCollectionRules/");
        let Some((rule, stream)) = path.and_then(|path| path.split_once("/streams/")) else {
            return failure(404, "NotFound", "no such resource");
        };
        if request.method != Method::POST {
            return failure(405, "MethodNotAllowed", "only POST");
        }
        if request.uri.query() != Some("api-version=2023-01-01") {
            return failure(400, "InvalidApiVersion", "the version is not known");
        }
        if header("authorization") != Some(&format!("Bearer {}", self.token)) {
            return failure(401, "InvalidToken", "the token is expired");
        }
        if rule != self.rule {
            return failure(404, "NotFound", "no data collection rule with this immutable id");
        }
        if !self.is_permitted {
            return failure(403, "OperationFailed", "no access to the data collection rule");
        }
        if !self.streams.iter().any(|known| known == stream) {
            return failure(400, "InvalidStream", "the stream is not configured");
        }
        if header("content-type") != Some("application/json") {
            return failure(415, "UnsupportedMediaType", "only JSON");
        }
        if request.body.len() > MAX_CALL_BYTES {
            return failure(413, "ContentLengthLimitExceeded", "at most 1 MB");
        }
        let is_poison = |text: &String| String::from_utf8_lossy(&request.body).contains(text.as_str());
        let rows = serde_json::from_slice::<Vec<Value>>(&request.body).ok();
        let rows = rows
            .filter(|rows| rows.iter().all(Value::is_object) && !self.poison.as_ref().is_some_and(is_poison));
        let Some(rows) = rows else {
            return failure(400, "InvalidRequestPayload", "a record cannot be read");
        };
        self.rows
            .extend(rows.into_iter().map(|row| (stream.to_owned(), row)));
        Answer::status(204)
    }
}

fn failure(status: u16, code: &str, message: &str) -> Answer {
    Answer::json(status, &json!({ "error": { "code": code, "message": message } }))
}
