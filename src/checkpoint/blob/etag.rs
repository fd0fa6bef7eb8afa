//! The version of a blob.

use std::fmt;
use std::sync::Arc;

use azure_core::http::Etag as AzureEtag;

/// Version of a blob: opaque text without quotes. Lists write it without them, answers with them.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Etag(Arc<str>);

impl Etag {
    /// Wraps what the service wrote.
    pub fn new(text: &str) -> Self {
        Self(text.trim_matches('"').into())
    }

    /// As a condition of a request has it.
    pub(super) fn to_condition(&self) -> AzureEtag {
        AzureEtag::from(format!("\"{}\"", self.0))
    }
}

impl fmt::Display for Etag {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}
