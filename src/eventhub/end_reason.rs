//! Why a link or connection ended, as a closed set, and how long to wait before the next try.

use std::fmt;
use std::time::Duration;

/// First step of the exponential back-off.
const BACK_OFF_FIRST: Duration = Duration::from_millis(500);
/// Its longest step.
const BACK_OFF_MAX: Duration = Duration::from_secs(60);
/// A throttled or closing gateway asks for this much peace.
const BUSY_FLOOR: Duration = Duration::from_secs(4);
/// What a quota needs before another try has a chance.
const RESOURCE_FLOOR: Duration = Duration::from_secs(30);
/// What only an operator can mend is looked at again this often.
const OPERATOR_FLOOR: Duration = Duration::from_secs(60);
/// The longest wait where trying again does harm: another reader is displaced, or a refused login is logged.
const PATIENT_MAX: Duration = Duration::from_secs(15 * 60);

macro_rules! end_reasons {
    ($( $(#[doc = $text:literal])+ $name:ident = $label:literal => $after:ident, $rebuild:ident; )*) => {
        /// Class of the end of a link or connection; a label of `eventhub_reconnects_total`.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        pub enum EndReason { $( $(#[doc = $text])+ $name, )* }

        impl EndReason {
            /// Every reason, for labels and documentation.
            pub const ALL: &[EndReason] = &[$(EndReason::$name),*];

            /// The word in metrics and logs.
            pub fn as_str(self) -> &'static str {
                match self { $(EndReason::$name => $label,)* }
            }

            fn wait(self) -> Wait {
                match self { $(EndReason::$name => Wait::$after,)* }
            }

            pub(super) fn rebuild(self) -> Rebuild {
                match self { $(EndReason::$name => Rebuild::$rebuild,)* }
            }
        }
    };
}

end_reasons! {
    /// The hub is throttled.
    ServerBusy = "server_busy" => Busy, Link;
    /// A step took too long, here or there.
    Timeout = "timeout" => BackOff, Link;
    /// The service gave up an operation of its own.
    OperationCancelled = "operation_cancelled" => BackOff, Link;
    /// A fault inside the service.
    InternalError = "internal_error" => BackOff, LinkThenConnection;
    /// The gateway that holds the connection is closing.
    ContainerClose = "container_close" => Busy, Connection;
    /// The service closed the connection.
    ConnectionForced = "connection_forced" => BackOff, Connection;
    /// The connection broke or fell silent.
    ConnectionLost = "connection_lost" => BackOff, Connection;
    /// No connection could be made: name, network or protocol.
    ConnectFailed = "connect_failed" => BackOff, Connection;
    /// The peer's certificate, or the TLS handshake, was refused.
    TlsFailed = "tls_failed" => BackOff, Connection;
    /// The proxy on the way lets nobody through, or not us.
    ProxyRefused = "proxy_refused" => Operator, Connection;
    /// The peer does not speak AMQP over WebSocket.
    WebSocketRefused = "websocket_refused" => Operator, Connection;
    /// The service detached the link: idleness, maintenance, a race while closing.
    LinkDetached = "link_detached" => BackOff, Link;
    /// The hub was changed; partitions may have been added.
    EntityUpdated = "entity_updated" => BackOff, Link;
    /// Another reader took the partition, or holds it.
    Stolen = "stolen" => Patient, Link;
    /// The token is refused, or has no right to listen.
    Unauthorized = "unauthorized" => Patient, Link;
    /// Entra ID refuses the credential, so that there is no token to put.
    CredentialRefused = "credential_refused" => Operator, Link;
    /// Entra ID cannot be reached or is throttled, so that there is no token to put.
    CredentialUnavailable = "credential_unavailable" => BackOff, Link;
    /// There is no such hub, consumer group or partition.
    NotFound = "not_found" => Operator, Link;
    /// The hub is disabled.
    EntityDisabled = "entity_disabled" => Operator, Link;
    /// A quota is exhausted, such as five readers of one partition.
    ResourceLimit = "resource_limit" => Resource, Link;
    /// The service refuses the position to start from.
    InvalidPosition = "invalid_position" => Operator, Link;
    /// The offset is refused on a geo-replicated namespace; its sequence number may do.
    InvalidOffset = "invalid_offset" => BackOff, Link;
    /// The service refuses the protocol or the configuration.
    Refused = "refused" => Operator, Link;
    /// The AMQP library refused a delivery and gave up the link.
    Unreadable = "unreadable" => BackOff, Link;
    /// The link brought nothing although the hub has newer events; given up here.
    Stuck = "stuck" => BackOff, Connection;
    /// Another hub stands under the name, and the policy is to wait for a decision.
    HubRecreated = "hub_recreated" => Operator, Link;
    /// Anything the service says that is not known here.
    Other = "other" => BackOff, Link;
}

#[derive(Clone, Copy)]
enum Wait {
    /// 0.5 s to 60 s.
    BackOff,
    /// 4 s, and the back-off on top.
    Busy,
    /// 30 s, and the back-off on top.
    Resource,
    /// 60 s.
    Operator,
    /// 60 s, doubled up to 15 min.
    Patient,
}

/// What has to be made anew.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Rebuild {
    Link,
    Connection,
    /// The link at the first time, the connection if that was not enough.
    LinkThenConnection,
}

