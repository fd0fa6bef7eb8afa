//! Checkpoints of one consumer group in a container.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard};

use super::client::{Blob, Client, Written};
use super::conflict::{self, Verdict};
use super::names::Names;
use super::{Error, Etag, Settings, metadata};
use crate::checkpoint::file::Scope;
use crate::checkpoint::layout::Checkpoint;
use crate::checkpoint::store;
use crate::event::{PartitionId, Timestamp};
use crate::eventhub::Replaceable;

const READ: &str = "read the checkpoint";
const LIST: &str = "list the checkpoints in";
const WRITE: &str = "write the checkpoint";

/// Others write a checkpoint at most once each, when they lose the partition; more is no accident.
const MAX_TRIES: u32 = 4;

/// The checkpoints and ownerships of one consumer group. Clones share what is known of them.
#[derive(Clone)]
pub struct BlobStore(pub(super) Arc<Inner>);

pub(super) struct Inner {
    /// A reload replaces it where a key or a signature was renewed.
    client: Replaceable<Arc<Client>>,
    pub(super) names: Names,
    pub(super) owner_id: Arc<str>,
    known: Mutex<BTreeMap<PartitionId, Known>>,
}

/// Versions of the blobs of one partition, as far as they are known.
#[derive(Debug, Default)]
pub(super) struct Known {
    /// `Some(None)`: there is no checkpoint.
    checkpoint: Option<Option<Etag>>,
    /// What that checkpoint says, where another process wrote it and ours was not further.
    further: Option<Checkpoint>,
    /// While the partition is ours.
    pub(super) ownership: Option<Etag>,
}

impl BlobStore {
    /// Opens the group's checkpoints, and makes the container if it is missing. `owner_id` is this process.
    pub async fn open(settings: &Settings, scope: Scope<'_>, owner_id: Arc<str>) -> Result<Self, Error> {
        let store = Self::new(settings, scope, owner_id)?;
        store.client().create_container().await?;
        Ok(store)
    }

    /// The same for whoever only looks: nothing is asked or made yet.
    pub fn new(settings: &Settings, scope: Scope<'_>, owner_id: Arc<str>) -> Result<Self, Error> {
        Ok(Self(Arc::new(Inner {
            client: Arc::new(Client::new(settings)?).into(),
            names: Names::new(scope),
            owner_id,
            known: Mutex::default(),
        })))
    }

    /// Goes on in the same container with another right, from the next request on.
    pub fn replace(&self, settings: &Settings) -> Result<(), Error> {
        self.0.client.replace(Arc::new(Client::new(settings)?));
        Ok(())
    }

    /// The checkpoint of one partition. Without one, what stands there under the name as it is typed is taken over: some
    /// consumers do not lower the case.
    pub async fn load(&self, partition: &PartitionId) -> Result<Option<Checkpoint>, Error> {
        let (client, names) = (self.client(), &self.0.names);
        let name = names.checkpoint(partition);
        if let Some(blob) = client.read(READ, &name).await? {
            self.note_checkpoint(partition, Some(blob.etag.clone()));
            return checkpoint(&blob).map(Some);
        }
        self.note_checkpoint(partition, None);
        let Some(prefix) = names.checkpoints_as_typed() else {
            return Ok(None);
        };
        let name = prefix + partition.as_str();
        let Some(blob) = client.read(READ, &name).await? else {
            return Ok(None);
        };
        let checkpoint = checkpoint(&blob)?;
        log_adopted(&name, &checkpoint);
        Ok(Some(checkpoint))
    }

    /// Every checkpoint of the group; those that are missing, by their names as they are typed.
    pub async fn load_all(&self) -> Result<BTreeMap<PartitionId, Checkpoint>, Error> {
        let (client, names) = (self.client(), &self.0.names);
        let prefix = names.checkpoints();
        let mut checkpoints = BTreeMap::new();
        for blob in client.list(LIST, &prefix).await?.blobs {
            let Some(partition) = partition_in(&blob.name, &prefix) else {
                continue;
            };
            let checkpoint = checkpoint(&blob)?;
            self.note_checkpoint(&partition, Some(blob.etag));
            checkpoints.insert(partition, checkpoint);
        }
        let Some(prefix) = names.checkpoints_as_typed() else {
            return Ok(checkpoints);
        };
        for blob in client.list(LIST, &prefix).await?.blobs {
            let Some(partition) = partition_in(&blob.name, &prefix) else {
                continue;
            };
            if checkpoints.contains_key(&partition) {
                continue;
            }
            let checkpoint = checkpoint(&blob)?;
            log_adopted(&blob.name, &checkpoint);
            checkpoints.insert(partition, checkpoint);
        }
        Ok(checkpoints)
    }

