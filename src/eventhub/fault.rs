//! What the AMQP library's errors mean: one [`End`] for each.

use fe2o3_amqp::connection::{ConnectionStopReason, Error as ConnectionError, OpenError};
use fe2o3_amqp::link::{
    IllegalLinkStateError, LinkStateError, ReceiverAttachError, RecvError, SendError, SenderAttachError,
    SessionStopReason,
};
use fe2o3_amqp::session::BeginError;
use fe2o3_amqp_types::definitions::{self, ErrorCondition};
use fe2o3_amqp_types::primitives::Symbol;

use super::end_reason::{End, EndReason};

pub(super) fn from_peer(error: &definitions::Error) -> End {
    let condition = condition_text(&error.condition);
    let description = error.description.as_deref().unwrap_or_default();
    let reason = EndReason::of_condition(&condition, description);
    let detail = match description {
        "" => condition,
        _ => format!("{condition}: {description}"),
    };
    End::new(reason, detail)
}

pub(super) fn condition_text(condition: &ErrorCondition) -> String {
    let Symbol(text) = match condition {
        ErrorCondition::AmqpError(error) => Symbol::from(error),
        ErrorCondition::ConnectionError(error) => Symbol::from(error),
        ErrorCondition::SessionError(error) => Symbol::from(error),
        ErrorCondition::LinkError(error) => Symbol::from(error),
        ErrorCondition::Custom(symbol) => symbol.clone(),
    };
    text
}

pub(super) fn from_link_state(error: &LinkStateError) -> End {
    match error {
        LinkStateError::SessionStopped(reason) => from_session_stop(reason),
        LinkStateError::RemoteDetachedWithError(error) | LinkStateError::RemoteClosedWithError(error) => {
            from_peer(error)
        }
        LinkStateError::RemoteDetached | LinkStateError::RemoteClosed => End::new(
            EndReason::LinkDetached,
            "the service detached the link without a reason",
        ),
        LinkStateError::IllegalState | LinkStateError::ExpectImmediateDetach => {
            End::new(EndReason::LinkDetached, "the link is in an illegal state")
        }
    }
}

pub(super) fn from_illegal_state(error: &IllegalLinkStateError) -> End {
    match error {
        IllegalLinkStateError::IllegalState => from_link_state(&LinkStateError::IllegalState),
        IllegalLinkStateError::SessionStopped(reason) => from_session_stop(reason),
    }
}

pub(super) fn from_recv(error: &RecvError) -> End {
    match error {
        RecvError::LinkStateError(error) => from_link_state(error),
        // The library has thrown the delivery away, so the link must be attached anew after the last good one.
        RecvError::TransferLimitExceeded => {
            End::new(EndReason::LinkDetached, "more events than the credit allows")
        }
        refused => End::new(EndReason::Unreadable, refused.to_string()),
    }
}

pub(super) fn from_receiver_attach(error: &ReceiverAttachError) -> End {
    match error {
        ReceiverAttachError::SessionStopped(reason) => from_session_stop(reason),
        ReceiverAttachError::RemoteClosedWithError(error) => from_peer(error),
        ReceiverAttachError::SessionNotMapped => session_gone(),
        other => End::new(
            EndReason::Refused,
            format!("the link could not be attached: {other}"),
        ),
    }
}

pub(super) fn from_sender_attach(error: &SenderAttachError) -> End {
    match error {
        SenderAttachError::SessionStopped(reason) => from_session_stop(reason),
        SenderAttachError::RemoteClosedWithError(error) => from_peer(error),
        SenderAttachError::SessionNotMapped => session_gone(),
        other => End::new(
            EndReason::Refused,
            format!("the link could not be attached: {other}"),
        ),
    }
}

pub(super) fn from_send(error: &SendError) -> End {
    match error {
        SendError::LinkStateError(error) => from_link_state(error),
        other => End::new(EndReason::LinkDetached, other.to_string()),
    }
}

