//! The harmless try of `check --connect`: health, token and acknowledgement, without a record.

use std::time::Instant;

use futures_util::future::join_all;
use url::Url;

use super::acknowledge;
use super::client::{Client, Identity};
use super::reply::{Reply, Verdict};
use super::settings::Settings;
use crate::deliver::http_request;
use crate::durable::retry::chain;
use crate::finding::{Finding, Problem};
use crate::proxy::tunnel;

/// Tries every endpoint in the way a batch would, without sending one.
pub async fn check(settings: &Settings) -> Vec<Finding> {
    let tries = settings.endpoints.iter().map(async |url| {
        let since = Instant::now();
        let result = check_endpoint(settings, url).await;
        let result = result.map(|()| "healthy, and takes the token".to_owned());
        Finding::new(url.origin().ascii_serialization(), result.into(), since)
    });
    join_all(tries).await
}

async fn check_endpoint(settings: &Settings, url: &Url) -> Result<(), Problem> {
    let client = Client::new(settings);
    let identity = &Identity {
        token: settings.token().clone(),
        channel: uuid::Uuid::new_v4().to_string(),
        cookie: None,
    };
    let health = match client.health(url, identity).await {
        Ok(health) => health,
        Err(error) => return Err(unreached(settings, url, error).await),
    };
    if health.status >= 500 {
        return Err(Problem::new(
            health.describe(),
            "wait until the collector is healthy, or look at its queues",
        ));
    }
    // An empty batch passes the token and then fails for want of data: nothing is indexed.
    let body = bytes::Bytes::new();
    let empty = client
        .post_events(url, identity, body, false)
        .await
        .map_err(unreachable)?;
    check_token(&empty)?;
    if settings.is_acknowledgement_required {
        let question = acknowledge::question([0].into_iter());
        let answer = client.ask(url, identity, question).await.map_err(unreachable)?;
        if acknowledge::confirmed(&answer.body).is_none() {
            return Err(Problem::new(
                answer.describe(),
                "switch indexer acknowledgement on for this token in Splunk, or set `acknowledgement: off`",
            ));
        }
    }
    Ok(())
}

fn check_token(reply: &Reply) -> Result<(), Problem> {
    /// The code that says the token is good and the batch is empty.
    const NO_DATA: i64 = 5;
    if reply.code() == Some(NO_DATA) {
        return Ok(());
    }
    let fix = match (reply.code(), reply.verdict()) {
        (Some(1), _) => "enable the token in Splunk",
        (Some(2..=4 | 21 | 22), _) => {
            "compare the token with the one in Splunk: Settings, Data inputs, HTTP Event Collector"
        }
        (Some(_), Verdict::Busy { .. } | Verdict::Unavailable) => {
            "wait until the collector is healthy, or look at its queues"
        }
        (Some(_), _) => "look the code up in Splunk's documentation of the HTTP Event Collector",
        (None, _) => "the reply is not from a collector; check host, port and what stands between",
    };
    Err(Problem::new(reply.describe(), fix))
}

/// What stands between, and what to do.
async fn unreached(settings: &Settings, url: &Url, error: http_request::Error) -> Problem {
    if let http_request::Error::Connect(_) = &error
        && let Some(proxy) = &settings.proxy
        && let Some(objection) = tunnel::objection(proxy, url).await
    {
        return Problem::new(chain(&objection), objection.fix());
    }
    unreachable(error)
}

fn unreachable(error: http_request::Error) -> Problem {
    let fix = match &error {
        http_request::Error::Connect(_) => {
            "check host and port, name resolution and firewalls; the usual port is 8088"
        }
        http_request::Error::Tls { .. } => {
            "name the certificate of the collector's issuer in `tls.ca_file`; check that the \
                                      host is the one in the certificate, and `https` against `http`"
        }
        http_request::Error::Timeout(_) => {
            "something accepts the connection and does not answer; check what stands between"
        }
        http_request::Error::Closed(_) | http_request::Error::Truncated(_) => {
            "check `https` against `http`, and what stands between"
        }
    };
    Problem::new(chain(&error), fix)
}
