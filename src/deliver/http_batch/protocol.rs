//! What a target kind says of its own: the form of a request, and the meaning of a reply.

use std::time::Duration;

use bytes::Bytes;
use reqwest::Method;
use url::Url;

use crate::event::{EventId, Kind, Rendered};
use crate::telemetry::BlockReason;

/// One protocol over HTTP.
pub trait Protocol: Send + 'static {
    /// The method of every request.
    fn method(&self) -> Method {
        Method::POST
    }

    /// Names of the places that records are written to, such as indexes; a batch is for one of them. At least one, and at
    /// most as many as there are kinds of records.
    fn lanes(&self) -> &[String];

    /// Position in [`Protocol::lanes`] of the place for records of `kind`.
    fn lane(&self, kind: Kind) -> usize;

    /// Where a batch for `lane` is sent at the endpoint with this base address.
    fn url(&self, base: &Url, lane: usize) -> Url;

    /// Bytes a record takes in a body, slightly overestimated.
    fn size(&self, record: &Rendered) -> usize;

    /// The body of a request; there is at least one record, and all are for `lane`.
    fn encode(&self, lane: usize, records: &[Rendered]) -> Body;

    /// What a reply to so many records means.
    fn judge(&self, reply: &Reply, records: usize) -> Verdict;
}

/// A request body before it is compressed.
#[derive(Debug)]
pub struct Body {
    /// What is sent.
    pub bytes: Vec<u8>,
    /// Its `Content-Type`.
    pub content_type: &'static str,
    /// `Idempotency-Key`, where one record is one request.
    pub idempotency_key: Option<EventId>,
}

/// A whole reply.
#[derive(Debug, Clone)]
pub struct Reply {
    /// HTTP status.
    pub status: u16,
    /// `Retry-After`, where it is a number of seconds.
    pub retry_after: Option<Duration>,
    /// The body.
    pub body: Bytes,
}

/// What a reply means for a batch.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// All records were taken.
    Accepted,
    /// The reply says of each record what became of it, in the order of the request.
    Each(Vec<Fate>),
    /// Not taken because of a record in it, and nobody says which. The text is for the dead letter.
    Refused {
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
    /// Not taken now: wait, and send less at a time.
    Busy,
    /// Not taken now: the endpoint is in trouble, another one may be better.
    Unavailable,
    /// Not taken until somebody mends a configuration. `Destination` holds for the batch's lane only.
    Blocked {
        /// What to mend.
        reason: BlockReason,
        /// What was said; it is logged, so there is nothing of a record in it.
        text: String,
    },
    /// Nothing that such a peer says.
    Surprise {
        /// What came, without its content.
        text: String,
    },
}

/// What became of one record of a batch.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Fate {
    /// It was taken.
    Delivered,
    /// It was taken before, under the same id.
    Repeated,
    /// It is refused for good.
    Refused {
        /// The peer's words, for the dead letter.
        text: String,
    },
    /// It is larger than the peer allows.
    TooLarge {
        /// The peer's words, for the dead letter.
        text: String,
    },
    /// Not taken now: the peer has too much to do.
    Busy,
    /// Not taken now: the peer is in trouble.
    Unavailable,
    /// Not taken until somebody mends a configuration, which concerns the lane.
    Blocked {
        /// What was said; it is logged, so there is nothing of a record in it.
        text: String,
    },
    /// Nothing that such a peer says.
    Surprise {
        /// What came, without its content.
        text: String,
    },
}

/// More of a peer's text than this says nothing new.
const MAX_TEXT_CHARACTERS: usize = 300;

impl Reply {
    /// Status and size, never the content.
    pub fn describe(&self) -> String {
        format!("HTTP status {} with {} bytes", self.status, self.body.len())
    }

    /// Status, and the beginning of the content, for a dead letter.
    pub fn quote(&self) -> String {
        let text = String::from_utf8_lossy(&self.body);
        match text.trim() {
            "" => format!("HTTP status {}", self.status),
            text => format!("HTTP status {}: {}", self.status, shorten(text)),
        }
    }

    /// What the status alone says, where every peer means the same by it: success, size, compression, pressure, trouble,
    /// who we are, and where we write. `None` for any other.
    pub fn by_status(&self) -> Option<Verdict> {
        let blocked = |reason, hint: &str| Verdict::Blocked {
            reason,
            text: format!("HTTP status {}; {hint}", self.status),
        };
        Some(match self.status {
            200..300 => Verdict::Accepted,
            300..=399 => blocked(
                BlockReason::Destination,
                "the address leads elsewhere, and records are not sent after it; name the final address",
            ),
            401 | 403 | 407 => blocked(
                BlockReason::Authorization,
                "the peer refuses who we are; mend the secret, or the rights behind it",
            ),
            404 | 405 | 410 => blocked(
                BlockReason::Destination,
                "the peer knows no such place; mend the address, or make what it names",
            ),
            413 => Verdict::TooLarge { text: self.quote() },
            415 => Verdict::CompressionRefused,
            408 | 425 | 429 => Verdict::Busy,
            500.. => Verdict::Unavailable,
            _ => return None,
        })
    }

    /// A reply that nobody should give.
    pub fn surprise(&self) -> Verdict {
        Verdict::Surprise {
            text: format!("unexpected {}", self.describe()),
        }
    }
}

/// The beginning of a peer's text.
pub fn shorten(text: &str) -> String {
    text.chars().take(MAX_TEXT_CHARACTERS).collect()
}
