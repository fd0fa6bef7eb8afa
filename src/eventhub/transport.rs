//! The byte stream under AMQP: TCP, then TLS if asked for, then a read buffer.
//!
//! A WebSocket or a proxy becomes another way to make a [`Stream`]; nothing above it changes.

use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use rustls_pki_types::ServerName;
use tokio::io::{AsyncRead, AsyncWrite, BufReader, ReadBuf};
use tokio::net::{TcpSocket, TcpStream, lookup_host};
use tokio::time::timeout;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use super::end_reason::{End, EndReason};
use super::settings::HubSettings;

/// The library reads in steps of 8 KiB; a larger buffer saves a fifth of the CPU time at bodies of that size.
const READ_BUFFER_BYTES: usize = 256 * 1024;
/// The longest wait for one address of the peer to answer.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);

/// A connected byte stream.
#[derive(Debug)]
pub(super) enum Stream {
    Plain(TcpStream),
    Tls(Box<TlsStream<TcpStream>>),
}

/// Connects as the settings say.
pub(super) async fn connect(settings: &HubSettings) -> Result<BufReader<Stream>, End> {
    let addresses = resolve(settings).await?;
    let tcp = connect_tcp(&addresses).await?;
    Ok(buffered(secure(settings, tcp).await?))
}

/// Addresses of the endpoint, at least one.
pub(super) async fn resolve(settings: &HubSettings) -> Result<Vec<SocketAddr>, End> {
    let endpoint = settings.endpoint();
    let port = endpoint.port.unwrap_or(settings.port);
    let failed = |detail: String| {
        End::new(
            EndReason::ConnectFailed,
            format!("failed to resolve `{}`: {detail}", endpoint.host),
        )
    };
    let found = timeout(CONNECT_TIMEOUT, lookup_host((endpoint.host.as_str(), port)))
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

/// Speaks TLS if the settings ask for it, verified against the namespace even where another address was connected.
pub(super) async fn secure(settings: &HubSettings, tcp: TcpStream) -> Result<Stream, End> {
    let Some(config) = settings.tls.get() else {
        return Ok(Stream::Plain(tcp));
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
    Ok(Stream::Tls(Box::new(stream)))
}

pub(super) fn buffered(stream: Stream) -> BufReader<Stream> {
    BufReader::with_capacity(READ_BUFFER_BYTES, stream)
}

impl AsyncRead for Stream {
    fn poll_read(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Stream::Plain(stream) => Pin::new(stream).poll_read(context, buffer),
            Stream::Tls(stream) => Pin::new(stream).poll_read(context, buffer),
        }
    }
}

impl AsyncWrite for Stream {
    fn poll_write(self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        match self.get_mut() {
            Stream::Plain(stream) => Pin::new(stream).poll_write(context, bytes),
            Stream::Tls(stream) => Pin::new(stream).poll_write(context, bytes),
        }
    }

    fn poll_flush(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Stream::Plain(stream) => Pin::new(stream).poll_flush(context),
            Stream::Tls(stream) => Pin::new(stream).poll_flush(context),
        }
    }

    fn poll_shutdown(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Stream::Plain(stream) => Pin::new(stream).poll_shutdown(context),
            Stream::Tls(stream) => Pin::new(stream).poll_shutdown(context),
        }
    }
}
