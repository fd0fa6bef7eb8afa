//! Why bytes are no record, for the dead letter that keeps them.

use super::json::{ParseError, parse_next};
use crate::event::{Kind, Record};

/// Why the bytes of an undecodable record are none. Positions count from the record's first byte.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Problem {
    /// Zero bytes, or nothing but whitespace.
    #[error("the body is empty")]
    Empty,
    /// A byte sequence that is no UTF-8, as in a compressed body.
    #[error("the body is not UTF-8 from byte {position} on")]
    NotUtf8 {
        /// First byte of that sequence.
        position: usize,
    },
    /// UTF-8 that is no JSON.
    #[error(transparent)]
    NotJson(ParseError),
}

/// What is wrong with an undecodable record; `None` for every other kind.
pub fn problem(record: &Record<'_>) -> Option<Problem> {
    (record.kind == Kind::Undecodable).then(|| problem_of(record.bytes()))
}

fn problem_of(bytes: &[u8]) -> Problem {
    match std::str::from_utf8(bytes) {
        Err(error) => Problem::NotUtf8 {
            position: error.valid_up_to(),
        },
        Ok(text) => {
            let text = text.strip_prefix('\u{feff}').unwrap_or(text);
            match parse_next(text, &mut 0) {
                Err(error) => Problem::NotJson(error),
                Ok(_) => Problem::Empty,
            }
        }
    }
}
