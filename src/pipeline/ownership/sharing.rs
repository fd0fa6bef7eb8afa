//! Whether the partitions of a group are shared, and how.

use std::time::Duration;

use crate::checkpoint::blob::config::Strategy;
use crate::checkpoint::{BlobStore, Store};
use crate::config::CheckpointSettings;

/// Whose the partitions of a consumer group are.
#[derive(Debug, Clone)]
pub enum Ownership {
    /// All of them this process's.
    Alone,
    /// An equal share of them each instance's.
    Shared(Sharing),
}

impl Ownership {
    /// What goes with a store: a container is shared, a directory or the memory is not.
    pub fn of(settings: &CheckpointSettings, store: &Store) -> Self {
        match (settings, store) {
            (CheckpointSettings::Blob(settings), Store::Blob(store)) => Self::Shared(Sharing {
                store: store.clone(),
                strategy: settings.strategy,
                interval: settings.interval,
                expiry: settings.expiry,
            }),
            _ => Self::Alone,
        }
    }
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
