//! The options of an `azure_monitor` target, as the file has them.

use std::num::{NonZeroU32, NonZeroUsize};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::config::{ByteSize, Duration, SecretReference};
use crate::deliver::batch::Compression;
use crate::deliver::http_batch::config::HttpTls;
use crate::deliver::value::TextByKind;

/// Sends records to custom tables of a Log Analytics workspace, such as those of Microsoft Sentinel.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct AzureMonitor {
    /// The logs ingestion address of the data collection endpoint or rule, such as
    /// `https://soc-abcd.westeurope-1.ingest.monitor.azure.com`.
    pub endpoint: String,
    /// Immutable id of the data collection rule: `dcr-` and 32 hexadecimal digits.
    pub rule: String,
    /// Stream of the rule to write to, such as `Custom-MdcAlert_CL`: one text, or a text for each kind with `otherwise` for
    /// the rest. `{kind}` is replaced.
    pub stream: TextByKind,
    /// A token for Azure Monitor, which somebody else renews. It is read anew for every request. Without one, tokens come
    /// from the top-level `credential`.
    pub token: Option<SecretReference>,
    /// How many records share a request.
    #[serde(default)]
    pub batch: CallBatch,
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

/// Limits of one call. The first that is reached sends it; so does a window without room.
#[derive(Debug, Clone, Copy, Deserialize, Serialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct CallBatch {
    /// Size before compression, at most `1MiB`. A record above it goes alone.
    pub bytes: ByteSize,
    /// Number of records.
    pub records: NonZeroU32,
    /// How long the first record waits for others.
    pub linger: Duration,
}

impl Default for CallBatch {
    fn default() -> Self {
        Self {
            // A call may have 1 MB. Whether that counts in thousands or in 1,024s is not said, so it is below both.
            bytes: ByteSize(950 << 10),
            records: NonZeroU32::new(1_000).expect("1,000 is not 0"),
            linger: Duration::from_secs(1),
        }
    }
}

fn workers() -> NonZeroUsize {
    NonZeroUsize::new(2).expect("2 is not 0")
}
