//! One HTTP request and its end, for every target kind that speaks HTTP.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use reqwest::header::{self, HeaderMap};

use crate::proxy;

/// Time to reach the peer.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);

/// Time from the first byte of a request with records to the last byte of its reply.
pub const ANSWER_TIMEOUT: Duration = Duration::from_secs(60);

/// Below the idle timeout of common load balancers, 60 s, so that no request meets a connection being closed.
const POOL_IDLE: Duration = Duration::from_secs(50);

/// A peer that asks for more is asked again all the same.
const MAX_RETRY_AFTER: Duration = Duration::from_secs(300);

/// Most bytes of a reply that are kept: no peer has to say more, and memory is bounded whatever it sends.
const MAX_REPLY_BYTES: usize = 4 << 20;

/// A whole reply, read to its end so that the connection can be used again.
#[derive(Debug)]
pub struct Response {
    /// HTTP status.
    pub status: u16,
    /// Its headers.
    pub headers: HeaderMap,
    /// Address that answered, if known.
    pub peer: Option<IpAddr>,
    /// The body; of a very large one the beginning.
    pub body: Bytes,
}

/// A request without a whole reply.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The peer could not be reached; it got nothing.
    #[error("failed to connect to the peer")]
    Connect(#[source] reqwest::Error),
    /// The peer's certificate is not trusted, or ours is not; it got nothing.
    #[error("failed to agree on TLS with the peer: {detail}")]
    Tls {
        /// What rustls said.
        detail: String,
    },
    /// No whole reply in time; whether the peer took the request is unknown.
    #[error("the peer did not answer in time")]
    Timeout(#[source] reqwest::Error),
    /// The connection ended before a reply; whether the peer took the request is unknown.
    #[error("the peer closed the connection before it answered")]
    Closed(#[source] reqwest::Error),
    /// The connection ended within a reply.
    #[error("the peer's reply was cut off")]
    Truncated(#[source] reqwest::Error),
}

/// A client that trusts whom `tls` trusts, keeps up to `idle_connections` sockets to each host, and goes by `proxy` where
/// that leads. The environment does not choose another proxy.
pub fn client(
    tls: &rustls::ClientConfig,
    idle_connections: usize,
    proxy: Option<&Arc<proxy::Settings>>,
) -> reqwest::Client {
    let builder = reqwest::Client::builder()
        .tls_backend_preconfigured(tls.clone())
        .http1_only()
        .redirect(reqwest::redirect::Policy::none())
        .no_proxy()
        .connect_timeout(CONNECT_TIMEOUT)
        .pool_idle_timeout(POOL_IDLE)
        .pool_max_idle_per_host(idle_connections)
        .tcp_nodelay(true)
        .user_agent(concat!("hub2siem/", env!("CARGO_PKG_VERSION")));
    let builder = match proxy {
        Some(proxy) => builder.proxy(proxy.for_http()),
        None => builder,
    };
    builder
        .build()
        .expect("a client whose TLS is configured already can be built")
}

/// Sends a request and reads the whole reply.
pub async fn exchange(request: reqwest::RequestBuilder) -> Result<Response, Error> {
    let mut response = request.send().await.map_err(before_reply)?;
    let status = response.status().as_u16();
    let headers = std::mem::take(response.headers_mut());
    let peer = response.remote_addr().map(|address| address.ip());
    let body = read(&mut response)
        .await
        .map_err(|error| match error.is_timeout() {
            true => Error::Timeout(error.without_url()),
            false => Error::Truncated(error.without_url()),
        })?;
    Ok(Response {
        status,
        headers,
        peer,
        body,
    })
}

/// Reads a body to its end and keeps the beginning.
async fn read(response: &mut reqwest::Response) -> Result<Bytes, reqwest::Error> {
    let mut body = BytesMut::new();
    while let Some(chunk) = response.chunk().await? {
        let kept = chunk.len().min(MAX_REPLY_BYTES - body.len());
        body.extend_from_slice(&chunk[..kept]);
    }
    Ok(body.freeze())
}

impl Response {
    /// `Retry-After`, where it is a number of seconds.
    pub fn retry_after(&self) -> Option<Duration> {
        let value = self.headers.get(header::RETRY_AFTER)?;
        let seconds = value.to_str().ok()?.trim().parse().ok()?;
        Some(Duration::from_secs(seconds).min(MAX_RETRY_AFTER))
    }
}

/// The address stays out of every error: it can hold a secret.
fn before_reply(error: reqwest::Error) -> Error {
    let error = error.without_url();
    if let Some(detail) = tls_detail(&error) {
        Error::Tls { detail }
    } else if error.is_connect() {
        Error::Connect(error)
    } else if error.is_timeout() {
        Error::Timeout(error)
    } else {
        Error::Closed(error)
    }
}

/// What rustls objected to, if it did: neither a reset nor an end of file during the handshake.
fn tls_detail(error: &reqwest::Error) -> Option<String> {
    let mut next: Option<&(dyn std::error::Error + 'static)> = Some(error);
    while let Some(error) = next {
        let inner = error
            .downcast_ref::<std::io::Error>()
            .and_then(|error| error.get_ref());
        let rustls = match inner {
            Some(inner) => inner.downcast_ref::<rustls::Error>(),
            None => error.downcast_ref::<rustls::Error>(),
        };
        if let Some(rustls) = rustls {
            return Some(rustls.to_string());
        }
        next = match inner {
            Some(inner) => Some(inner),
            None => error.source(),
        };
    }
    None
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::net::TcpListener;

    use super::*;

    /// Scenario: a peer answers with far more than anybody asked for.
    /// Guarantees: the reply is read to its end and counts, and only its beginning is held.
    #[tokio::test]
    async fn of_a_very_large_reply_the_beginning_is_kept() {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port is free");
        let address = listener.local_addr().expect("it is bound");
        let served = tokio::spawn(async move {
            let (mut socket, _) = listener.accept().await.expect("somebody connects");
            let mut request = [0; 1024];
            let read = socket.read(&mut request).await.expect("it can be read");
            assert!(read > 0, "there is a request");
            let body = vec![b'x'; 3 * MAX_REPLY_BYTES];
            let head = format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\n\r\n", body.len());
            let reply = [head.as_bytes(), &body].concat();
            socket.write_all(&reply).await.expect("all of it is read");
        });
        let tls = crate::config::tls::distrusting_client_config().expect("it needs no file");
        let request = client(&tls, 1, None).get(format!("http://{address}/"));
        let response = exchange(request).await.expect("it is whole");
        assert_eq!((response.status, response.body.len()), (200, MAX_REPLY_BYTES));
        served.await.expect("it does not panic");
    }
}
