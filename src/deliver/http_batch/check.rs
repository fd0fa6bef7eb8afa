//! The harmless try of `check --connect`: one request without a record, at every endpoint and lane.

use std::time::Instant;

use futures_util::future::join_all;
use reqwest::Method;
use url::Url;

use super::body::Encoded;
use super::client::{Error, Request};
use super::protocol::Reply;
use super::settings::Settings;
use crate::deliver::http_request;
use crate::durable::retry::chain;
use crate::finding::{Finding, Problem};
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

/// Sends `request` to each of `places`, which have names, and lets `judge` say what is wrong with the reply, and what to do.
pub async fn check(
    settings: &Settings,
    places: impl IntoIterator<Item = (String, Url)>,
    request: &Try,
    judge: impl Fn(&Reply) -> Result<&'static str, Problem>,
) -> Vec<Finding> {
    let http = http_request::client(&settings.tls, 1, settings.proxy.as_ref());
    let tries = places.into_iter().map(async |(place, url)| {
        let since = Instant::now();
        let body = Encoded::small(request.body, request.content_type);
        let reply = Request::new(&http, settings, request.method.clone(), url.clone(), &body)
            .send()
            .await;
        let result = match reply {
            Ok(reply) => judge(&reply).map(str::to_owned),
            Err(error) => Err(unreached(settings, &url, &error).await),
        };
        Finding::new(place, result.into(), since)
    });
    join_all(tries).await
}

/// Scheme, host and port of an address; the rest of it may be secret.
pub fn origin(url: &Url) -> String {
    url.origin().ascii_serialization()
}

/// What stands between, and what to do.
async fn unreached(settings: &Settings, url: &Url, error: &Error) -> Problem {
    if let Error::Http(http_request::Error::Connect(_)) = error
        && let Some(proxy) = &settings.proxy
        && let Some(objection) = tunnel::objection(proxy, url).await
    {
        return Problem::new(chain(&objection), objection.fix());
    }
    Problem::new(chain(error), fix(error))
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
