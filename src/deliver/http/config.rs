//! The options of an `http` target, as the file has them.

use std::collections::BTreeMap;
use std::num::NonZeroUsize;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::deliver::batch::{Batch, Compression};
use crate::deliver::http_batch::config::{Authentication, HttpTls};
use crate::deliver::http_batch::value::TextOrSecret;

/// Sends records to any address that takes them by HTTP, such as a webhook.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Http {
    /// Where to send: the whole address, such as `https://hooks.example/defender`. If there is a secret in it, `{ env: NAME }`
    /// or `{ file: PATH }`.
    pub endpoint: TextOrSecret,
    /// The method of a request.
    #[serde(default)]
    pub method: Method,
    /// How records stand in a request.
    #[serde(default)]
    pub format: Format,
    /// Who we are for the peer.
    #[serde(default)]
    pub authentication: Authentication,
    /// Further headers; a secret is `{ env: NAME }` or `{ file: PATH }`.
    #[serde(default)]
    pub headers: BTreeMap<String, TextOrSecret>,
    /// Statuses by which the peer refuses a record for good. A refused request is divided until the record is found, which
    /// then goes to the dead letters.
    #[serde(default = "refused_statuses")]
    pub refused_statuses: Vec<u16>,
    /// How many records share a request.
    #[serde(default)]
    pub batch: Batch,
    /// How requests are compressed.
    #[serde(default = "compression")]
    pub compression: Compression,
    /// Requests under way at the same time; with more than one, records may pass each other.
    #[serde(default = "workers")]
    #[schemars(range(min = 1, max = 64))]
    pub workers: NonZeroUsize,
    /// How certificates are checked.
    #[serde(default)]
    pub tls: HttpTls,
}

/// The method of a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Method {
    /// `POST`.
    #[default]
    Post,
    /// `PUT`.
    Put,
}

/// How records stand in a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Format {
    /// One record a line.
    #[default]
    Lines,
    /// One JSON array.
    JsonArray,
    /// One record a request, as it is, with its event id as `Idempotency-Key`.
    Single,
}

fn refused_statuses() -> Vec<u16> {
    vec![400, 422]
}

fn compression() -> Compression {
    Compression::None
}

fn workers() -> NonZeroUsize {
    NonZeroUsize::MIN
}
