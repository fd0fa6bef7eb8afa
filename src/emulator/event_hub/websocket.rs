//! AMQP in a WebSocket, on the same port as AMQP itself: the first byte of a client tells which of both it speaks.

use std::sync::Arc;
use std::time::Duration;

use bytes::BytesMut;
use fe2o3_amqp_ws::tokio_tungstenite::tungstenite::handshake::server::{ErrorResponse, Request, Response};
use fe2o3_amqp_ws::tokio_tungstenite::tungstenite::http::{StatusCode, header};
use fe2o3_amqp_ws::tokio_tungstenite::tungstenite::{self, Message};
use fe2o3_amqp_ws::tokio_tungstenite::{WebSocketStream, accept_hdr_async};
use futures_util::{SinkExt, StreamExt};
use tokio::io::{
    AsyncBufReadExt, AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, BufReader, DuplexStream,
};
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

use super::connection;
use super::endpoint::Error;
use super::hub::Hub;

/// Where the service listens; some clients end it with a slash.
const PATH: &str = "/$servicebus/websocket";
/// Room between the socket and the hub.
const PIPE_BYTES: usize = 256 * 1024;
/// How long a peer may take to answer a close.
const CLOSE_LIMIT: Duration = Duration::from_secs(5);

/// Serves one peer, as [`connection::serve`], in whichever of both it begins to speak.
pub(super) async fn serve<S>(stream: S, hub: Arc<Hub>, stop: CancellationToken) -> Result<(), Error>
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let mut stream = BufReader::new(stream);
    let first = tokio::select! {
        () = stop.cancelled() => return Ok(()),
        filled = stream.fill_buf() => filled?.first().copied(),
    };
    if first != Some(b'G') {
        return connection::serve(stream, hub, stop).await;
    }
    let socket = accept_hdr_async(stream, answer).await.map_err(failed)?;
    let (near, far) = tokio::io::duplex(PIPE_BYTES);
    let (served, pumped) = tokio::join!(connection::serve(near, hub, stop), pump(socket, far));
    served.and(pumped)
}

/// The service's answer to a request for a WebSocket.
fn answer(request: &Request, mut response: Response) -> Result<Response, ErrorResponse> {
    let refuse = |status| {
        let mut refusal = ErrorResponse::new(None);
        *refusal.status_mut() = status;
        refusal
    };
    if request.uri().path().trim_end_matches('/') != PATH {
        return Err(refuse(StatusCode::NOT_FOUND));
    }
    // `amqp`, or `AMQPWSB10` of the official clients.
    let offered = request.headers().get(header::SEC_WEBSOCKET_PROTOCOL);
    let protocol = offered.ok_or_else(|| refuse(StatusCode::BAD_REQUEST))?.clone();
    response
        .headers_mut()
        .insert(header::SEC_WEBSOCKET_PROTOCOL, protocol);
    Ok(response)
}

/// Moves bytes between the socket's messages and the hub until one of both ends.
async fn pump<S>(mut socket: WebSocketStream<S>, mut pipe: DuplexStream) -> Result<(), Error>
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let mut out = BytesMut::with_capacity(PIPE_BYTES);
    loop {
        tokio::select! {
            message = socket.next() => match message {
                Some(Ok(Message::Binary(bytes))) => {
                    if pipe.write_all(&bytes).await.is_err() {
                        return close(socket).await;
                    }
                }
                Some(Ok(_)) => {}
                Some(Err(error)) => return Err(failed(error)),
                None => return Ok(()),
            },
            read = pipe.read_buf(&mut out) => {
                if read? == 0 {
                    return close(socket).await;
                }
                let message = Message::Binary(out.split().freeze());
                socket.send(message).await.map_err(failed)?;
            }
        }
    }
}

/// Ends the WebSocket in order: the peer is told, and may answer.
async fn close<S>(mut socket: WebSocketStream<S>) -> Result<(), Error>
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let closing = async {
        socket.close(None).await?;
        while let Some(message) = socket.next().await {
            message?;
        }
        Ok(())
    };
    // A peer that does not answer is left.
    timeout(CLOSE_LIMIT, closing)
        .await
        .unwrap_or(Ok(()))
        .map_err(failed)
}

fn failed(error: tungstenite::Error) -> Error {
    Error::WebSocket(Box::new(error))
}
