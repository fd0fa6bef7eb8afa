//! What a reply of the bulk interface means, record by record.

use std::collections::BTreeMap;

use serde::Deserialize;

use crate::deliver::http_batch::protocol::shorten;
use crate::deliver::http_batch::{Fate, Reply, Verdict};
use crate::telemetry::BlockReason;

/// The reply to a bulk request, as far as it is asked for.
#[derive(Debug, Deserialize)]
struct Bulk {
    items: Vec<BTreeMap<String, Item>>,
}

/// One action's end.
#[derive(Debug, Deserialize)]
struct Item {
    status: u16,
    error: Option<Cause>,
    /// What the failure store of a data stream had to do with it.
    failure_store: Option<String>,
}

/// The reply to a request that failed as a whole.
#[derive(Debug, Deserialize)]
struct Failure {
    error: Cause,
}

/// Why something failed. Very old and very broken replies have a text in its place, which is no reply we know.
#[derive(Debug, Deserialize)]
struct Cause {
    #[serde(rename = "type", default)]
    class: String,
    #[serde(default)]
    reason: String,
}

/// Classes of failures of an index, not of a document: mending the index lets the same document in.
const INDEX_CLASSES: [&str; 7] = [
    "cluster_block_exception",
    "security_exception",
    "index_not_found_exception",
    "index_closed_exception",
    "invalid_index_name_exception",
    "invalid_alias_name_exception",
    "no_such_remote_cluster_exception",
];

/// Parts of the reasons of an `illegal_argument_exception` that is about an index.
const INDEX_REASONS: [&str; 4] = [
    "pipeline with id",
    "no write index is defined",
    "require_alias",
    "only write ops with an op_type of create",
];

/// The document is not in the data stream but in its failure store, where no search of the stream finds it.
const FAILURE_STORE_USED: &str = "used";

/// A document of this id is there.
const CONFLICT: &str = "version_conflict_engine_exception";

/// What a reply means for the records of its request, in their order.
pub fn judge(reply: &Reply) -> Verdict {
    if reply.status == 200 {
        return match serde_json::from_slice::<Bulk>(&reply.body) {
            Ok(bulk) => bulk.verdict().unwrap_or_else(|| reply.surprise()),
            Err(_) => reply.surprise(),
        };
    }
    let error = failure(reply);
    match (reply.status, reply.by_status()) {
        (400, _) => match error {
            Some(cause) if cause.is_about_index() => Verdict::Blocked {
                reason: BlockReason::Destination,
                text: cause.describe(),
            },
            Some(cause) => Verdict::Refused {
                text: cause.describe(),
            },
            // Not from the cluster: a proxy's page.
            None => reply.surprise(),
        },
        // Taken by somebody who is not the bulk interface.
        (201..300, _) => reply.surprise(),
        (_, Some(Verdict::Blocked { reason, text })) => Verdict::Blocked {
            reason,
            text: error.map_or(text, |cause| cause.describe()),
        },
        (_, Some(verdict)) => verdict,
        (_, None) => reply.surprise(),
    }
}

/// Class and reason of a request that failed as a whole; `None` if the reply is not from the cluster.
pub fn describe_error(reply: &Reply) -> Option<String> {
    failure(reply).map(|cause| cause.describe())
}

fn failure(reply: &Reply) -> Option<Cause> {
    let failure: Failure = serde_json::from_slice(&reply.body).ok()?;
    Some(failure.error)
}

impl Bulk {
    /// `None` if an action was not `create`.
    fn verdict(self) -> Option<Verdict> {
        let fates = self.items.into_iter().map(|mut item| {
            let created = item.remove("create")?;
            item.is_empty().then(|| created.fate())
        });
        Some(Verdict::Each(fates.collect::<Option<Vec<Fate>>>()?))
    }
}

impl Item {
    fn fate(self) -> Fate {
        let Some(cause) = self.error else {
            return match self.status {
                // Created, as the status says, but as a failure. Sent again, it would be one more there.
                200..300 if self.failure_store.as_deref() == Some(FAILURE_STORE_USED) => Fate::Refused {
                    text: "the data stream put it into its failure store".to_owned(),
                },
                200..300 => Fate::Delivered,
                status => Fate::Surprise {
                    text: format!("status {status} without an error"),
                },
            };
        };
        let text = cause.describe();
        match self.status {
            409 if cause.class == CONFLICT => Fate::Repeated,
            _ if cause.is_about_index() => Fate::Blocked { text },
            429 => Fate::Busy,
            500.. => Fate::Unavailable,
            413 => Fate::TooLarge { text },
            400 => Fate::Refused { text },
            401 | 403 | 404 => Fate::Blocked { text },
            status => Fate::Surprise {
                text: format!("status {status}, {}", cause.class),
            },
        }
    }
}

impl Cause {
    fn is_about_index(&self) -> bool {
        INDEX_CLASSES.contains(&self.class.as_str())
            || self.class == "illegal_argument_exception"
                && INDEX_REASONS.iter().any(|reason| self.reason.contains(reason))
    }

    fn describe(&self) -> String {
        shorten(&format!("{}: {}", self.class, self.reason))
    }
}

#[cfg(test)]
mod tests;
