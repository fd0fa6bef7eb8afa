//! HTTP to the collector: one connection's requests, and how they can fail.

use std::time::Duration;

use bytes::Bytes;
use reqwest::header::{self, HeaderMap, HeaderValue};
use secrecy::{ExposeSecret, SecretString};
use url::Url;

use super::reply::Reply;

/// Time to reach the peer.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);

/// Time from the first byte of a request to the last byte of its reply.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(60);

/// The same for a question about acknowledgements. Generous, because a question given up may have used up a `true`.
const QUESTION_TIMEOUT: Duration = Duration::from_secs(30);

/// The same for a question about health.
const HEALTH_TIMEOUT: Duration = Duration::from_secs(10);

/// Below the idle timeout of common load balancers, 60 s, so that no request meets a connection being closed.
const POOL_IDLE: Duration = Duration::from_secs(50);

/// A peer that asks for more is asked again all the same.
const MAX_RETRY_AFTER: Duration = Duration::from_secs(300);

/// The header that names the channel.
const CHANNEL_HEADER: &str = "x-splunk-request-channel";

/// One connection to one address; it keeps at most one idle socket, so that a channel stays at one peer.
#[derive(Debug, Clone)]
pub struct Client {
    http: reqwest::Client,
}

/// Who asks: sent with every request of a channel.
#[derive(Debug, Clone)]
pub struct Identity {
    /// The collector's token.
    pub token: SecretString,
    /// GUID of the channel.
    pub channel: String,
    /// Cookies of the channel.
    pub cookie: Option<String>,
}

/// A request without a whole reply.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The peer could not be reached; it got nothing.
    #[error("failed to connect to the collector")]
    Connect(#[source] reqwest::Error),
    /// The peer's certificate is not trusted, or ours is not; it got nothing.
    #[error("failed to agree on TLS with the collector: {detail}")]
    Tls {
        /// What rustls said.
        detail: String,
    },
    /// No whole reply in time; whether the peer took the request is unknown.
    #[error("the collector did not answer in time")]
    Timeout(#[source] reqwest::Error),
    /// The connection ended before a reply; whether the peer took the request is unknown.
    #[error("the collector closed the connection before it answered")]
    Closed(#[source] reqwest::Error),
    /// The connection ended within a reply.
    #[error("the collector's reply was cut off")]
    Truncated(#[source] reqwest::Error),
}

impl Client {
    /// A connection that trusts whom `tls` trusts.
    pub fn new(tls: &rustls::ClientConfig) -> Self {
        let http = reqwest::Client::builder()
            .tls_backend_preconfigured(tls.clone())
            .http1_only()
            .redirect(reqwest::redirect::Policy::none())
            .no_proxy()
            .connect_timeout(CONNECT_TIMEOUT)
            .pool_idle_timeout(POOL_IDLE)
            .pool_max_idle_per_host(1)
            .tcp_nodelay(true)
            .user_agent(concat!("hub2siem/", env!("CARGO_PKG_VERSION")))
            .build()
            .expect("a client whose TLS is configured already can be built");
        Self { http }
    }

    /// Sends a batch.
    pub async fn post_events(
        &self,
        base: &Url,
        identity: &Identity,
        body: Bytes,
        is_gzip: bool,
    ) -> Result<Reply, Error> {
        let mut headers = identity.headers();
        if is_gzip {
            headers.insert(header::CONTENT_ENCODING, HeaderValue::from_static("gzip"));
        }
        let request = self
            .http
            .post(join(base, "services/collector/event"))
            .headers(headers);
        exchange(request.body(body).timeout(ANSWER_TIMEOUT)).await
    }

    /// Asks about acknowledgements.
    pub async fn ask(&self, base: &Url, identity: &Identity, question: Vec<u8>) -> Result<Reply, Error> {
        let mut url = join(base, "services/collector/ack");
        url.query_pairs_mut().append_pair("channel", &identity.channel);
        let request = self.http.post(url).headers(identity.headers()).body(question);
        exchange(request.timeout(QUESTION_TIMEOUT)).await
    }

    /// Asks for the health of an address.
    pub async fn health(&self, base: &Url, identity: &Identity) -> Result<Reply, Error> {
        let request = self
            .http
            .get(join(base, "services/collector/health"))
            .headers(identity.headers());
        exchange(request.timeout(HEALTH_TIMEOUT)).await
    }
}

impl Identity {
    fn headers(&self) -> HeaderMap {
        let mut headers = HeaderMap::new();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
        let authorization = format!("Splunk {}", self.token.expose_secret());
        let values = [
            (header::AUTHORIZATION.as_str(), Some(authorization)),
            (CHANNEL_HEADER, Some(self.channel.clone())),
            (header::COOKIE.as_str(), self.cookie.clone()),
        ];
        for (name, value) in values {
            // A cookie that no header can carry came from the peer; without it the peer decides anew.
            if let Some(Ok(mut value)) = value.map(HeaderValue::try_from) {
                value.set_sensitive(true);
                headers.insert(
                    name.parse::<header::HeaderName>().expect("the names are valid"),
                    value,
                );
            }
        }
        headers
    }
}

fn join(base: &Url, path: &str) -> Url {
    base.join(path).expect("a base address takes a relative path")
}

async fn exchange(request: reqwest::RequestBuilder) -> Result<Reply, Error> {
    let response = request.send().await.map_err(before_reply)?;
    let status = response.status().as_u16();
    let cookies = cookies(response.headers());
    let peer = response.remote_addr().map(|address| address.ip());
    let retry_after = response
        .headers()
        .get(header::RETRY_AFTER)
        .and_then(|value| value.to_str().ok()?.trim().parse().ok())
        .map(|seconds| Duration::from_secs(seconds).min(MAX_RETRY_AFTER));
    let body = response.bytes().await.map_err(|error| match error.is_timeout() {
        true => Error::Timeout(error),
        false => Error::Truncated(error),
    })?;
    Ok(Reply {
        status,
        cookies,
        peer,
        retry_after,
        body,
    })
}

fn before_reply(error: reqwest::Error) -> Error {
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

fn cookies(headers: &HeaderMap) -> Vec<(String, String)> {
    headers
        .get_all(header::SET_COOKIE)
        .iter()
        .filter_map(|value| {
            let pair = value.to_str().ok()?.split(';').next()?;
            let (name, value) = pair.split_once('=')?;
            Some((name.trim().to_owned(), value.trim().to_owned()))
        })
        .collect()
}
