//! Records become a bulk request.

use url::Url;

use super::reply;
use super::settings::Settings;
use crate::deliver::file::encode::append_line;
use crate::deliver::http_batch::{Body, Protocol, Reply, Verdict};
use crate::deliver::value::expand;
use crate::event::{Hub, Kind, Rendered};

/// The one that bulk requests must have.
pub const CONTENT_TYPE: &str = "application/x-ndjson";

/// All of the reply that is used; the rest would only cost its transfer.
const FILTER_PATH: &str =
    "errors,items.*.status,items.*.failure_store,items.*.error.type,items.*.error.reason";

/// How long the cluster waits for a shard that is away. Below our own time for an answer, which its default of a minute is
/// not: it then says of which records it did not take, and the others settle.
const SHARD_TIMEOUT: &str = "30s";

/// Bytes of an action around the names in it, with the two line ends.
const ACTION_BYTES: usize = 64 + r#"{"create":{"_index":"","_id":""}}"#.len();

/// Bulk requests that create documents.
#[derive(Debug)]
pub struct Bulk {
    /// Names of the indexes.
    lanes: Vec<String>,
    lane_by_kind: Vec<usize>,
    /// The action up to the id, by lane.
    actions: Vec<String>,
}

impl Bulk {
    /// As `settings` say, for records of `hub`.
    pub fn new(settings: &Settings, hub: &Hub) -> Self {
        let (lanes, lane_by_kind) = settings.index.lanes(|text, kind| {
            // A hub may have capitals, an index may not.
            expand(text, kind, hub).to_lowercase()
        });
        let actions = lanes.iter().map(|name| {
            let name = serde_json::to_string(name).expect("a text is JSON");
            format!("{{\"create\":{{\"_index\":{name},\"_id\":\"")
        });
        Self {
            actions: actions.collect(),
            lanes,
            lane_by_kind,
        }
    }
}

impl Protocol for Bulk {
    fn lanes(&self) -> &[String] {
        &self.lanes
    }

    fn lane(&self, kind: Kind) -> usize {
        self.lane_by_kind[kind.index()]
    }

    fn url(&self, base: &Url, _: usize) -> Url {
        bulk_url(base)
    }

    fn size(&self, record: &Rendered) -> usize {
        let lane = self.lane(record.about.kind);
        record.bytes.len() + ACTION_BYTES + self.lanes[lane].len()
    }

    fn encode(&self, lane: usize, records: &[Rendered]) -> Body {
        let mut bytes = Vec::with_capacity(records.iter().map(|record| self.size(record)).sum());
        for record in records {
            bytes.extend_from_slice(self.actions[lane].as_bytes());
            bytes.extend_from_slice(record.about.event_id.to_hex().as_str().as_bytes());
            bytes.extend_from_slice(b"\"}}\n");
            append_line(&record.bytes, &mut bytes);
        }
        Body {
            bytes,
            content_type: CONTENT_TYPE,
            idempotency_key: None,
        }
    }

    fn judge(&self, reply: &Reply, _: usize) -> Verdict {
        reply::judge(reply)
    }
}

/// Where bulk requests go at a node.
pub fn bulk_url(base: &Url) -> Url {
    let mut url = base.join("_bulk").expect("a base address takes a relative path");
    url.query_pairs_mut()
        .append_pair("filter_path", FILTER_PATH)
        .append_pair("timeout", SHARD_TIMEOUT);
    url
}