impl EndReason {
    /// The class of an AMQP error condition, with its description where the condition alone is ambiguous.
    pub fn of_condition(condition: &str, description: &str) -> Self {
        match condition {
            "com.microsoft:server-busy" => EndReason::ServerBusy,
            "com.microsoft:timeout" => EndReason::Timeout,
            "com.microsoft:operation-cancelled" => EndReason::OperationCancelled,
            "amqp:internal-error" => EndReason::InternalError,
            "com.microsoft:container-close" => EndReason::ContainerClose,
            "amqp:connection:forced" => EndReason::ConnectionForced,
            "amqp:connection:framing-error" | "amqp:connection:redirect" => EndReason::ConnectionLost,
            "amqp:link:detach-forced" | "amqp:link:transfer-limit-exceeded" | "amqp:illegal-state" => {
                EndReason::LinkDetached
            }
            "amqp:link:stolen" => EndReason::Stolen,
            "amqp:unauthorized-access" | "com.microsoft:auth-failed" => EndReason::Unauthorized,
            "amqp:not-found" if is_missing_entity(description) => EndReason::NotFound,
            "amqp:not-found" => EndReason::Other,
            "com.microsoft:entity-disabled" => EndReason::EntityDisabled,
            "com.microsoft:entity-updated" => EndReason::EntityUpdated,
            "amqp:resource-limit-exceeded" => EndReason::ResourceLimit,
            "com.microsoft:argument-error" | "com.microsoft:argument-out-of-range" => {
                EndReason::InvalidPosition
            }
            "com.microsoft:georeplication:invalid-offset" => EndReason::InvalidOffset,
            "amqp:not-allowed" | "amqp:not-implemented" | "amqp:invalid-field" | "amqp:decode-error" => {
                EndReason::Refused
            }
            "amqp:link:message-size-exceeded" => EndReason::Unreadable,
            _ => EndReason::Other,
        }
    }

    /// The class of a status code that `$cbs` or `$management` answers with.
    pub fn of_status(status: i64) -> Self {
        match status {
            401 | 403 => EndReason::Unauthorized,
            404 => EndReason::NotFound,
            408 | 504 => EndReason::Timeout,
            429 | 503 => EndReason::ServerBusy,
            500 | 502 => EndReason::InternalError,
            _ => EndReason::Refused,
        }
    }

    /// How long to wait before try number `attempt` (0 is the first since things last went well). `random` in 0..1
    /// spreads the tries of many readers over the whole back-off.
    pub fn delay(self, attempt: u32, random: f64) -> Duration {
        let grown = |first: Duration, max: Duration| first.saturating_mul(1 << attempt.min(16)).min(max);
        let back_off = grown(BACK_OFF_FIRST, BACK_OFF_MAX).mul_f64(random);
        match self.wait() {
            Wait::BackOff => back_off,
            Wait::Busy => BUSY_FLOOR + back_off,
            Wait::Resource => RESOURCE_FLOOR + back_off,
            Wait::Operator => OPERATOR_FLOOR,
            Wait::Patient => grown(OPERATOR_FLOOR, PATIENT_MAX),
        }
    }

    /// Whether only an operator can mend it, so that it is an error and not a passing fault.
    pub fn needs_operator(self) -> bool {
        matches!(self.wait(), Wait::Operator | Wait::Patient) || self == EndReason::TlsFailed
    }
}

/// The service says `not-found` for a missing entity, and for a node it merely cannot reach at the moment.
fn is_missing_entity(description: &str) -> bool {
    description.contains("could not be found") || description.contains("status-code: 404")
}

impl fmt::Display for EndReason {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.as_str())
    }
}

/// The end of a link or connection: its class, and what the peer or the system said.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{reason}: {detail}")]
pub struct End {
    /// The class.
    pub reason: EndReason,
    /// Text for the operator; carries no secret.
    pub detail: String,
}

