//! The checkpoints of a consumer group, taken so that nothing else works with them meanwhile.

use std::collections::BTreeMap;

use anyhow::anyhow;

use super::group::scope;
use super::view::failure;
use crate::checkpoint::blob::ownership::{self, Claimed, Listing};
use crate::checkpoint::blob::{self, Etag};
use crate::checkpoint::{BlobStore, Checkpoint, FileStore};
use crate::cli::exit::Failure;
use crate::config::{CheckpointSettings, Configuration};
use crate::event::PartitionId;

/// A store that is ours.
pub(super) enum Taken {
    /// Locked as a whole.
    File(FileStore),
    /// Nobody's; each partition is claimed while it is written.
    Blob {
        store: BlobStore,
        ownerships: BTreeMap<PartitionId, Etag>,
    },
}

impl Taken {
    /// Takes the store of a group. A container must have no active owner, unless that is `despite_owner`.
    pub(super) async fn take(
        configuration: &Configuration,
        group: &str,
        despite_owner: bool,
    ) -> Result<Self, Failure> {
        let scope = scope(configuration, group);
        match &configuration.checkpoint {
            CheckpointSettings::File { directory } => {
                FileStore::open(directory, scope).map(Self::File).map_err(failure)
            }
            CheckpointSettings::Blob(settings) => {
                let store = BlobStore::open(settings, scope, ownership::new_owner_id())
                    .await
                    .map_err(refused)?;
                let listing = store.list_ownership().await.map_err(refused)?;
                if !despite_owner {
                    refuse_active(&listing, settings)?;
                }
                let ownerships = listing.ownerships.into_iter();
                Ok(Self::Blob {
                    ownerships: ownerships
                        .map(|ownership| (ownership.partition, ownership.etag))
                        .collect(),
                    store,
                })
            }
        }
    }

    /// Stores these checkpoints, in their order. What was stored before a failure stays.
    pub(super) async fn store_all<'c>(
        &self,
        checkpoints: impl IntoIterator<Item = (&'c PartitionId, &'c Checkpoint)>,
    ) -> Result<(), Failure> {
        for (partition, checkpoint) in checkpoints {
            match self {
                Taken::File(store) => store.store(partition, checkpoint).await.map_err(failure)?,
                Taken::Blob { store, ownerships } => {
                    store_owned(store, partition, ownerships.get(partition), checkpoint).await?;
                }
            }
        }
        Ok(())
    }
}

/// Claims the partition, writes, and frees it again, so that no instance can begin in between.
async fn store_owned(
    store: &BlobStore,
    partition: &PartitionId,
    ownership: Option<&Etag>,
    checkpoint: &Checkpoint,
) -> Result<(), Failure> {
    if store.claim(partition, ownership).await.map_err(refused)? == Claimed::LostTo {
        return Err(Failure::State(anyhow!(
            "partition `{partition}` was taken by another process just now; stop every instance, and try again"
        )));
    }
    let stored = store.store(partition, checkpoint).await;
    // A position that another process wrote in between stays, if it is further.
    let kept = store.load(partition).await;
    let relinquished = store.relinquish(partition).await;
    stored.map_err(failure)?;
    relinquished.map_err(refused)?;
    match kept.map_err(refused)? {
        Some(kept) if kept.sequence_number == checkpoint.sequence_number => Ok(()),
        _ => Err(Failure::State(anyhow!(
            "partition `{partition}` was written by another process just now; stop every instance, and try again"
        ))),
    }
}

fn refuse_active(listing: &Listing, settings: &blob::Settings) -> Result<(), Failure> {
    let expiry_millis = i64::try_from(settings.expiry.as_millis()).unwrap_or(i64::MAX);
    let is_active = |ownership: &&blob::Ownership| {
        !ownership.owner_id.is_empty()
            && listing.server_time.millis_since(ownership.last_modified) < expiry_millis
    };
    match listing.ownerships.iter().find(is_active) {
        None => Ok(()),
        Some(ownership) => Err(Failure::State(anyhow!(
            "partition `{}` is owned by `{}`; stop every instance that uses this container and consumer group, wait until \
             `checkpoint.blob.expiry` is over if one was killed, or use `--despite-owner`",
            ownership.partition,
            ownership.owner_id
        ))),
    }
}

fn refused(error: blob::Error) -> Failure {
    failure(error.into())
}
