//! The checkpoints of a consumer group, looked at without disturbing whoever is at work with them.

use std::collections::BTreeMap;

use super::group::scope;
use crate::checkpoint::blob::{self, ownership};
use crate::checkpoint::{BlobStore, Checkpoint, Error, FileView};
use crate::cli::exit::Failure;
use crate::config::{CheckpointSettings, Configuration};
use crate::event::{PartitionId, Timestamp};

/// Where they are.
pub(super) enum View {
    File(FileView),
    Blob(BlobStore),
}

/// A checkpoint, and what its store knows of it.
#[derive(Debug, Clone)]
pub(super) struct Kept {
    pub(super) checkpoint: Checkpoint,
    /// When it was stored.
    pub(super) stored_at: Option<Timestamp>,
    /// Who owns the partition, where instances share the store.
    pub(super) owner: Option<String>,
}

impl View {
    /// Looks at a group. Nothing is made, also where nothing is there.
    pub(super) fn open(configuration: &Configuration, group: &str) -> Result<Self, Failure> {
        let scope = scope(configuration, group);
        match &configuration.checkpoint {
            CheckpointSettings::File { directory } => {
                FileView::new(directory, scope).map(Self::File).map_err(failure)
            }
            CheckpointSettings::Blob(settings) => {
                let store = BlobStore::new(settings, scope, ownership::new_owner_id());
                store.map(Self::Blob).map_err(|error| failure(error.into()))
            }
        }
    }

    /// Where it is, in words.
    pub(super) fn describe(&self) -> String {
        match self {
            View::File(view) => format!("directory {}", view.directory().display()),
            View::Blob(store) => format!("container {}", store.describe()),
        }
    }

    /// Everything that stands there.
    pub(super) async fn load_all(&self) -> Result<BTreeMap<PartitionId, Kept>, Failure> {
        match self {
            View::File(view) => all_files(view).map_err(failure),
            View::Blob(store) => match all_blobs(store).await {
                Err(error) if is_missing(&error) => Ok(BTreeMap::new()),
                result => result.map_err(|error| failure(error.into())),
            },
        }
    }

    /// What stands there of one partition.
    pub(super) async fn load(&self, partition: &PartitionId) -> Result<Option<Checkpoint>, Error> {
        match self {
            View::File(view) => view.load(partition),
            View::Blob(store) => match store.load(partition).await {
                Err(error) if is_missing(&error) => Ok(None),
                result => Ok(result?),
            },
        }
    }
}

/// The failure of a store: what cannot be reached or refuses is a peer, what cannot be used is state.
pub(super) fn failure(error: Error) -> Failure {
    match &error {
        Error::Blob(blob::Error::Invalid { .. }) => Failure::State(error.into()),
        Error::Blob(_) => Failure::Peer(error.into()),
        _ => Failure::State(error.into()),
    }
}

/// Whether an error says that a checkpoint is there which cannot be understood.
pub(super) fn is_invalid(error: &Error) -> bool {
    matches!(
        error,
        Error::Invalid { .. } | Error::Blob(blob::Error::Invalid { .. })
    )
}

fn all_files(view: &FileView) -> Result<BTreeMap<PartitionId, Kept>, Error> {
    let kept = |(partition, checkpoint)| {
        let kept = Kept {
            checkpoint,
            stored_at: view.stored_at(&partition),
            owner: None,
        };
        (partition, kept)
    };
    Ok(view.load_all()?.into_iter().map(kept).collect())
}

async fn all_blobs(store: &BlobStore) -> Result<BTreeMap<PartitionId, Kept>, blob::Error> {
    let checkpoints = store.load_all().await?;
    let times = store.stored_at().await?;
    let owners = store.list_ownership().await?.ownerships.into_iter();
    let mut owners: BTreeMap<_, _> = owners
        .filter(|ownership| !ownership.owner_id.is_empty())
        .map(|ownership| (ownership.partition, ownership.owner_id))
        .collect();
    let kept = |(partition, checkpoint)| {
        let kept = Kept {
            checkpoint,
            stored_at: times.get(&partition).copied(),
            owner: owners.remove(&partition),
        };
        (partition, kept)
    };
    Ok(checkpoints.into_iter().map(kept).collect())
}

/// A container that nobody made yet has no checkpoints.
fn is_missing(error: &blob::Error) -> bool {
    matches!(error, blob::Error::NoContainer { .. })
}
