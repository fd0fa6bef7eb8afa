//! How a connection is made, and what its failure means.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use rustls::{AlertDescription, CertificateError, OtherError};
use socket2::{SockRef, TcpKeepalive};
use tokio::net::{TcpStream, lookup_host};
use tokio::time::timeout;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;
use tokio_util::either::Either;

use super::address::Address;
use super::tls::Tls;

/// The longest wait for a name server, for one address, and for TLS.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
/// Quiet time before the first question whether the peer is there: below the idle limits of common firewalls.
const KEEPALIVE_TIME: Duration = Duration::from_secs(60);
/// Time between further questions.
const KEEPALIVE_INTERVAL: Duration = Duration::from_secs(15);
/// Questions without an answer after which the connection has ended.
const KEEPALIVE_TRIES: u32 = 4;
/// How long bytes may be on their way, or wait for a peer without room for them, before the connection has ended. The
/// system's own limit is some 15 minutes, in which a dead peer would look alive.
const USER_TIMEOUT: Duration = Duration::from_secs(20);

/// A connected byte stream.
pub type Stream = Either<TcpStream, TlsStream<TcpStream>>;

/// There is no connection; the peer got nothing.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The host's name has no address now.
    #[error("failed to resolve `{host}`: {detail}")]
    Resolve {
        /// The name.
        host: String,
        /// What the name server said.
        detail: String,
    },
    /// No address of the host takes the connection.
    #[error("failed to connect to {detail}")]
    Connect {
        /// Each address, and why.
        detail: String,
    },
    /// The connection ended while TLS was agreed on, or nothing came.
    #[error("the connection to `{address}` ended before TLS was agreed on: {detail}")]
    Interrupted {
        /// The peer.
        address: Address,
        /// Why.
        detail: String,
    },
    /// One side does not trust the other, or the peer does not speak TLS. It stays so until somebody mends it.
    #[error("failed to agree on TLS with `{address}`: {detail}")]
    Tls {
        /// The peer.
        address: Address,
        /// What rustls objected to.
        detail: String,
    },
}

impl Error {
    /// Whether the same will happen again until somebody mends a configuration or a certificate.
    pub fn is_lasting(&self) -> bool {
        matches!(self, Self::Tls { .. })
    }
}

/// Connects to the first address of the host that answers, and speaks TLS from the first byte if `tls` is given.
pub async fn connect(address: &Address, tls: Option<&Tls>) -> Result<Stream, Error> {
    let tcp = connect_tcp(&resolve(address).await?).await?;
    match tls {
        None => Ok(Either::Left(tcp)),
        Some(tls) => secure(address, tls, tcp).await.map(Either::Right),
    }
}

/// Why the peer refused us after TLS was agreed on, if that is what the error says. In TLS 1.3 a peer looks at our
/// certificate only when we take the connection for open already.
pub fn refusal(error: &io::Error) -> Option<String> {
    use AlertDescription::{
        AccessDenied, BadCertificate, CertificateExpired, CertificateRequired, CertificateRevoked,
        CertificateUnknown, DecryptError, HandshakeFailure, NoCertificate, UnknownCA, UnsupportedCertificate,
    };
    let error = rustls_error(error)?;
    let is_refusal = matches!(
        error,
        rustls::Error::AlertReceived(
            AccessDenied
                | BadCertificate
                | CertificateExpired
                | CertificateRequired
                | CertificateRevoked
                | CertificateUnknown
                | DecryptError
                | HandshakeFailure
                | NoCertificate
                | UnknownCA
                | UnsupportedCertificate
        )
    );
    is_refusal.then(|| error.to_string())
}

/// Addresses of the host, at least one.
async fn resolve(address: &Address) -> Result<Vec<SocketAddr>, Error> {
    let failed = |detail: String| Error::Resolve {
        host: address.host.clone(),
        detail,
    };
    let lookup = lookup_host((address.host.as_str(), address.port));
    let found = timeout(CONNECT_TIMEOUT, lookup)
        .await
        .map_err(|_| failed("the name server does not answer".to_owned()))?
        .map_err(|error| failed(error.to_string()))?;
    let addresses: Vec<_> = found.collect();
    match addresses.is_empty() {
        true => Err(failed("the name has no address".to_owned())),
        false => Ok(addresses),
    }
}

/// Connects to the first address that answers.
async fn connect_tcp(addresses: &[SocketAddr]) -> Result<TcpStream, Error> {
    let mut refusals = Vec::new();
    for address in addresses {
        match timeout(CONNECT_TIMEOUT, TcpStream::connect(address)).await {
            Ok(Ok(stream)) => match prepare(&stream) {
                Ok(()) => return Ok(stream),
                Err(error) => refusals.push(format!("{address}: {error}")),
            },
            Ok(Err(error)) => refusals.push(format!("{address}: {error}")),
            Err(_) => refusals.push(format!("{address}: no answer in {CONNECT_TIMEOUT:?}")),
        }
    }
    let detail = refusals.join("; ");
    Err(Error::Connect { detail })
}

fn prepare(stream: &TcpStream) -> io::Result<()> {
    let keepalive = TcpKeepalive::new()
        .with_time(KEEPALIVE_TIME)
        .with_interval(KEEPALIVE_INTERVAL)
        .with_retries(KEEPALIVE_TRIES);
    let socket = SockRef::from(stream);
    socket.set_tcp_keepalive(&keepalive)?;
    // Only Linux knows it; elsewhere the timeouts of the protocols have to do.
    #[cfg(target_os = "linux")]
    socket.set_tcp_user_timeout(Some(USER_TIMEOUT))?;
    stream.set_nodelay(true)
}

async fn secure(address: &Address, tls: &Tls, tcp: TcpStream) -> Result<TlsStream<TcpStream>, Error> {
    let interrupted = |detail: String| Error::Interrupted {
        address: address.clone(),
        detail,
    };
    let connector = TlsConnector::from(Arc::clone(&tls.config));
    match timeout(CONNECT_TIMEOUT, connector.connect(tls.server_name.clone(), tcp)).await {
        Ok(Ok(stream)) => Ok(stream),
        Ok(Err(error)) => Err(match objection(&error) {
            Some(detail) => Error::Tls {
                address: address.clone(),
                detail,
            },
            None => interrupted(error.to_string()),
        }),
        Err(_) => Err(interrupted(format!("no answer in {CONNECT_TIMEOUT:?}"))),
    }
}

/// What stands against agreeing on TLS: neither a reset, nor an end of file, nor a peer in trouble.
fn objection(error: &io::Error) -> Option<String> {
    use AlertDescription::{CloseNotify, InternalError, UserCanceled};
    match rustls_error(error)? {
        rustls::Error::AlertReceived(CloseNotify | InternalError | UserCanceled) => None,
        // rustls itself would print the error's structure.
        rustls::Error::InvalidCertificate(CertificateError::Other(OtherError(inner))) => {
            Some(format!("invalid peer certificate: {inner}"))
        }
        error => Some(error.to_string()),
    }
}

fn rustls_error(error: &io::Error) -> Option<&rustls::Error> {
    error.get_ref()?.downcast_ref()
}
