//! The WebSocket under AMQP, and what a refusal of it means.

use fe2o3_amqp_ws::native::TokioWebSocketStream;
use fe2o3_amqp_ws::tungstenite::error::{Error as WebSocketError, ProtocolError};
use fe2o3_amqp_ws::tungstenite::http::StatusCode;
use fe2o3_amqp_ws::tungstenite::protocol::WebSocketConfig;
use fe2o3_amqp_ws::{Error, WebSocketStream};

use super::{READ_BUFFER_BYTES, Wire};
use crate::durable::retry::chain;
use crate::eventhub::end_reason::{End, EndReason};
use crate::eventhub::settings::{Address, HubSettings, Transport};

/// Where the service listens for it.
pub(super) const PATH: &str = "/$servicebus/websocket";
/// Most bytes of one message from the peer: many times the largest AMQP frame it may send, and a bound on memory.
const MAX_MESSAGE_BYTES: usize = 4 << 20;

/// Asks the peer for a WebSocket with the sub-protocol `amqp`. Without a limit of its own: put a timeout around it.
pub(super) async fn upgrade(
    settings: &HubSettings,
    wire: Wire,
) -> Result<WebSocketStream<TokioWebSocketStream<Wire>>, End> {
    let config = WebSocketConfig::default()
        .read_buffer_size(READ_BUFFER_BYTES)
        .max_message_size(Some(MAX_MESSAGE_BYTES))
        .max_frame_size(Some(MAX_MESSAGE_BYTES));
    let url = url(settings);
    WebSocketStream::connect_with_stream_and_config(&url, wire, Some(config))
        .await
        .map_err(|error| end(&error, &settings.hub.namespace))
}

/// The address as the peer knows it, whatever address was connected.
fn url(settings: &HubSettings) -> String {
    let is_plain = settings.tls.get().is_none();
    let scheme = if is_plain { "ws" } else { "wss" };
    let is_usual = settings.port == Transport::WebSocket.port(is_plain) || settings.address.is_some();
    let host = Address {
        host: settings.hub.namespace.to_string(),
        port: (!is_usual).then_some(settings.port),
    };
    format!("{scheme}://{host}{PATH}")
}

fn end(error: &Error, namespace: &str) -> End {
    let (reason, detail) = match error {
        Error::Tungstenite(WebSocketError::Http(response)) => {
            let status = response.status();
            let is_passing = status.is_server_error() || status == StatusCode::TOO_MANY_REQUESTS;
            let reason = match is_passing {
                true => EndReason::ConnectFailed,
                false => EndReason::WebSocketRefused,
            };
            (reason, format!("the answer is {status}"))
        }
        Error::Tungstenite(WebSocketError::Io(error)) => (EndReason::ConnectFailed, error.to_string()),
        Error::Tungstenite(WebSocketError::Protocol(ProtocolError::HandshakeIncomplete)) => (
            EndReason::ConnectFailed,
            "the connection ended before an answer".to_owned(),
        ),
        Error::MissingSecWebSocketProtocol
        | Error::SecWebSocketProtocolIsNotAmqp
        | Error::Tungstenite(WebSocketError::Protocol(ProtocolError::SecWebSocketSubProtocolError(_))) => (
            EndReason::WebSocketRefused,
            "there is a WebSocket, but not for AMQP".to_owned(),
        ),
        other => (EndReason::WebSocketRefused, chain(other)),
    };
    End::new(
        reason,
        format!("failed to open a WebSocket at `{namespace}{PATH}`: {detail}"),
    )
}
