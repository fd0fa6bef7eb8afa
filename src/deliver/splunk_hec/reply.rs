//! What a reply of the collector means, decided by its code.

use std::time::Duration;

use serde::Deserialize;

use crate::telemetry::BlockReason;

/// A whole reply.
#[derive(Debug, Clone)]
pub struct Reply {
    /// HTTP status.
    pub status: u16,
    /// Names and values of the cookies it sets.
    pub cookies: Vec<(String, String)>,
    /// Address that answered, if known.
    pub peer: Option<std::net::IpAddr>,
    /// `Retry-After`, where it is a number of seconds.
    pub retry_after: Option<Duration>,
    /// The body.
    pub body: bytes::Bytes,
}

/// What a reply to a batch means.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// All records were taken.
    Accepted {
        /// The id to ask about, if the token acknowledges.
        acknowledgement: Option<u64>,
        /// Whether the peer nears its limits.
        is_pressed: bool,
    },
    /// One record was refused; those before it were taken, it and those behind it were not.
    Partial {
        /// Position of the refused record, if the peer named one.
        refused: Option<usize>,
        /// The id to ask about for those before it.
        acknowledgement: Option<u64>,
        /// The peer's words.
        text: String,
    },
    /// The request is larger than the peer or something before it allows.
    TooLarge {
        /// The peer's words.
        text: String,
    },
    /// Compressed requests are not taken.
    CompressionRefused,
    /// The token may not write to the index of a record.
    WrongIndex {
        /// The peer's words.
        text: String,
    },
    /// Not taken now: wait, and send less at a time.
    Busy {
        /// How long at least.
        after: Option<Duration>,
    },
    /// Not taken now: the endpoint is in trouble, another one may be better.
    Unavailable,
    /// Not taken until somebody mends a configuration.
    Blocked {
        /// What to mend.
        reason: BlockReason,
        /// The peer's words.
        text: String,
    },
    /// Nothing a collector says.
    Surprise {
        /// What came, without its content.
        text: String,
    },
}

/// The JSON body of every reply.
#[derive(Debug, Deserialize)]
struct Body {
    #[serde(default)]
    text: String,
    code: i64,
    #[serde(rename = "invalid-event-number")]
    invalid_event_number: Option<usize>,
    #[serde(rename = "ackId")]
    acknowledgement: Option<u64>,
}

/// More of a peer's text than this says nothing new.
const MAX_TEXT_CHARACTERS: usize = 200;

impl Reply {
    /// What the reply to a batch means.
    pub fn verdict(&self) -> Verdict {
        match serde_json::from_slice::<Body>(&self.body) {
            Ok(body) => self.by_code(body),
            Err(_) => self.by_status(),
        }
    }

    /// What blocks us, if this reply to a question about acknowledgements does: any status from 400 to 499.
    pub fn refusal(&self) -> Option<(BlockReason, String)> {
        if !(400..500).contains(&self.status) {
            return None;
        }
        match self.verdict() {
            Verdict::Blocked { reason, text } => Some((reason, text)),
            _ => Some((BlockReason::Acknowledgement, self.describe())),
        }
    }

    fn by_code(&self, body: Body) -> Verdict {
        let is_success = (200..300).contains(&self.status);
        let text = describe_code(&body);
        match body.code {
            0 | 24 | 25 if is_success => Verdict::Accepted {
                acknowledgement: body.acknowledgement,
                is_pressed: body.code != 0,
            },
            1..=4 | 21 | 22 => blocked(BlockReason::Authorization, text),
            6 | 12 | 13 | 15 => Verdict::Partial {
                refused: body.invalid_event_number,
                acknowledgement: body.acknowledgement,
                text,
            },
            7 => Verdict::WrongIndex { text },
            8 | 23 => Verdict::Unavailable,
            9 | 18..=20 | 26 | 27 => Verdict::Busy {
                after: self.retry_after,
            },
            10 | 11 | 16 | 28 => blocked(BlockReason::Configuration, text),
            14 => blocked(BlockReason::Acknowledgement, text),
            _ if self.status >= 500 => Verdict::Unavailable,
            _ => Verdict::Surprise { text },
        }
    }

    fn by_status(&self) -> Verdict {
        match self.status {
            413 => Verdict::TooLarge {
                text: self.describe(),
            },
            415 => Verdict::CompressionRefused,
            429 => Verdict::Busy {
                after: self.retry_after,
            },
            500.. => Verdict::Unavailable,
            _ => Verdict::Surprise {
                text: self.describe(),
            },
        }
    }

    /// Status and size, and the collector's code where it gave one; never the content.
    pub fn describe(&self) -> String {
        match serde_json::from_slice::<Body>(&self.body) {
            Ok(body) => describe_code(&body),
            Err(_) => format!(
                "HTTP status {} with {} bytes that are no reply of a collector",
                self.status,
                self.body.len()
            ),
        }
    }

    /// The collector's code, if the reply has one.
    pub fn code(&self) -> Option<i64> {
        serde_json::from_slice::<Body>(&self.body)
            .ok()
            .map(|body| body.code)
    }
}

