//! How one try to deliver one record ended.

use std::fmt;
use std::time::Duration;

/// The end of one try for one record at one target.
#[derive(Debug, Clone)]
pub enum Outcome {
    /// The target confirmed it in the way its configuration demands.
    Delivered,
    /// The same bytes may succeed later; the record stays with its worker.
    Retry {
        /// Wait at least this long, if the peer said so.
        after: Option<Duration>,
    },
    /// The target refused this record for good; it becomes a dead letter.
    Rejected(Rejection),
}

/// Why a record was refused for good.
#[derive(Debug, Clone)]
pub struct Rejection {
    /// The class, a label of metrics and dead letters.
    pub reason: RejectReason,
    /// The peer's own text, or ours; never the record's content.
    pub detail: String,
}

/// Why a record became a dead letter. A closed set: it is a metric label and a filter of `dead-letters`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RejectReason {
    /// The body, or a part of it, is no JSON or is nested too deeply.
    Undecodable,
    /// The AMQP library refused the event; only its coordinates are known.
    Unreadable,
    /// Valid JSON of an unknown type that no route of any target accepts.
    UnroutedUnknown,
    /// The map could not produce a required field or exceeded a budget.
    MapError,
    /// The target refused the record's content.
    Refused,
    /// The record is larger than the target accepts.
    TooLarge,
    /// The operator gave the target up: `given_up: true`.
    GivenUp,
}

impl RejectReason {
    /// All reasons, for metric labels and documentation.
    pub const ALL: [RejectReason; 7] = [
        RejectReason::Undecodable,
        RejectReason::Unreadable,
        RejectReason::UnroutedUnknown,
        RejectReason::MapError,
        RejectReason::Refused,
        RejectReason::TooLarge,
        RejectReason::GivenUp,
    ];

    /// The word in labels and files.
    pub fn as_str(self) -> &'static str {
        match self {
            RejectReason::Undecodable => "undecodable",
            RejectReason::Unreadable => "unreadable",
            RejectReason::UnroutedUnknown => "unrouted_unknown",
            RejectReason::MapError => "map_error",
            RejectReason::Refused => "refused",
            RejectReason::TooLarge => "too_large",
            RejectReason::GivenUp => "given_up",
        }
    }
}

impl fmt::Display for RejectReason {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.as_str())
    }
}
