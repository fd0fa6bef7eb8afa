//! Records become a call of the Logs Ingestion API, and its reply an outcome.

use serde::Deserialize;
use url::Url;

use super::settings::Settings;
use crate::deliver::http::encode::{SEPARATOR_BYTES, push_array};
use crate::deliver::http_batch::protocol::shorten;
use crate::deliver::http_batch::{Body, Protocol, Reply, Verdict};
use crate::deliver::value::expand;
use crate::event::{Hub, Kind, Rendered};

/// The one that calls must have.
pub const CONTENT_TYPE: &str = "application/json";

/// The version of the interface that this was written for.
const API_VERSION: &str = "2023-01-01";

/// Calls to the streams of one data collection rule.
#[derive(Debug)]
pub struct Ingestion {
    rule: String,
    /// Names of the streams.
    lanes: Vec<String>,
    lane_by_kind: Vec<usize>,
}

/// The reply to a call that failed.
#[derive(Debug, Deserialize)]
struct Failure {
    error: Cause,
}

#[derive(Debug, Deserialize)]
struct Cause {
    #[serde(default)]
    code: String,
    #[serde(default)]
    message: String,
}

impl Ingestion {
    /// As `settings` say, for records of `hub`.
    pub fn new(settings: &Settings, hub: &Hub) -> Self {
        let (lanes, lane_by_kind) = settings.stream.lanes(|text, kind| expand(text, kind, hub));
        Self {
            rule: settings.rule.clone(),
            lanes,
            lane_by_kind,
        }
    }
}

impl Protocol for Ingestion {
    fn lanes(&self) -> &[String] {
        &self.lanes
    }

    fn lane(&self, kind: Kind) -> usize {
        self.lane_by_kind[kind.index()]
    }

    fn url(&self, base: &Url, lane: usize) -> Url {
        let path = format!("dataCollectionRules/{}/streams/{}", self.rule, self.lanes[lane]);
        let mut url = base.join(&path).expect("the names are checked");
        url.query_pairs_mut().append_pair("api-version", API_VERSION);
        url
    }

    fn size(&self, record: &Rendered) -> usize {
        record.bytes.len() + SEPARATOR_BYTES
    }

    fn encode(&self, _: usize, records: &[Rendered]) -> Body {
        let mut bytes = Vec::with_capacity(records.iter().map(|record| self.size(record)).sum::<usize>() + 1);
        push_array(records, &mut bytes);
        Body {
            bytes,
            content_type: CONTENT_TYPE,
            idempotency_key: None,
        }
    }

    fn judge(&self, reply: &Reply, _: usize) -> Verdict {
        let error = describe_error(reply);
        match (reply.status, reply.by_status()) {
            (204, _) => Verdict::Accepted,
            // The service has no other word for success: this is somebody else's, and nothing says that a row was taken.
            (200..300, _) => reply.surprise(),
            (400, _) => match error {
                Some(text) => Verdict::Refused { text },
                // Not from the service: a proxy's page.
                None => reply.surprise(),
            },
            (_, Some(Verdict::Blocked { reason, text })) => Verdict::Blocked {
                reason,
                text: error.unwrap_or(text),
            },
            (_, Some(verdict)) => verdict,
            (_, None) => reply.surprise(),
        }
    }
}

/// Code and message of a call that failed; `None` if the reply is not from the service.
pub fn describe_error(reply: &Reply) -> Option<String> {
    let Failure { error } = serde_json::from_slice(&reply.body).ok()?;
    Some(shorten(&format!("{}: {}", error.code, error.message)))
}

#[cfg(test)]
mod tests;