fn blocked(reason: BlockReason, text: String) -> Verdict {
    Verdict::Blocked { reason, text }
}

fn describe_code(body: &Body) -> String {
    let text: String = body.text.chars().take(MAX_TEXT_CHARACTERS).collect();
    format!("code {}: {text}", body.code)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reply(status: u16, body: &str) -> Reply {
        Reply {
            status,
            cookies: Vec::new(),
            peer: None,
            retry_after: Some(Duration::from_secs(7)),
            body: bytes::Bytes::copy_from_slice(body.as_bytes()),
        }
    }

    fn name(verdict: &Verdict) -> String {
        match verdict {
            Verdict::Blocked { reason, .. } => format!("blocked {}", reason.as_str()),
            Verdict::Accepted {
                acknowledgement,
                is_pressed,
            } => format!("accepted {acknowledgement:?} {is_pressed}"),
            Verdict::Partial {
                refused,
                acknowledgement,
                ..
            } => format!("partial {refused:?} {acknowledgement:?}"),
            Verdict::Busy { after } => format!("busy {after:?}"),
            other => format!("{other:?}")
                .split([' ', '{'])
                .next()
                .unwrap_or_default()
                .to_lowercase(),
        }
    }

    #[test]
    fn decides_by_code() {
        let cases = [
            (200, r#"{"text":"Success","code":0}"#, "accepted None false"),
            (
                200,
                r#"{"text":"Success","code":0,"ackId":12}"#,
                "accepted Some(12) false",
            ),
            (200, r#"{"text":"","code":24,"ackId":1}"#, "accepted Some(1) true"),
            (200, r#"{"code":25}"#, "accepted None true"),
            (
                403,
                r#"{"text":"Token disabled","code":1}"#,
                "blocked authorization",
            ),
            (
                401,
                r#"{"text":"Token is required","code":2}"#,
                "blocked authorization",
            ),
            (
                401,
                r#"{"text":"Invalid authorization","code":3}"#,
                "blocked authorization",
            ),
            (
                403,
                r#"{"text":"Invalid token","code":4}"#,
                "blocked authorization",
            ),
            (400, r#"{"text":"No data","code":5}"#, "surprise"),
            (
                400,
                r#"{"code":6,"invalid-event-number":3,"ackId":9}"#,
                "partial Some(3) Some(9)",
            ),
            (400, r#"{"code":7,"invalid-event-number":1}"#, "wrongindex"),
            (500, r#"{"code":8}"#, "unavailable"),
            (503, r#"{"code":9}"#, "busy Some(7s)"),
            (400, r#"{"code":10}"#, "blocked configuration"),
            (400, r#"{"code":11}"#, "blocked configuration"),
            (
                400,
                r#"{"code":12,"invalid-event-number":0}"#,
                "partial Some(0) None",
            ),
            (400, r#"{"code":13}"#, "partial None None"),
            (400, r#"{"code":14}"#, "blocked acknowledgement"),
            (
                400,
                r#"{"code":15,"invalid-event-number":2}"#,
                "partial Some(2) None",
            ),
            (400, r#"{"code":16}"#, "blocked configuration"),
            (200, r#"{"code":17}"#, "surprise"),
            (503, r#"{"code":18}"#, "busy Some(7s)"),
            (503, r#"{"code":20}"#, "busy Some(7s)"),
            (400, r#"{"code":21}"#, "blocked authorization"),
            (503, r#"{"code":23}"#, "unavailable"),
            (429, r#"{"code":26}"#, "busy Some(7s)"),
            (429, r#"{"code":27}"#, "busy Some(7s)"),
            (400, r#"{"code":28}"#, "blocked configuration"),
            (
                404,
                r#"{"text":"The requested URL was not found","code":404}"#,
                "surprise",
            ),
            (503, r#"{"code":99}"#, "unavailable"),
            (503, r#"{"code":0}"#, "unavailable"),
            (200, "<html>login</html>", "surprise"),
            (200, r#"{"text":"Succ"#, "surprise"),
            (200, "", "surprise"),
            (204, "{}", "surprise"),
            (404, "<html>", "surprise"),
            (403, "<html>", "surprise"),
            (413, "<html>", "toolarge"),
            (415, "<html>", "compressionrefused"),
            (429, "slow down", "busy Some(7s)"),
            (502, "<html>", "unavailable"),
        ];
        for (status, body, expected) in cases {
            assert_eq!(name(&reply(status, body).verdict()), expected, "{status} {body}");
        }
    }

    #[test]
    fn every_refused_question_blocks() {
        let cases = [
            (200, r#"{"acks":{}}"#, None),
            (503, r#"{"code":9}"#, None),
            (400, r#"{"code":14}"#, Some(BlockReason::Acknowledgement)),
            (400, r#"{"code":11}"#, Some(BlockReason::Configuration)),
            (403, r#"{"code":4}"#, Some(BlockReason::Authorization)),
            (404, "<html>", Some(BlockReason::Acknowledgement)),
        ];
        for (status, body, expected) in cases {
            let refusal = reply(status, body).refusal().map(|(reason, _)| reason);
            assert_eq!(refusal, expected, "{status} {body}");
        }
    }
}
