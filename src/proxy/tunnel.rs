//! A connection through the proxy: HTTP CONNECT, and what its answers mean.

use std::time::Duration;

use secrecy::ExposeSecret;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;
use url::Url;

use super::settings::Settings;

/// How long the proxy may take to reach the peer and to say so. Proxies wait for the peer themselves, so this is longer than
/// our own patience with a direct connection.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(20);
/// How long it may take to take a connection.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
/// Most bytes of the head of an answer; no proxy has to say more.
const MAX_HEAD_BYTES: usize = 16 << 10;
/// Most characters that are kept of what it says.
const MAX_TEXT_CHARACTERS: usize = 200;

/// There is no connection through the proxy; the peer got nothing.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The proxy itself cannot be reached.
    #[error("failed to connect to proxy `{proxy}`")]
    Unreachable {
        /// The proxy.
        proxy: String,
        /// Why.
        source: std::io::Error,
    },
    /// It says no.
    #[error("proxy `{proxy}` answers {status} to a connection to `{peer}`{}", wanted(.offers))]
    Refused {
        /// The proxy.
        proxy: String,
        /// Whom we want to reach.
        peer: String,
        /// The answer's status.
        status: u16,
        /// Ways to authenticate that it names, in its order.
        offers: Vec<String>,
    },
    /// What answers is no HTTP proxy.
    #[error("`{proxy}` does not answer as an HTTP proxy does: {detail}")]
    NoProxy {
        /// The proxy.
        proxy: String,
        /// What is wrong with its answer.
        detail: &'static str,
    },
    /// The connection ended before an answer.
    #[error("proxy `{proxy}` ended the connection before it answered")]
    Ended {
        /// The proxy.
        proxy: String,
        /// Why, if it did not simply close it.
        source: Option<std::io::Error>,
    },
    /// No answer in time.
    #[error("proxy `{proxy}` does not answer; it may still try to reach `{peer}`")]
    Silent {
        /// The proxy.
        proxy: String,
        /// Whom we want to reach.
        peer: String,
    },
}

fn wanted(offers: &[String]) -> String {
    match offers {
        [] => String::new(),
        offers => format!("; it wants {}", offers.join(" or ")),
    }
}

impl Error {
    /// Whether the same will happen again until somebody mends something.
    pub fn is_lasting(&self) -> bool {
        match self {
            Self::Refused { status, .. } => (400..500).contains(status) && ![408, 429].contains(status),
            Self::NoProxy { .. } => true,
            Self::Unreachable { .. } | Self::Ended { .. } | Self::Silent { .. } => false,
        }
    }

    /// What an operator can do.
    pub fn fix(&self) -> &'static str {
        match self {
            Self::Refused {
                // Some answer 401 to a wrong password.
                status: 401 | 407,
                offers,
                ..
            } => {
                let has_basic = offers.iter().any(|offer| offer.eq_ignore_ascii_case("basic"));
                match has_basic || offers.is_empty() {
                    true => "check `proxy.username` and `proxy.password`",
                    false => {
                        "only Basic authentication can be used; let the proxy offer it, or let this machine through without"
                    }
                }
            }
            Self::Refused { status: 403, .. } => {
                "let the proxy allow CONNECT to this host and port; many allow only port 443, for which there is `event_hub.transport: websocket`"
            }
            Self::Refused { status: 500.., .. } | Self::Silent { .. } => {
                "see in the proxy's log why it cannot reach this host and port: name, firewall, or no way out"
            }
            Self::Refused { .. } | Self::NoProxy { .. } => {
                "check `proxy.url`: it must be an HTTP proxy that allows CONNECT"
            }
            Self::Unreachable { .. } | Self::Ended { .. } => {
                "check host and port in `proxy.url`, and that the proxy runs and lets this machine in"
            }
        }
    }
}

/// Asks the proxy at the other end of `stream` for a connection to `host`, and gives it. The peer must wait for our first
/// byte, as TLS, AMQP and HTTP do.
pub async fn open<S>(proxy: &Settings, stream: S, host: &str, port: u16) -> Result<S, Error>
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let peer = match host.contains(':') {
        true => format!("[{host}]:{port}"),
        false => format!("{host}:{port}"),
    };
    let answer = timeout(ANSWER_TIMEOUT, ask(proxy, stream, &peer));
    answer.await.unwrap_or_else(|_| {
        Err(Error::Silent {
            proxy: proxy.to_string(),
            peer,
        })
    })
}

