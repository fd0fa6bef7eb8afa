//! HTTP to the collector: one connection's requests, and how they can fail.

use std::time::Duration;

use bytes::Bytes;
use reqwest::header::{self, HeaderMap, HeaderValue};
use secrecy::{ExposeSecret, SecretString};
use url::Url;

use super::reply::Reply;
use super::settings::Settings;
use crate::deliver::http_request::{self, Error};

/// The same for a question about acknowledgements. Generous, because a question given up may have used up a `true`.
const QUESTION_TIMEOUT: Duration = Duration::from_secs(30);

/// The same for a question about health.
const HEALTH_TIMEOUT: Duration = Duration::from_secs(10);

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

impl Client {
    /// A connection as `settings` make it: whom it trusts, and which way it goes.
    pub fn new(settings: &Settings) -> Self {
        Self {
            http: http_request::client(&settings.tls, 1, settings.proxy.as_ref()),
        }
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
        exchange(request.body(body).timeout(http_request::ANSWER_TIMEOUT)).await
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
    let response = http_request::exchange(request).await?;
    Ok(Reply {
        status: response.status,
        cookies: cookies(&response.headers),
        peer: response.peer,
        retry_after: response.retry_after(),
        body: response.body,
    })
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
