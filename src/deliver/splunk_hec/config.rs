//! The options of a `splunk_hec` target, as the file has them.

use std::num::NonZeroUsize;
use std::path::PathBuf;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::config::{Duration, SecretReference};
use crate::deliver::batch::{Batch, Compression};
use crate::deliver::value::{TextByKind, Texts};

/// Sends records to the HTTP Event Collector of Splunk Enterprise or Splunk Cloud.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct SplunkHec {
    /// Where the collector listens: scheme, host and port, such as `https://splunk:8088`. One or several; each batch
    /// goes to the healthy one with the least to do.
    pub endpoints: Texts,
    /// The collector's token.
    pub token: SecretReference,
    /// `required`: a record is settled once the indexer acknowledged it; the token must have acknowledgement on.
    /// `off`: once the collector took it into its memory, which a crash of that node loses.
    #[serde(default)]
    pub acknowledgement: Acknowledgement,
    /// How long to wait for an acknowledgement before the records are sent again.
    #[serde(default = "acknowledgement_timeout")]
    pub acknowledgement_timeout: Duration,
    /// Index to write to: one text, or a text for each kind with `otherwise` for the rest. Without it the token's
    /// default index. `{kind}`, `{namespace}` and `{hub}` are replaced, here and in the three options below.
    #[serde(default)]
    pub index: Option<TextByKind>,
    /// Splunk's `source`, in the same form.
    #[serde(default = "source")]
    pub source: TextByKind,
    /// Splunk's `sourcetype`, in the same form.
    #[serde(default = "sourcetype")]
    pub sourcetype: TextByKind,
    /// Splunk's `host`, in the same form.
    #[serde(default = "host")]
    pub host: TextByKind,
    /// What becomes `_time`. `auto`: the event time of alerts, the enqueued time of everything else, because the
    /// source date of a recommendation can be months old and would land in old buckets.
    #[serde(default)]
    pub time: Time,
    /// How many records share a request.
    #[serde(default)]
    pub batch: Batch,
    /// How requests are compressed.
    #[serde(default)]
    pub compression: Compression,
    /// Requests under way at the same time, each on its own channel.
    #[serde(default = "workers")]
    #[schemars(range(min = 1, max = 64))]
    pub workers: NonZeroUsize,
    /// How the collector's certificate is checked.
    #[serde(default)]
    pub tls: Tls,
}

/// What must be known before a record is settled.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Acknowledgement {
    /// The indexer's acknowledgement.
    #[default]
    Required,
    /// The collector's reply.
    Off,
}

/// What becomes `_time`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Time {
    /// Event time for alerts, enqueued time for the rest.
    #[default]
    Auto,
    /// Event time for all.
    Event,
    /// Enqueued time for all.
    Enqueued,
}

/// How the collector's certificate is checked.
#[derive(Debug, Clone, Deserialize, Serialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Tls {
    /// PEM file of the authorities to trust instead of the system's.
    pub ca_file: Option<PathBuf>,
    /// `false` accepts any certificate: whoever can redirect the connection reads the records and the token.
    pub verify: bool,
}

impl Default for Tls {
    fn default() -> Self {
        Self {
            ca_file: None,
            verify: true,
        }
    }
}

fn acknowledgement_timeout() -> Duration {
    Duration::from_secs(300)
}

fn source() -> TextByKind {
    TextByKind::all("eventhub:{namespace}/{hub}")
}

fn sourcetype() -> TextByKind {
    TextByKind::all("mdc:{kind}")
}

fn host() -> TextByKind {
    TextByKind::all("hub2siem")
}

fn workers() -> NonZeroUsize {
    NonZeroUsize::new(2).expect("2 is not 0")
}
