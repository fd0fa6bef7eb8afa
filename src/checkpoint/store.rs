//! Where checkpoints are kept, and what can go wrong there.

use std::collections::BTreeMap;
use std::path::PathBuf;

use super::{BlobStore, Checkpoint, FileStore, MemoryStore, blob};
use crate::durable::FileError;
use crate::event::PartitionId;
use crate::route::last_delivered;

/// The store of one consumer group.
#[derive(Debug, Clone)]
pub enum Store {
    /// A directory on a local disk, for one process.
    File(FileStore),
    /// A container of Azure Blob Storage, for several processes.
    Blob(BlobStore),
    /// Nothing durable; for tests and the demo.
    Memory(MemoryStore),
}

impl Store {
    /// The checkpoint of one partition; `None` if it never had one.
    ///
    /// Errors: a checkpoint that is there and cannot be understood is an error, never a start from the beginning.
    pub async fn load(&self, partition: &PartitionId) -> Result<Option<Checkpoint>, Error> {
        match self {
            Store::File(store) => store.load(partition).await,
            Store::Blob(store) => Ok(store.load(partition).await?),
            Store::Memory(store) => Ok(store.load(partition)),
        }
    }

    /// Every checkpoint of the group.
    ///
    /// Errors: as [`Store::load`], and for anything in the store that is no checkpoint.
    pub async fn load_all(&self) -> Result<BTreeMap<PartitionId, Checkpoint>, Error> {
        match self {
            Store::File(store) => store.load_all().await,
            Store::Blob(store) => Ok(store.load_all().await?),
            Store::Memory(store) => Ok(store.load_all()),
        }
    }

    /// Stores a checkpoint; when it returns, the position survives a power cut.
    ///
    /// Errors: [`Error::Lost`] where another process has the partition; trying again is of no use then.
    pub async fn store(&self, partition: &PartitionId, checkpoint: &Checkpoint) -> Result<(), Error> {
        match self {
            Store::File(store) => store.store(partition, checkpoint).await,
            Store::Blob(store) => store.store(partition, checkpoint).await,
            Store::Memory(store) => store.store(partition, checkpoint),
        }
    }
}

/// The store cannot be used as it is. At start: stop with exit code 74. While running: keep the mark and try again.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The operating system refuses.
    #[error(transparent)]
    Io(#[from] FileError),
    /// The blob store cannot be used.
    #[error(transparent)]
    Blob(#[from] blob::Error),
    /// Another process has the partition, so nothing of ours is stored for it.
    #[error("partition `{partition}` is read by another process now")]
    Lost {
        /// The partition.
        partition: PartitionId,
    },
    /// Another process holds the store.
    #[error("the checkpoints in `{}` are in use by another process", path.display())]
    Locked {
        /// Directory of the consumer group.
        path: PathBuf,
    },
    /// The content is torn, foreign or impossible.
    #[error("`{}` is no checkpoint: {detail}", path.display())]
    Invalid {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        detail: String,
    },
    /// Another version of this program wrote it.
    #[error("checkpoint `{}` has version {found}, this program knows version {known}", path.display())]
    Version {
        /// The file.
        path: PathBuf,
        /// The version it names.
        found: u64,
        /// The version this program writes.
        known: u32,
    },
    /// A name cannot stand in a path.
    #[error("`{name}` cannot be the name of a {what} in a checkpoint's path")]
    Name {
        /// What the name is for.
        what: &'static str,
        /// The name.
        name: String,
    },
    /// What was last delivered cannot be written, and no mark may pass it.
    #[error("failed to keep what was last delivered")]
    LastDelivered(#[from] last_delivered::Error),
    /// A store for tests was told to fail.
    #[error("the store in memory refuses partition `{partition}`")]
    Refused {
        /// The partition.
        partition: PartitionId,
    },
}

impl Error {
    /// Whether nobody answered, so that no other partition can be stored now either.
    pub fn is_store_away(&self) -> bool {
        matches!(
            self,
            Error::Blob(blob::Error::Unreachable { .. } | blob::Error::Silent { .. })
        )
    }

    /// The next step for the operator, one line.
    pub fn hint(&self) -> &'static str {
        match self {
            Error::Io(_) => "check that the directory exists, can be written by this user, and is not full",
            Error::Blob(error) => error.hint(),
            Error::Lost { .. } => "nothing; the other process goes on from the position that is stored",
            Error::Locked { .. } => {
                "stop the other process, or give this one a directory or consumer group of its own"
            }
            Error::Invalid { .. } => {
                "restore the file from a backup, or remove it to let this partition start as `event_hub.start` says; \
                 that repeats or skips events"
            }
            Error::Version { .. } => "run the version that wrote it, or a newer one",
            Error::Name { .. } => "correct the name in the configuration",
            Error::LastDelivered(error) => error.hint(),
            Error::Refused { .. } => "this store is for tests only",
        }
    }
}
