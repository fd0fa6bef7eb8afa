//! The byte stream under AMQP: TCP, through a proxy if one leads there, then TLS, then a WebSocket, then a read buffer.

mod websocket;

use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use fe2o3_amqp_ws::WebSocketStream;
use fe2o3_amqp_ws::native::TokioWebSocketStream;
use rustls_pki_types::ServerName;
use tokio::io::BufReader;
use tokio::net::{TcpSocket, TcpStream, lookup_host};
use tokio::time::timeout;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;
use tokio_util::either::Either;

use super::end_reason::{End, EndReason};
use super::settings::{HubSettings, Transport};
use crate::durable::retry::chain;
use crate::proxy;
use crate::proxy::tunnel;

/// The library reads in steps of 8 KiB; a larger buffer saves a fifth of the CPU time at bodies of that size.
const READ_BUFFER_BYTES: usize = 256 * 1024;
/// A WebSocket has the large buffer below it already.
const READ_BUFFER_WEB_SOCKET_BYTES: usize = 8 * 1024;
/// The longest wait for one address of the peer to answer.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);

/// What reaches the peer: plain, or with TLS.
pub(super) type Wire = Either<TcpStream, Box<TlsStream<TcpStream>>>;

/// A connected byte stream: the wire itself, or a WebSocket on it.
pub(super) type Stream = Either<Wire, Box<WebSocketStream<TokioWebSocketStream<Wire>>>>;

/// Connects as the settings say.
pub(super) async fn connect(settings: &HubSettings) -> Result<BufReader<Stream>, End> {
    let (host, port) = settings.endpoint();
    let proxy = settings.proxy_to(&host);
    let tcp = match &proxy {
        None => connect_tcp(&resolve(&host, port).await?).await?,
        Some(proxy) => {
            let tcp = connect_tcp(&resolve(proxy.host(), proxy.port()).await?).await?;
            pass(proxy, tcp, &host, port).await?
        }
    };
    let wire = secure(settings, tcp).await?;
    match settings.transport {
        Transport::Amqp => Ok(plain(wire)),
        Transport::WebSocket => upgrade(settings, wire).await,
    }
}

/// Addresses of a host, at least one.
pub(super) async fn resolve(host: &str, port: u16) -> Result<Vec<SocketAddr>, End> {
    let failed = |detail: String| {
        End::new(
            EndReason::ConnectFailed,
            format!("failed to resolve `{host}`: {detail}"),
        )
    };
    let found = timeout(CONNECT_TIMEOUT, lookup_host((host, port)))
        .await
        .map_err(|_| failed("the name server does not answer".into()))?
        .map_err(|error| failed(error.to_string()))?;
    let addresses: Vec<_> = found.collect();
    match addresses.is_empty() {
        true => Err(failed("the name has no address".into())),
        false => Ok(addresses),
    }
}

/// Connects to the first address that answers.
pub(super) async fn connect_tcp(addresses: &[SocketAddr]) -> Result<TcpStream, End> {
    let mut refusals = Vec::new();
    for address in addresses {
        match timeout(CONNECT_TIMEOUT, connect_address(*address)).await {
            Ok(Ok(stream)) => return Ok(stream),
            Ok(Err(error)) => refusals.push(format!("{address}: {error}")),
            Err(_) => refusals.push(format!("{address}: no answer in {CONNECT_TIMEOUT:?}")),
        }
    }
    let detail = format!("failed to connect to {}", refusals.join("; "));
    Err(End::new(EndReason::ConnectFailed, detail))
}

async fn connect_address(address: SocketAddr) -> io::Result<TcpStream> {
    let socket = match address {
        SocketAddr::V4(_) => TcpSocket::new_v4()?,
        SocketAddr::V6(_) => TcpSocket::new_v6()?,
    };
    socket.set_keepalive(true)?;
    let stream = socket.connect(address).await?;
    // Without this, credit waits for the acknowledgement of an earlier small write: a fifth of the throughput.
    stream.set_nodelay(true)?;
    Ok(stream)
}

/// Lets the proxy at the other end of `tcp` connect to `host`.
pub(super) async fn pass(
    proxy: &proxy::Settings,
    tcp: TcpStream,
    host: &str,
    port: u16,
) -> Result<TcpStream, End> {
    tunnel::open(proxy, tcp, host, port).await.map_err(|error| {
        let reason = match error.is_lasting() {
            true => EndReason::ProxyRefused,
            false => EndReason::ConnectFailed,
        };
        End::new(reason, format!("{}; {}", chain(&error), error.fix()))
    })
}

/// Speaks TLS if the settings ask for it, verified against the namespace even where another address was connected.
pub(super) async fn secure(settings: &HubSettings, tcp: TcpStream) -> Result<Wire, End> {
    let Some(config) = settings.tls.get() else {
        return Ok(Either::Left(tcp));
    };
    let namespace = &settings.hub.namespace;
    let failed = |detail: String| {
        End::new(
            EndReason::TlsFailed,
            format!("failed to agree on TLS with `{namespace}`: {detail}"),
        )
    };
    let name = ServerName::try_from(namespace.to_string()).map_err(|error| failed(error.to_string()))?;
    let handshake = TlsConnector::from(config).connect(name, tcp);
    let stream = timeout(settings.call_timeout, handshake)
        .await
        .map_err(|_| failed("no answer".into()))?
        .map_err(|error| failed(error.to_string()))?;
    Ok(Either::Right(Box::new(stream)))
}

/// AMQP straight on the wire.
pub(super) fn plain(wire: Wire) -> BufReader<Stream> {
    BufReader::with_capacity(READ_BUFFER_BYTES, Either::Left(wire))
}

/// AMQP in a WebSocket.
pub(super) async fn upgrade(settings: &HubSettings, wire: Wire) -> Result<BufReader<Stream>, End> {
    let upgraded = timeout(settings.call_timeout, websocket::upgrade(settings, wire)).await;
    let stream = upgraded.unwrap_or_else(|_| {
        Err(End::new(
            EndReason::ConnectFailed,
            "the peer does not answer the request for a WebSocket",
        ))
    })?;
    let stream = Either::Right(Box::new(stream));
    Ok(BufReader::with_capacity(READ_BUFFER_WEB_SOCKET_BYTES, stream))
}
