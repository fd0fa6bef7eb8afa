//! A byte stream to a receiver, by TCP or TLS, for the target kinds that do not speak HTTP.

use std::fmt;
use std::io;
use std::net::SocketAddr;
use std::str::FromStr;
use std::sync::Arc;
use std::time::Duration;

use rustls::ClientConfig;
use rustls_pki_types::ServerName;
use socket2::{SockRef, TcpKeepalive};
use tokio::net::{TcpStream, lookup_host};
use tokio::time::timeout;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;
use tokio_util::either::Either;

/// The longest wait for a name server, for one address, and for TLS.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
/// Quiet time before the first question whether the peer is there: below the idle limits of common firewalls.
const KEEPALIVE_TIME: Duration = Duration::from_secs(60);
/// Time between further questions.
const KEEPALIVE_INTERVAL: Duration = Duration::from_secs(15);
/// Questions without an answer after which the connection has ended.
const KEEPALIVE_TRIES: u32 = 4;

/// A connected byte stream.
pub type Stream = Either<TcpStream, TlsStream<TcpStream>>;

/// Where a receiver listens, as `host:port` or `[address]:port`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Address {
    /// Name or address, an IPv6 address without its brackets.
    pub host: String,
    /// TCP or UDP port.
    pub port: u16,
}

/// A text that is no address.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{text}` is no address; write `host:port`, or `[address]:port` for IPv6")]
pub struct InvalidAddress {
    /// The text.
    pub text: String,
}

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
    #[error("failed to agree on TLS with `{address}`: {detail}")]
    Interrupted {
        /// The peer.
        address: Address,
        /// Why.
        detail: String,
    },
    /// One side does not trust the other, or the peer does not speak TLS.
    #[error("failed to agree on TLS with `{address}`: {detail}")]
    Tls {
        /// The peer.
        address: Address,
        /// What rustls objected to.
        detail: String,
    },
}

impl FromStr for Address {
    type Err = InvalidAddress;

    fn from_str(text: &str) -> Result<Self, InvalidAddress> {
        let invalid = || InvalidAddress {
            text: text.to_owned(),
        };
        let (host, port) = text.rsplit_once(':').ok_or_else(invalid)?;
        let port = port.parse().ok().filter(|port| *port != 0).ok_or_else(invalid)?;
        let bare = match host.strip_prefix('[').and_then(|host| host.strip_suffix(']')) {
            Some(inner) => inner,
            None if host.contains(':') => return Err(invalid()),
            None => host,
        };
        // A name that TLS can verify is a name that can be resolved.
        ServerName::try_from(bare).map_err(|_| invalid())?;
        let host = bare.to_owned();
        Ok(Self { host, port })
    }
}

impl fmt::Display for Address {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { host, port } = self;
        match host.contains(':') {
            true => write!(formatter, "[{host}]:{port}"),
            false => write!(formatter, "{host}:{port}"),
        }
    }
}

/// Connects, and speaks TLS from the first byte if `tls` is given. The name in the peer's certificate is compared with
/// the host of `address`.
pub async fn connect(address: &Address, tls: Option<&Arc<ClientConfig>>) -> Result<Stream, Error> {
    let tcp = connect_tcp(&resolve(address).await?).await?;
    match tls {
        None => Ok(Either::Left(tcp)),
        Some(config) => secure(address, config, tcp).await.map(Either::Right),
    }
}

/// Addresses of the host, at least one.
async fn resolve(address: &Address) -> Result<Vec<SocketAddr>, Error> {
    let failed = |detail: String| Error::Resolve {
        host: address.host.clone(),
        detail,
    };
    let found = timeout(
        CONNECT_TIMEOUT,
        lookup_host((address.host.as_str(), address.port)),
    )
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
    SockRef::from(stream).set_tcp_keepalive(&keepalive)?;
    stream.set_nodelay(true)
}

async fn secure(
    address: &Address,
    config: &Arc<ClientConfig>,
    tcp: TcpStream,
) -> Result<TlsStream<TcpStream>, Error> {
    let name = ServerName::try_from(address.host.clone()).expect("every address has a name for TLS");
    let interrupted = |detail: String| Error::Interrupted {
        address: address.clone(),
        detail,
    };
    let handshake = TlsConnector::from(Arc::clone(config)).connect(name, tcp);
    match timeout(CONNECT_TIMEOUT, handshake).await {
        Ok(Ok(stream)) => Ok(stream),
        Ok(Err(error)) => Err(match tls_objection(&error) {
            Some(detail) => Error::Tls {
                address: address.clone(),
                detail,
            },
            None => interrupted(error.to_string()),
        }),
        Err(_) => Err(interrupted(format!("no answer in {CONNECT_TIMEOUT:?}"))),
    }
}

/// What rustls objected to, if the error is its own: neither a reset nor an end of file.
pub fn tls_objection(error: &io::Error) -> Option<String> {
    let rustls = error.get_ref()?.downcast_ref::<rustls::Error>()?;
    Some(rustls.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_addresses() {
        let cases = [
            ("siem:2514", Some(("siem", 2514))),
            ("siem.contoso.com:6514", Some(("siem.contoso.com", 6514))),
            ("10.0.0.7:514", Some(("10.0.0.7", 514))),
            ("[2001:db8::7]:514", Some(("2001:db8::7", 514))),
            ("siem", None),
            ("siem:", None),
            ("siem:0", None),
            ("siem:65536", None),
            (":514", None),
            ("2001:db8::7:514", None),
            ("[siem:514", None),
            ("tcp://siem:514", None),
            ("si em:514", None),
        ];
        for (text, expected) in cases {
            let found = text.parse::<Address>().ok();
            let parts = found
                .as_ref()
                .map(|address| (address.host.as_str(), address.port));
            assert_eq!(parts, expected, "{text}");
            if let Some(address) = found {
                assert_eq!(address.to_string(), text);
            }
        }
    }
}
