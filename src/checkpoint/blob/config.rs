//! The section `checkpoint.blob` as written.

use std::path::PathBuf;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::config::SecretReference;
use crate::config::unit::Duration;
use crate::config::yaml::Spanned;

/// Checkpoints in a container of Azure Blob Storage, which several processes share: each partition is read by one of them
/// at a time. The container is named by `container_url`, or by `connection_string` and `container`; it is made if it is
/// missing. docs/checkpoints.md says which rights that takes.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct BlobCheckpoint {
    /// Address of the container, such as `https://contoso.blob.core.windows.net/checkpoints`. Without
    /// `shared_access_signature` the top-level `credential` is used.
    pub container_url: Option<Spanned<String>>,
    /// A shared access signature for `container_url`, as the portal gives it: `{ env: NAME }` or `{ file: PATH }`.
    pub shared_access_signature: Option<Spanned<SecretReference>>,
    /// Connection string of the storage account: `{ env: NAME }` or `{ file: PATH }`.
    pub connection_string: Option<Spanned<SecretReference>>,
    /// Name of the container, with `connection_string`.
    pub container: Option<Spanned<String>>,
    /// How instances come to an equal share of the partitions: `greedy` takes all that it lacks at once, `balanced` one
    /// each `interval`.
    #[serde(default)]
    pub strategy: Strategy,
    /// How often ownership is renewed and the shares are looked at.
    #[serde(default = "default_interval")]
    pub interval: Spanned<Duration>,
    /// After this time without renewal a partition is free for the others. At least twice `interval`, better three times.
    #[serde(default = "default_expiry")]
    pub expiry: Spanned<Duration>,
    /// How the certificate of the storage account is verified.
    #[serde(default)]
    pub tls: BlobTls,
}

/// How instances come to an equal share of the partitions.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Strategy {
    /// Everything that is lacking is taken at once: after a start or an outage the partitions are read soon.
    #[default]
    Greedy,
    /// One partition each interval: partitions move rarely while many instances start together.
    Balanced,
}

/// How the certificate of the storage account is verified.
#[derive(Debug, Default, Clone, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct BlobTls {
    /// PEM file of the authorities to trust instead of the system's.
    pub ca_file: Option<PathBuf>,
}

fn default_interval() -> Spanned<Duration> {
    Spanned {
        value: Duration::from_secs(10),
        span: 0..0,
    }
}

fn default_expiry() -> Spanned<Duration> {
    Spanned {
        value: Duration::from_secs(60),
        span: 0..0,
    }
}
