//! The ways a position is written into a blob.

use std::collections::HashMap;

use super::body::MAX_BYTES;
use super::position::{LegacyPosition, Unreadable};
use super::{golang, lease, metadata};

/// How a position is written into a blob.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Form {
    /// JSON of EventProcessorHost.
    Lease,
    /// JSON of the first client for Go.
    Golang,
    /// Metadata of the official layout.
    Metadata,
}

impl Form {
    /// Whether the body is read, and not only what a list of blobs says.
    pub fn needs_body(self) -> bool {
        self != Form::Metadata
    }

    /// Bytes that a body may have.
    pub fn max_bytes(self) -> u64 {
        MAX_BYTES as u64
    }

    /// Reads a blob; `None` if its program has settled nothing yet.
    pub fn parse(
        self,
        metadata: &HashMap<String, String>,
        body: &[u8],
    ) -> Result<Option<LegacyPosition>, Unreadable> {
        match self {
            Form::Lease => lease::parse(body),
            Form::Golang => golang::parse(body),
            Form::Metadata => metadata::parse(metadata).map(Some),
        }
    }
}
