//! How a session ended, and what that says of the receiver.

use std::io;

use super::link;
use crate::deliver::retry_reason::RetryReason;
use crate::deliver::stream;
use crate::durable::retry::chain;
use crate::telemetry::BlockReason;

/// Why there is no session.
#[derive(Debug)]
pub enum End {
    /// There was no connection.
    NotConnected(stream::Error),
    /// The receiver answered `open` otherwise than with an offer that can be used.
    NotOpened {
        /// Its text, or ours.
        text: String,
    },
    /// The connection broke, or the receiver broke the protocol.
    Lost(link::Error),
    /// The receiver said that it ends the session.
    ServerClosed,
    /// The receiver owed an answer for too long.
    NoAnswer,
    /// We ended the session, and the receiver answered that; `refusal` is what it said to a record before.
    Closed {
        /// Why the session had to end before everything was sent.
        refusal: Option<String>,
    },
}

impl From<link::Error> for End {
    /// The system's own timeout, which comes before ours when the receiver stops reading, is as silent as ours.
    fn from(error: link::Error) -> Self {
        match error {
            link::Error::Broken(source) if source.kind() == io::ErrorKind::TimedOut => Self::NoAnswer,
            error => Self::Lost(error),
        }
    }
}

impl End {
    /// The class, for the metric.
    pub fn reason(&self) -> RetryReason {
        match self {
            Self::NotConnected(stream::Error::Tls { .. }) | Self::Lost(link::Error::Tls { .. }) => {
                RetryReason::Tls
            }
            Self::NotConnected(_) => RetryReason::Connect,
            Self::NotOpened { .. } => RetryReason::Blocked,
            Self::Lost(link::Error::Session(_)) => RetryReason::Surprise,
            Self::Lost(link::Error::Ended | link::Error::Broken(_)) | Self::ServerClosed => {
                RetryReason::ConnectionLost
            }
            Self::NoAnswer => RetryReason::Timeout,
            Self::Closed { .. } => RetryReason::Refused,
        }
    }

    /// What an operator has to mend, if the same will happen again until then.
    pub fn block(&self) -> Option<BlockReason> {
        match self {
            Self::NotConnected(error) if error.is_lasting() => Some(BlockReason::Tls),
            Self::Lost(link::Error::Tls { .. }) => Some(BlockReason::Tls),
            Self::NotOpened { .. } => Some(BlockReason::Configuration),
            _ => None,
        }
    }

    /// Whether the record at which the receiver stopped may be the cause. Silence says nothing of a record.
    pub fn is_suspicious(&self) -> bool {
        matches!(
            self,
            Self::Lost(link::Error::Ended | link::Error::Broken(_) | link::Error::Session(_))
                | Self::ServerClosed
        )
    }

    /// In words, for the log and for `/readyz`.
    pub fn detail(&self) -> String {
        match self {
            Self::NotConnected(error) => chain(error),
            Self::NotOpened { text } => format!("the receiver does not open a session: {text}"),
            Self::Lost(error) => chain(error),
            Self::ServerClosed => "the receiver ended the session".to_owned(),
            Self::NoAnswer => "the receiver gave no answer in time".to_owned(),
            Self::Closed { refusal: Some(text) } => format!("the receiver refused a record: {text}"),
            Self::Closed { refusal: None } => "the session was closed".to_owned(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tells_silence_from_what_a_record_may_cause() {
        let broken = |kind| End::from(link::Error::Broken(io::Error::from(kind)));
        let text = || "500 no".to_owned();
        let untrusted = link::Error::Tls { detail: text() };
        let cases = [
            (broken(io::ErrorKind::TimedOut), "timeout", None, false),
            (End::NoAnswer, "timeout", None, false),
            (
                broken(io::ErrorKind::ConnectionReset),
                "connection_lost",
                None,
                true,
            ),
            (End::from(link::Error::Ended), "connection_lost", None, true),
            (End::ServerClosed, "connection_lost", None, true),
            (End::from(untrusted), "tls", Some(BlockReason::Tls), false),
            (
                End::NotOpened { text: text() },
                "blocked",
                Some(BlockReason::Configuration),
                false,
            ),
            (
                End::Closed {
                    refusal: Some(text()),
                },
                "refused",
                None,
                false,
            ),
        ];
        for (end, reason, block, is_suspicious) in cases {
            assert_eq!(end.reason().as_str(), reason, "{end:?}");
            assert_eq!(end.block(), block, "{end:?}");
            assert_eq!(end.is_suspicious(), is_suspicious, "{end:?}");
        }
    }
}