pub(super) fn from_open(error: &OpenError) -> End {
    match error {
        OpenError::RemoteClosedWithError(error) => from_peer(error),
        other => End::new(
            EndReason::ConnectFailed,
            format!("the AMQP connection could not be opened: {other}"),
        ),
    }
}

pub(super) fn from_begin(error: &BeginError) -> End {
    End::new(
        EndReason::ConnectFailed,
        format!("the AMQP session could not begin: {error}"),
    )
}

/// Why a connection that was open has stopped.
pub(super) fn from_connection(outcome: &Result<(), ConnectionError>) -> End {
    match outcome {
        Ok(()) => End::new(EndReason::ConnectionLost, "the connection is closed"),
        Err(ConnectionError::RemoteClosedWithError(error)) => connection_level(from_peer(error)),
        Err(error) => End::new(EndReason::ConnectionLost, error.to_string()),
    }
}

fn from_session_stop(reason: &SessionStopReason) -> End {
    match reason {
        SessionStopReason::EndedWithError(error) | SessionStopReason::RemoteEndedWithError(error) => {
            connection_level(from_peer(error))
        }
        SessionStopReason::ConnectionStopped(
            ConnectionStopReason::ClosedWithError(error) | ConnectionStopReason::RemoteClosedWithError(error),
        ) => connection_level(from_peer(error)),
        SessionStopReason::ConnectionStopped(_) => {
            End::new(EndReason::ConnectionLost, "the connection is closed")
        }
        SessionStopReason::Ended | SessionStopReason::RemoteEnded => session_gone(),
    }
}

fn session_gone() -> End {
    End::new(EndReason::ConnectionLost, "the session has ended")
}

/// A condition that would concern one link alone says nothing about a link when it ends the whole connection.
fn connection_level(end: End) -> End {
    match end.reason {
        EndReason::LinkDetached | EndReason::Other | EndReason::Refused | EndReason::InvalidPosition => {
            End::new(EndReason::ConnectionLost, end.detail)
        }
        _ => end,
    }
}

#[cfg(test)]
mod tests {
    use fe2o3_amqp_types::definitions::{AmqpError, Error, LinkError, SessionError};

    use super::*;

    fn custom(condition: &str) -> Error {
        Error::new(
            ErrorCondition::Custom(Symbol::from(condition)),
            "text".to_owned(),
            None,
        )
    }

    #[test]
    fn reads_what_a_receive_returns() {
        let link = |error| RecvError::LinkStateError(error);
        let closed = |error: Error| link(LinkStateError::RemoteClosedWithError(error));
        let stolen = Error::new(LinkError::Stolen, None, None);
        let cases = [
            (closed(stolen), EndReason::Stolen),
            (closed(custom("com.microsoft:server-busy")), EndReason::ServerBusy),
            (
                closed(AmqpError::UnauthorizedAccess.into()),
                EndReason::Unauthorized,
            ),
            (link(LinkStateError::RemoteClosed), EndReason::LinkDetached),
            (
                link(LinkStateError::SessionStopped(
                    SessionStopReason::ConnectionStopped(ConnectionStopReason::Closed),
                )),
                EndReason::ConnectionLost,
            ),
            (
                link(LinkStateError::SessionStopped(
                    SessionStopReason::RemoteEndedWithError(SessionError::UnattachedHandle.into()),
                )),
                EndReason::ConnectionLost,
            ),
            (RecvError::TransferLimitExceeded, EndReason::LinkDetached),
            (RecvError::DeliveryTagIsNone, EndReason::Unreadable),
        ];
        for (error, expected) in cases {
            assert_eq!(from_recv(&error).reason, expected, "{error:?}");
        }
    }

    #[test]
    fn keeps_the_words_of_the_peer() {
        assert_eq!(
            from_peer(&custom("com.microsoft:timeout")).detail,
            "com.microsoft:timeout: text"
        );
    }
}
