//! How records share a request: options of every target kind that speaks HTTP.

use std::num::NonZeroU32;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::config::{ByteSize, Duration};

/// Limits of one request. The first that is reached sends it; so does a window without room.
#[derive(Debug, Clone, Copy, Deserialize, Serialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Batch {
    /// Size before compression. A record above it goes alone.
    pub bytes: ByteSize,
    /// Number of records.
    pub records: NonZeroU32,
    /// How long the first record waits for others.
    pub linger: Duration,
}

/// How requests are compressed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Compression {
    /// By gzip, until the peer refuses that.
    #[default]
    Gzip,
    /// Not at all.
    None,
}

impl Default for Batch {
    fn default() -> Self {
        Self {
            bytes: ByteSize::from_mib(1),
            records: NonZeroU32::new(500).expect("500 is not 0"),
            linger: Duration::from_secs(1),
        }
    }
}
