//! The harmless try of `check --connect`: health, token and acknowledgement, without a record.

use super::acknowledge;
use super::client::{Client, Identity};
use super::reply::{Reply, Verdict};
use super::settings::Settings;
use crate::deliver::http_request;
use crate::durable::retry::chain;
use crate::proxy::tunnel;

/// Why an endpoint would not do.
#[derive(Debug, thiserror::Error)]
#[error("endpoint `{endpoint}`: {cause}")]
pub struct Problem {
    /// The address tried.
    pub endpoint: String,
    /// What is wrong.
    pub cause: String,
    /// What to do.
    pub fix: &'static str,
}

/// Tries every endpoint in the way a batch would, without sending one. Empty: all is well.
pub async fn check(settings: &Settings) -> Vec<Problem> {
    let mut problems = Vec::new();
    for url in &settings.endpoints {
        let client = Client::new(settings);
        let identity = Identity {
            token: settings.token().clone(),
            channel: uuid::Uuid::new_v4().to_string(),
            cookie: None,
        };
        if let Err((cause, fix)) = check_endpoint(settings, &client, &identity, url).await {
            problems.push(Problem {
                endpoint: url.to_string(),
                cause,
                fix,
            });
        }
    }
    problems
}

type Found = (String, &'static str);

async fn check_endpoint(
    settings: &Settings,
    client: &Client,
    identity: &Identity,
    url: &url::Url,
) -> Result<(), Found> {
    let health = match client.health(url, identity).await {
        Ok(health) => health,
        Err(error) => return Err(unreached(settings, url, error).await),
    };
    if health.status >= 500 {
        return Err((
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
            return Err((
                answer.describe(),
                "switch indexer acknowledgement on for this token in Splunk, or set `acknowledgement: off`",
            ));
        }
    }
    Ok(())
}

fn check_token(reply: &Reply) -> Result<(), Found> {
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
    Err((reply.describe(), fix))
}

/// What stands between, and what to do.
async fn unreached(settings: &Settings, url: &url::Url, error: http_request::Error) -> Found {
    if let http_request::Error::Connect(_) = &error
        && let Some(proxy) = &settings.proxy
        && let Some(objection) = tunnel::objection(proxy, url).await
    {
        return (chain(&objection), objection.fix());
    }
    unreachable(error)
}

fn unreachable(error: http_request::Error) -> Found {
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
    (chain(&error), fix)
}
