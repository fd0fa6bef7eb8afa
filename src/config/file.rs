//! The configuration file as written: one struct a section, whose comments are the reference.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::num::NonZeroUsize;
use std::path::PathBuf;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::event_hub::EventHub;
use super::secret::SecretReference;
use super::target::Target;
use super::unit::{ByteSize, Duration};
use super::yaml::Spanned;
use crate::checkpoint::blob::config::BlobCheckpoint;
use crate::credential::config::{CloudChoice, Credential};
use crate::deliver::dead_letter;
use crate::proxy::config::Proxy;

/// Configuration of hub2siem.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct File {
    /// The hub to read.
    pub event_hub: EventHub,
    /// The identity of Microsoft Entra ID, where no connection string is used, or for targets.
    pub credential: Option<Spanned<Credential>>,
    /// The cloud that `credential` belongs to: `public`, `us_gov`, `china`, or the addresses and scopes of another one.
    #[serde(default = "default_cloud")]
    pub cloud: Spanned<CloudChoice>,
    /// The HTTP proxy that leads out; without this section there is none, whatever the environment says.
    pub proxy: Option<Spanned<Proxy>>,
    /// Where the positions are kept up to which everything is settled.
    pub checkpoint: Checkpoint,
    /// What is remembered besides positions: for each target with `snapshots: changes_only`, what it last delivered.
    #[serde(default)]
    pub state: State,
    /// What happens to records that are refused for good.
    pub dead_letter: dead_letter::config::Settings,
    /// The most that may be in memory, for each consumer group that is read.
    #[serde(default)]
    pub window: Window,
    /// How long a stop may take: records on their way are finished within it, the rest is sent again after the start.
    #[serde(default = "default_grace_period")]
    pub grace_period: Duration,
    /// Threads that read, map and send. One costs the least for each event and takes as much as most hubs let out; with more, a
    /// long backlog is read in less time where the hub lets out more.
    #[serde(default = "default_worker_threads")]
    #[schemars(range(min = 1, max = 256))]
    pub worker_threads: Spanned<NonZeroUsize>,
    /// A folder of mappings that add to the embedded ones and override those of the same name.
    pub mappings_directory: Option<Spanned<PathBuf>>,
    /// What the mapping function `sha256` mixes in, at least 16 characters: `{ env: NAME }` or `{ file: PATH }`. With
    /// another salt the same name becomes another pseudonym.
    pub mapping_salt: Option<Spanned<SecretReference>>,
    /// What happens when the configuration, a mapping or a secret is changed while the bridge runs.
    #[serde(default)]
    pub reload: Reload,
    /// The server for metrics and health.
    #[serde(default)]
    pub http: Http,
    /// The log.
    #[serde(default)]
    pub log: Log,
    /// The destinations by name. A name becomes a label of metrics and of dead letters.
    pub targets: BTreeMap<String, Spanned<Target>>,
}

/// Where positions are kept: exactly one of `file` and `blob`.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Checkpoint {
    /// Small files in a local directory, for one process at a time.
    pub file: Option<FileCheckpoint>,
    /// A container of Azure Blob Storage, for several processes that share the partitions.
    pub blob: Option<BlobCheckpoint>,
}

/// Checkpoints in a local directory.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct FileCheckpoint {
    /// The directory; it must outlive the process, so in a container it is a volume.
    pub directory: PathBuf,
}

/// What is remembered besides positions. Its loss costs repeats only.
#[derive(Debug, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct State {
    /// The directory, for one process at a time. Without one: that of the checkpoints; with `checkpoint.blob` it is
    /// required.
    pub directory: Option<PathBuf>,
    /// Items remembered for each target, about 50 to 100 bytes of memory each, taken out of `window.bytes` (at most half of
    /// it). Beyond them those are forgotten that were delivered longest ago; their next snapshot is delivered once more.
    pub items: Spanned<usize>,
}

impl Default for State {
    fn default() -> Self {
        Self {
            directory: None,
            items: Spanned {
                value: 200_000,
                span: 0..0,
            },
        }
    }
}

/// The most that may be in memory. The rate cannot exceed `events` divided by the target's acknowledgement latency.
#[derive(Debug, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Window {
    /// Events received and not settled.
    pub events: Spanned<usize>,
    /// Bytes held for them: bodies, rendered records, requests waiting for their acknowledgement.
    pub bytes: Spanned<ByteSize>,
}

impl Default for Window {
    fn default() -> Self {
        Self {
            events: Spanned {
                value: 50_000,
                span: 0..0,
            },
            bytes: Spanned {
                value: ByteSize::from_mib(24),
                span: 0..0,
            },
        }
    }
}

/// What happens when the configuration, a mapping or a secret is changed while the bridge runs.
#[derive(Debug, Clone, Copy, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Reload {
    /// `true`: changed files are taken over by themselves. `false`: only SIGHUP does it, which it does in any case.
    pub watch: bool,
}

impl Default for Reload {
    fn default() -> Self {
        Self { watch: true }
    }
}

/// The server for metrics and health.
#[derive(Debug, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Http {
    /// Address and port of `/metrics`, `/healthz` and `/readyz`. Inside a container network: `0.0.0.0:9464`.
    #[schemars(with = "String")]
    pub listen: SocketAddr,
}

impl Default for Http {
    fn default() -> Self {
        Self {
            listen: SocketAddr::from(([127, 0, 0, 1], 9464)),
        }
    }
}

/// The log, on standard error.
#[derive(Debug, Default, Clone, Copy, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Log {
    /// `text` for people, `json` for a collector.
    pub format: LogFormat,
    /// The least severe level that is written.
    pub level: LogLevel,
}

/// Form of a log line.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum LogFormat {
    /// One readable line.
    #[default]
    Text,
    /// One JSON object a line.
    Json,
}

/// Level of a log line.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum LogLevel {
    /// Someone should look.
    Error,
    /// Recovered.
    Warn,
    /// Changes of state.
    #[default]
    Info,
    /// For finding faults.
    Debug,
    /// Every record.
    Trace,
}

fn default_cloud() -> Spanned<CloudChoice> {
    Spanned {
        value: CloudChoice::Public,
        span: 0..0,
    }
}

fn default_grace_period() -> Duration {
    Duration::from_secs(25)
}

fn default_worker_threads() -> Spanned<NonZeroUsize> {
    Spanned {
        value: NonZeroUsize::MIN,
        span: 0..0,
    }
}