    /// Replaces the checkpoint of a partition, if it still is what we last saw there.
    ///
    /// Where it is not: `Lost` if the partition is not ours any more; nothing is written if the stored position is as far;
    /// else it is written again.
    pub async fn store(&self, partition: &PartitionId, checkpoint: &Checkpoint) -> Result<(), store::Error> {
        if self.is_behind(partition, checkpoint) {
            return Ok(());
        }
        let name = self.0.names.checkpoint(partition);
        let metadata = metadata::write(checkpoint);
        for _ in 0..MAX_TRIES {
            let etag = self.checkpoint_etag(partition, &name).await?;
            let written = match &etag {
                Some(etag) => match self.client().replace(WRITE, &name, &metadata, etag).await {
                    // Removed while it was in use. Our position is known, so nothing speaks against making both again.
                    Err(Error::NoContainer { .. }) => Written::Missing,
                    written => written?,
                },
                None => self.client().create(WRITE, &name, &metadata).await?,
            };
            match written {
                Written::Done(etag) => {
                    self.note_checkpoint(partition, Some(etag));
                    return Ok(());
                }
                Written::Missing => self.note_checkpoint(partition, None),
                Written::Conflict => match conflict::judge(self, partition, checkpoint).await? {
                    Verdict::Lost => {
                        return Err(store::Error::Lost {
                            partition: partition.clone(),
                        });
                    }
                    Verdict::Behind => return Ok(()),
                    Verdict::Again => {}
                },
            }
        }
        Err(Error::Contended { blob: name }.into())
    }

    /// When each checkpoint of the group was stored, by the service's clock, in whole seconds.
    pub async fn stored_at(&self) -> Result<BTreeMap<PartitionId, Timestamp>, Error> {
        let prefix = self.0.names.checkpoints();
        let blobs = self.client().list(LIST, &prefix).await?.blobs.into_iter();
        let times = blobs.filter_map(|blob| Some((partition_in(&blob.name, &prefix)?, blob.last_modified)));
        Ok(times.collect())
    }

    /// Where the checkpoints are: container and group, for people.
    pub fn describe(&self) -> String {
        format!(
            "{}/{}",
            self.client().address().trim_end_matches('/'),
            self.0.names.group()
        )
    }

    /// The version last seen. A partition whose checkpoint was never read is looked up: a write names what it replaces.
    async fn checkpoint_etag(&self, partition: &PartitionId, name: &str) -> Result<Option<Etag>, Error> {
        let known = self
            .lock()
            .entry(partition.clone())
            .or_default()
            .checkpoint
            .clone();
        if let Some(etag) = known {
            return Ok(etag);
        }
        let blob = self.client().read(READ, name).await?;
        let etag = blob.map(|blob| blob.etag);
        self.note_checkpoint(partition, etag.clone());
        Ok(etag)
    }

    pub(super) fn client(&self) -> Arc<Client> {
        self.0.client.get()
    }

    pub(super) fn note_checkpoint(&self, partition: &PartitionId, etag: Option<Etag>) {
        let mut known = self.lock();
        let known = known.entry(partition.clone()).or_default();
        known.checkpoint = Some(etag);
        known.further = None;
    }

    /// What was just noted is further than what we had to write, and is to stand until ours is.
    pub(super) fn note_further(&self, partition: &PartitionId, stored: Checkpoint) {
        self.lock().entry(partition.clone()).or_default().further = Some(stored);
    }

    fn is_behind(&self, partition: &PartitionId, ours: &Checkpoint) -> bool {
        let known = self.lock();
        let further = known.get(partition).and_then(|known| known.further.as_ref());
        // Only of the same hub for certain: a number of another one might never be reached.
        further.is_some_and(|further| {
            further.hub_created_at.is_some()
                && further.hub_created_at == ours.hub_created_at
                && further.sequence_number >= ours.sequence_number
        })
    }

    pub(super) fn lock(&self) -> MutexGuard<'_, BTreeMap<PartitionId, Known>> {
        self.0.known.lock().expect("no holder of this lock panics")
    }
}

impl fmt::Debug for BlobStore {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "BlobStore({})", self.describe())
    }
}

/// The checkpoint that a blob says, with the time it was stored.
fn checkpoint(blob: &Blob) -> Result<Checkpoint, Error> {
    let checkpoint = metadata::read(&blob.name, &blob.metadata)?;
    Ok(checkpoint.stored_at(Some(blob.last_modified)))
}

/// The partition that a blob is for; `None` for what lies deeper.
pub(super) fn partition_in(name: &str, prefix: &str) -> Option<PartitionId> {
    let partition = name.strip_prefix(prefix)?;
    let is_one = !partition.is_empty() && !partition.contains('/');
    is_one.then(|| PartitionId::new(partition))
}

fn log_adopted(name: &str, checkpoint: &Checkpoint) {
    tracing::info!(
        blob = name,
        sequence_number = %checkpoint.sequence_number,
        "checkpoint taken over from a consumer that does not lower the case of names"
    );
}
