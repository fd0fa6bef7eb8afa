//! Where a receiver starts: the selector in its source, and the place in the log it means.

use serde_amqp::Value;

use crate::event::Timestamp;

use super::codec::{Fields, text};
use super::faults::Condition;
use super::log::{Partition, offset, sequence_after_offset};

/// Key of the selector in the filter map, and one of the two spellings of its descriptor.
const SELECTOR: &str = "apache.org:selector-filter:string";

/// A start as a receiver asks for it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Start {
    Earliest,
    Latest { inclusive: bool },
    Offset { text: String, inclusive: bool },
    SequenceNumber { number: i64, inclusive: bool },
    EnqueuedTime { time: Timestamp, inclusive: bool },
}

/// Reads the start from an encoded source; a source without a selector means the latest.
pub(super) fn start_of_source(source: &Value) -> Result<Start, Condition> {
    let filters = Fields::of(source);
    let Value::Map(filters) = filters.get(7) else {
        return Ok(Start::Latest { inclusive: false });
    };
    for (key, value) in filters.iter() {
        let selector = match value {
            // The descriptor is the symbol above or the code 0x468C00000004; both mean the same.
            Value::Described(described) => text(&described.value),
            plain => text(plain),
        };
        if let (Some(SELECTOR), Some(selector)) = (text(key), selector) {
            return parse(selector);
        }
    }
    Ok(Start::Latest { inclusive: false })
}

/// Reads a selector such as `amqp.annotation.x-opt-offset > '17'`.
pub(super) fn parse(selector: &str) -> Result<Start, Condition> {
    let refuse = || {
        Condition::new(
            "com.microsoft:argument-error",
            format!("The filter '{selector}' is invalid."),
        )
    };
    let (name, rest) = selector.split_once('>').ok_or_else(refuse)?;
    let (inclusive, rest) = match rest.strip_prefix('=') {
        Some(rest) => (true, rest),
        None => (false, rest),
    };
    let value = rest.trim().trim_matches('\'');
    match name.trim() {
        "amqp.annotation.x-opt-offset" => Ok(match value {
            "-1" => Start::Earliest,
            "@latest" => Start::Latest { inclusive },
            _ => Start::Offset {
                text: value.to_owned(),
                inclusive,
            },
        }),
        "amqp.annotation.x-opt-sequence-number" => Ok(Start::SequenceNumber {
            number: value.parse().map_err(|_| refuse())?,
            inclusive,
        }),
        "amqp.annotation.x-opt-enqueued-time" | "amqp.annotation.x-opt-enqueuedtimeutc" => {
            Ok(Start::EnqueuedTime {
                time: Timestamp::from_millis(value.parse().map_err(|_| refuse())?),
                inclusive,
            })
        }
        _ => Err(refuse()),
    }
}

impl Start {
    /// Sequence number of the first event to send.
    ///
    /// Errors: an offset or sequence number beyond the end, as after the hub was created anew.
    pub fn resolve(&self, partition: &Partition) -> Result<i64, Condition> {
        let last = partition.last();
        match self {
            Start::Earliest => Ok(partition.begin()),
            Start::Latest { inclusive } => Ok(if *inclusive { last.max(0) } else { last + 1 }),
            Start::Offset { text, inclusive } => match text.parse::<i64>() {
                Ok(number) if number >= 0 && number <= offset(last) => {
                    Ok(sequence_after_offset(number, *inclusive))
                }
                _ => Err(beyond("offset", text, offset(last).max(-1))),
            },
            Start::SequenceNumber { number, inclusive } => {
                // The service refuses -1 on a partition that never had an event.
                if *number > last || (*number < 0 && last < 0) {
                    return Err(beyond("sequence number", &number.to_string(), last));
                }
                Ok(if *inclusive { *number } else { number + 1 })
            }
            Start::EnqueuedTime { time, inclusive } => Ok(partition.sequence_after_time(*time, *inclusive)),
        }
    }
}

fn beyond(what: &str, asked: &str, last: i64) -> Condition {
    Condition::new(
        "com.microsoft:argument-error",
        format!("The supplied {what} '{asked}' is invalid. The last {what} in the system is '{last}'"),
    )
}