impl End {
    /// An end of a class, explained.
    pub fn new(reason: EndReason, detail: impl Into<String>) -> Self {
        Self {
            reason,
            detail: detail.into(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn classifies_conditions() {
        let cases = [
            ("com.microsoft:server-busy", "50002", EndReason::ServerBusy),
            ("com.microsoft:timeout", "", EndReason::Timeout),
            (
                "com.microsoft:operation-cancelled",
                "",
                EndReason::OperationCancelled,
            ),
            ("amqp:internal-error", "", EndReason::InternalError),
            ("com.microsoft:container-close", "", EndReason::ContainerClose),
            ("amqp:connection:forced", "", EndReason::ConnectionForced),
            ("amqp:connection:framing-error", "", EndReason::ConnectionLost),
            ("amqp:link:detach-forced", "", EndReason::LinkDetached),
            ("amqp:link:transfer-limit-exceeded", "", EndReason::LinkDetached),
            ("amqp:illegal-state", "", EndReason::LinkDetached),
            ("amqp:link:stolen", "", EndReason::Stolen),
            ("amqp:unauthorized-access", "", EndReason::Unauthorized),
            ("com.microsoft:auth-failed", "", EndReason::Unauthorized),
            (
                "amqp:not-found",
                "The messaging entity 'x' could not be found.",
                EndReason::NotFound,
            ),
            ("amqp:not-found", "status-code: 404, x", EndReason::NotFound),
            ("amqp:not-found", "the node moved", EndReason::Other),
            ("com.microsoft:entity-disabled", "", EndReason::EntityDisabled),
            ("com.microsoft:entity-updated", "", EndReason::EntityUpdated),
            ("amqp:resource-limit-exceeded", "", EndReason::ResourceLimit),
            ("com.microsoft:argument-error", "", EndReason::InvalidPosition),
            (
                "com.microsoft:argument-out-of-range",
                "",
                EndReason::InvalidPosition,
            ),
            (
                "com.microsoft:georeplication:invalid-offset",
                "",
                EndReason::InvalidOffset,
            ),
            ("amqp:not-allowed", "", EndReason::Refused),
            ("amqp:not-implemented", "", EndReason::Refused),
            ("amqp:invalid-field", "", EndReason::Refused),
            ("amqp:decode-error", "", EndReason::Refused),
            ("amqp:link:message-size-exceeded", "", EndReason::Unreadable),
            ("com.example:new", "", EndReason::Other),
        ];
        for (condition, description, expected) in cases {
            assert_eq!(
                EndReason::of_condition(condition, description),
                expected,
                "{condition}"
            );
        }
    }

    #[test]
    fn classifies_status_codes() {
        for (status, expected) in [
            (401, EndReason::Unauthorized),
            (404, EndReason::NotFound),
            (408, EndReason::Timeout),
            (429, EndReason::ServerBusy),
            (500, EndReason::InternalError),
            (502, EndReason::InternalError),
            (503, EndReason::ServerBusy),
            (504, EndReason::Timeout),
            (400, EndReason::Refused),
        ] {
            assert_eq!(EndReason::of_status(status), expected, "{status}");
        }
    }

    #[test]
    fn waits_by_the_table() {
        let seconds = |reason: EndReason, attempt, random| reason.delay(attempt, random).as_secs_f64();
        let cases = [
            (EndReason::ConnectionLost, 0, 1.0, 0.5),
            (EndReason::ConnectionLost, 0, 0.0, 0.0),
            (EndReason::ConnectionLost, 3, 1.0, 4.0),
            (EndReason::ConnectionLost, 3, 0.5, 2.0),
            (EndReason::ConnectionLost, 7, 1.0, 60.0),
            (EndReason::ConnectionLost, u32::MAX, 1.0, 60.0),
            (EndReason::ServerBusy, 0, 0.0, 4.0),
            (EndReason::ServerBusy, 1, 1.0, 5.0),
            (EndReason::ContainerClose, 0, 0.0, 4.0),
            (EndReason::ResourceLimit, 0, 0.0, 30.0),
            (EndReason::NotFound, 9, 0.3, 60.0),
            (EndReason::EntityDisabled, 0, 0.3, 60.0),
            (EndReason::Stolen, 0, 0.3, 60.0),
            (EndReason::Stolen, 2, 0.3, 240.0),
            (EndReason::Stolen, 9, 0.3, 900.0),
            (EndReason::Unauthorized, 0, 0.3, 60.0),
            (EndReason::HubRecreated, 3, 0.3, 60.0),
            (EndReason::Stuck, 3, 1.0, 4.0),
            (EndReason::CredentialRefused, 3, 0.3, 60.0),
            (EndReason::CredentialUnavailable, 3, 1.0, 4.0),
        ];
        for (reason, attempt, random, expected) in cases {
            assert_eq!(
                seconds(reason, attempt, random),
                expected,
                "{reason} {attempt} {random}"
            );
        }
    }

    #[test]
    fn labels_are_unique_words() {
        for (index, reason) in EndReason::ALL.iter().enumerate() {
            let label = reason.as_str();
            assert!(
                label
                    .bytes()
                    .all(|byte| byte.is_ascii_lowercase() || byte == b'_'),
                "{label}"
            );
            assert!(
                EndReason::ALL[..index]
                    .iter()
                    .all(|other| other.as_str() != label),
                "{label}"
            );
        }
    }
}
