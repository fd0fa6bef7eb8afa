//! The harmless try of `check --connect`: one request without a record, at every endpoint and lane.

use reqwest::Method;
use url::Url;

use super::body::Encoded;
use super::client::{Error, Request};
use super::protocol::Reply;
use super::settings::Settings;
use crate::deliver::http_request;
use crate::durable::retry::chain;
use crate::proxy::tunnel;

/// A request that changes nothing at the peer.
#[derive(Debug)]
pub struct Try {
    /// Its method.
    pub method: Method,
    /// Its body.
    pub body: &'static [u8],
    /// Its `Content-Type`.
    pub content_type: &'static str,
}

/// Why an endpoint would not do.
#[derive(Debug, thiserror::Error)]
#[error("endpoint `{endpoint}`: {cause}")]
pub struct Problem {
    /// Scheme, host and port of the address tried; the rest of it may be secret.
    pub endpoint: String,
    /// What is wrong.
    pub cause: String,
    /// What to do.
    pub fix: &'static str,
}

/// Sends `request` to each of `urls` and lets `judge` say what is wrong with the reply, and what to do.
pub async fn check(
    settings: &Settings,
    urls: impl IntoIterator<Item = Url>,
    request: &Try,
    judge: impl Fn(&Reply) -> Option<(String, &'static str)>,
) -> Vec<Problem> {
    let http = http_request::client(&settings.tls, 1, settings.proxy.as_ref());
    let mut problems = Vec::new();
    for url in urls {
        let endpoint = url.origin().ascii_serialization();
        let body = Encoded::small(request.body, request.content_type);
        let reply = Request::new(&http, settings, request.method.clone(), url.clone(), &body)
            .send()
            .await;
        let found = match reply {
            Ok(reply) => judge(&reply),
            Err(error) => Some(unreached(settings, &url, &error).await),
        };
        problems.extend(found.map(|(cause, fix)| Problem { endpoint, cause, fix }));
    }
    problems
}

/// What stands between, and what to do.
async fn unreached(settings: &Settings, url: &Url, error: &Error) -> (String, &'static str) {
    if let Error::Http(http_request::Error::Connect(_)) = error
        && let Some(proxy) = &settings.proxy
        && let Some(objection) = tunnel::objection(proxy, url).await
    {
        return (chain(&objection), objection.fix());
    }
    (chain(error), fix(error))
}

fn fix(error: &Error) -> &'static str {
    match error {
        Error::Token(_) | Error::InvalidToken => "see that the token can be read and is whole",
        Error::Http(http_request::Error::Connect(_)) => "check host and port, name resolution and firewalls",
        Error::Http(http_request::Error::Tls { .. }) => {
            "name the certificate of the peer's issuer in `tls.ca_file`; check that the host is the one in the \
             certificate, and `https` against `http`"
        }
        Error::Http(http_request::Error::Timeout(_)) => {
            "something accepts the connection and does not answer; check what stands between"
        }
        Error::Http(_) => "check `https` against `http`, and what stands between",
    }
}
