//! Whether the partitions of a group are shared, and how.

use std::time::Duration;

use crate::checkpoint::BlobStore;
use crate::checkpoint::blob::config::Strategy;

/// Whose the partitions of a consumer group are.
#[derive(Debug, Clone)]
pub enum Ownership {
    /// All of them this process's.
    Alone,
    /// An equal share of them each instance's.
    Shared(Sharing),
}

/// How partitions are shared.
#[derive(Debug, Clone)]
pub struct Sharing {
    /// Where it is written down what is whose.
    pub store: BlobStore,
    /// How an equal share is come to.
    pub strategy: Strategy,
    /// How often ownership is renewed and looked at.
    pub interval: Duration,
    /// What was not renewed for this long is nobody's.
    pub expiry: Duration,
}
