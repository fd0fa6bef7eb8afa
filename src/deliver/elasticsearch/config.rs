//! The options of an `elasticsearch` target, as the file has them.

use std::collections::BTreeMap;
use std::num::NonZeroUsize;

use schemars::JsonSchema;
use serde::Deserialize;

use crate::deliver::batch::{Batch, Compression};
use crate::deliver::http_batch::config::{Authentication, HttpTls};
use crate::deliver::http_batch::value::TextOrSecret;
use crate::deliver::value::{TextByKind, Texts};

/// Creates a document for each record in Elasticsearch or OpenSearch.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Elasticsearch {
    /// Where nodes listen: scheme, host and port, such as `https://search:9200`. One or several; each batch goes to the one
    /// with the least to do, and to another one while that fails.
    pub endpoints: Texts,
    /// Data stream, index or alias to write to: one text, or a text for each kind with `otherwise` for the rest. `{kind}`,
    /// `{namespace}` and `{hub}` are replaced.
    pub index: TextByKind,
    /// Who we are: `basic`, or `api_key` with a key in its encoded form.
    #[serde(default)]
    pub authentication: Authentication,
    /// Further headers; a secret is `{ env: NAME }` or `{ file: PATH }`.
    #[serde(default)]
    pub headers: BTreeMap<String, TextOrSecret>,
    /// How many records share a request.
    #[serde(default)]
    pub batch: Batch,
    /// How requests are compressed.
    #[serde(default)]
    pub compression: Compression,
    /// Requests under way at the same time.
    #[serde(default = "workers")]
    #[schemars(range(min = 1, max = 64))]
    pub workers: NonZeroUsize,
    /// How certificates are checked.
    #[serde(default)]
    pub tls: HttpTls,
}

fn workers() -> NonZeroUsize {
    NonZeroUsize::new(2).expect("2 is not 0")
}
