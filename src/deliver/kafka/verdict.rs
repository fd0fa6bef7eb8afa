//! What an error of the client library means for a record, a topic or the target.

use rdkafka::types::RDKafkaErrorCode as Code;

use crate::deliver::retry_reason::RetryReason;
use crate::event::RejectReason;
use crate::telemetry::BlockReason;

/// What to do after an error. The question is what would change if the same bytes were sent again later.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// The library has no room: wait for a report, then hand it over again. No error.
    Full,
    /// Send it again.
    Retry(RetryReason),
    /// The topic has to be made or opened first; the record is fine.
    BlockedTopic,
    /// Somebody has to mend something; the record is fine.
    Blocked(BlockReason),
    /// A broker may refuse a whole batch for one record in it: send each alone, then this reason holds.
    Suspect(RejectReason),
    /// This record is refused for good.
    Rejected(RejectReason),
    /// The producer is of no use any more.
    Fatal,
}

/// What the library's words have for a refusal within TLS.
const TLS_ALERT: &str = "SSL alert number";

/// Of an error when a record was handed over.
pub fn of_enqueue(code: Code) -> Verdict {
    match code {
        Code::QueueFull => Verdict::Full,
        Code::MessageSizeTooLarge => Verdict::Rejected(RejectReason::TooLarge),
        _ => of_report(code),
    }
}

/// Of an error in a delivery report.
pub fn of_report(code: Code) -> Verdict {
    match code {
        Code::TopicAuthorizationFailed
        | Code::UnknownTopic
        | Code::UnknownTopicOrPartition
        | Code::UnknownTopicId
        | Code::InvalidTopic => Verdict::BlockedTopic,
        Code::ClusterAuthorizationFailed
        | Code::SaslAuthenticationFailed
        | Code::UnsupportedSASLMechanism
        | Code::Authentication => Verdict::Blocked(BlockReason::Authorization),
        Code::SSL => Verdict::Blocked(BlockReason::Tls),
        Code::UnsupportedCompressionType | Code::UnsupportedForMessageFormat | Code::UnsupportedFeature => {
            Verdict::Blocked(BlockReason::Configuration)
        }
        Code::MessageSizeTooLarge | Code::MessageBatchTooLarge => Verdict::Suspect(RejectReason::TooLarge),
        Code::InvalidMessage
        | Code::InvalidMessageSize
        | Code::InvalidRecord
        | Code::PolicyViolation
        | Code::InvalidTimestamp => Verdict::Suspect(RejectReason::Refused),
        Code::InvalidDifferentRecord => Verdict::Retry(RetryReason::Partial),
        Code::MessageTimedOut => Verdict::Retry(RetryReason::Timeout),
        Code::PurgeQueue | Code::PurgeInflight => Verdict::Retry(RetryReason::Rebuilt),
        Code::Fatal => Verdict::Fatal,
        _ => Verdict::Retry(RetryReason::Unavailable),
    }
}

/// Of trouble with a connection and the library's words for it: what has to be mended. `None` is an outage, which passes
/// by itself.
pub fn of_connection(code: Code, detail: &str) -> Option<BlockReason> {
    match code {
        // A broker that does not like our certificate says so after the handshake, on a connection that works.
        Code::BrokerTransportFailure if detail.contains(TLS_ALERT) => Some(BlockReason::Tls),
        Code::Authentication | Code::SaslAuthenticationFailed | Code::UnsupportedSASLMechanism => {
            Some(BlockReason::Authorization)
        }
        Code::SSL => Some(BlockReason::Tls),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn errors_are_sorted() {
        let reports = [
            (Code::TopicAuthorizationFailed, Verdict::BlockedTopic),
            (Code::UnknownTopicOrPartition, Verdict::BlockedTopic),
            (
                Code::ClusterAuthorizationFailed,
                Verdict::Blocked(BlockReason::Authorization),
            ),
            (
                Code::SaslAuthenticationFailed,
                Verdict::Blocked(BlockReason::Authorization),
            ),
            (
                Code::MessageSizeTooLarge,
                Verdict::Suspect(RejectReason::TooLarge),
            ),
            (
                Code::MessageBatchTooLarge,
                Verdict::Suspect(RejectReason::TooLarge),
            ),
            (Code::InvalidRecord, Verdict::Suspect(RejectReason::Refused)),
            (Code::PolicyViolation, Verdict::Suspect(RejectReason::Refused)),
            (Code::InvalidTimestamp, Verdict::Suspect(RejectReason::Refused)),
            (Code::InvalidDifferentRecord, Verdict::Retry(RetryReason::Partial)),
            (Code::MessageTimedOut, Verdict::Retry(RetryReason::Timeout)),
            (Code::PurgeInflight, Verdict::Retry(RetryReason::Rebuilt)),
            (Code::NotEnoughReplicas, Verdict::Retry(RetryReason::Unavailable)),
            // Not by its code: the library knows whether it is fatal.
            (
                Code::OutOfOrderSequenceNumber,
                Verdict::Retry(RetryReason::Unavailable),
            ),
        ];
        for (code, expected) in reports {
            assert_eq!(of_report(code), expected, "{code:?}");
        }
        assert_eq!(of_enqueue(Code::QueueFull), Verdict::Full);
        assert_eq!(
            of_enqueue(Code::MessageSizeTooLarge),
            Verdict::Rejected(RejectReason::TooLarge)
        );
        assert_eq!(of_enqueue(Code::UnknownTopic), Verdict::BlockedTopic);
        let connections = [
            (Code::BrokerTransportFailure, "Connection refused", None),
            (
                Code::BrokerTransportFailure,
                "Receive failed: ssl/tls alert bad certificate: SSL alert number 42",
                Some(BlockReason::Tls),
            ),
            (Code::SSL, "certificate verify failed", Some(BlockReason::Tls)),
            (Code::Authentication, "", Some(BlockReason::Authorization)),
        ];
        for (code, detail, expected) in connections {
            assert_eq!(of_connection(code, detail), expected, "{code:?}");
        }
    }
}