/// What the proxy objects to a connection to the host of `url`, if it does; an HTTP client does not tell.
pub async fn objection(proxy: &Settings, url: &Url) -> Option<Error> {
    let (host, port) = (url.host_str()?, url.port_or_known_default()?);
    if !proxy.leads_to(host) {
        return None;
    }
    let host = host.trim_start_matches('[').trim_end_matches(']');
    let connecting = TcpStream::connect((proxy.host(), proxy.port()));
    let connected = timeout(CONNECT_TIMEOUT, connecting).await;
    let connected = connected.unwrap_or_else(|_| Err(std::io::ErrorKind::TimedOut.into()));
    match connected {
        Ok(stream) => open(proxy, stream, host, port).await.err(),
        Err(source) => Some(Error::Unreachable {
            proxy: proxy.to_string(),
            source,
        }),
    }
}

async fn ask<S>(proxy: &Settings, mut stream: S, peer: &str) -> Result<S, Error>
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let ended = |source| Error::Ended {
        proxy: proxy.to_string(),
        source,
    };
    let no_proxy = |detail| Error::NoProxy {
        proxy: proxy.to_string(),
        detail,
    };
    let request = request(proxy, peer);
    stream
        .write_all(request.as_bytes())
        .await
        .map_err(|error| ended(Some(error)))?;
    stream.flush().await.map_err(|error| ended(Some(error)))?;
    let mut answer = Vec::with_capacity(1024);
    let end = loop {
        if let Some(end) = memchr::memmem::find(&answer, b"\r\n\r\n") {
            break end;
        }
        // What speaks another protocol is told from its first bytes; it may never send the end of a head.
        if !b"HTTP/1.".starts_with(&answer[..answer.len().min(7)]) {
            return Err(no_proxy("its answer is not HTTP"));
        }
        if answer.len() > MAX_HEAD_BYTES {
            return Err(no_proxy("its answer has no end"));
        }
        if stream
            .read_buf(&mut answer)
            .await
            .map_err(|error| ended(Some(error)))?
            == 0
        {
            return Err(ended(None));
        }
    };
    let head = String::from_utf8_lossy(&answer[..end]);
    let status = status(&head).ok_or_else(|| no_proxy("its answer has no status"))?;
    match status {
        200..300 if answer.len() == end + 4 => Ok(stream),
        // The peer waits for us, so these bytes are not its own.
        200..300 => Err(no_proxy("it sends more than its answer")),
        _ => Err(Error::Refused {
            proxy: proxy.to_string(),
            peer: peer.to_owned(),
            status,
            offers: offers(&head),
        }),
    }
}

fn request(proxy: &Settings, peer: &str) -> String {
    let authorization = proxy.authorization().map_or_else(String::new, |value| {
        format!("Proxy-Authorization: {}\r\n", value.expose_secret())
    });
    let version = env!("CARGO_PKG_VERSION");
    format!(
        "CONNECT {peer} HTTP/1.1\r\nHost: {peer}\r\nUser-Agent: hub2siem/{version}\r\n{authorization}\r\n"
    )
}

fn status(head: &str) -> Option<u16> {
    let (version, rest) = head.lines().next()?.split_once(' ')?;
    let status = rest.get(..3)?.parse().ok()?;
    (version.starts_with("HTTP/1.") && (100..600).contains(&status)).then_some(status)
}

/// The schemes of `Proxy-Authenticate`.
fn offers(head: &str) -> Vec<String> {
    let lines = head.lines().skip(1).filter_map(|line| line.split_once(':'));
    let values = lines.filter(|(name, _)| name.trim().eq_ignore_ascii_case("proxy-authenticate"));
    let schemes = values.filter_map(|(_, value)| value.split_whitespace().next());
    let is_plain = |character: &char| character.is_ascii_alphanumeric() || *character == '-';
    schemes
        .map(|scheme| {
            scheme
                .chars()
                .filter(is_plain)
                .take(MAX_TEXT_CHARACTERS)
                .collect()
        })
        .collect()
}

#[cfg(test)]
mod tests;
