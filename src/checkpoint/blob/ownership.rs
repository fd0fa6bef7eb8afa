//! The requests by which instances share partitions: list, claim, renew, relinquish, confirm.

use std::collections::HashMap;
use std::sync::Arc;

use super::client::Written;
use super::store::{BlobStore, partition_in};
use super::{Error, Etag};
use crate::event::{PartitionId, Timestamp};

const LIST: &str = "list the ownerships in";
const CLAIM: &str = "claim the partition with";
const RELINQUISH: &str = "give up the partition with";
const CONFIRM: &str = "read the ownership";

const OWNER_ID: &str = "ownerid";

/// One ownership as listed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ownership {
    /// Of which partition.
    pub partition: PartitionId,
    /// Who has it; empty if nobody.
    pub owner_id: String,
    /// Its version.
    pub etag: Etag,
    /// When it was written last, by the service's clock, in whole seconds.
    pub last_modified: Timestamp,
}

/// All ownerships of a group, and the service's clock when they were listed, so that expiry needs no clock of ours.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Listing {
    /// In the order of the service, which is that of names.
    pub ownerships: Vec<Ownership>,
    /// In whole seconds.
    pub server_time: Timestamp,
}

/// End of a claim.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Claimed {
    /// The partition is ours, at this version of its ownership.
    Won(Etag),
    /// Somebody else was first, or the ownership is gone.
    LostTo,
}

/// The name of a process among others: its machine, and a random part that a restart changes.
pub fn new_owner_id() -> Arc<str> {
    let host = std::fs::read_to_string("/proc/sys/kernel/hostname").unwrap_or_default();
    // It goes into a header.
    let host: String = host
        .trim()
        .chars()
        .filter(|character| character.is_ascii_graphic())
        .collect();
    format!("{host}-{}", uuid::Uuid::new_v4()).into()
}

impl BlobStore {
    /// Who we are.
    pub fn owner_id(&self) -> &str {
        &self.0.owner_id
    }

    /// Every ownership of the group, also those that are over or free.
    pub async fn list_ownership(&self) -> Result<Listing, Error> {
        let prefix = self.0.names.ownerships();
        let list = self.client().list(LIST, &prefix).await?;
        let ownerships = list.blobs.into_iter().filter_map(|mut blob| {
            Some(Ownership {
                partition: partition_in(&blob.name, &prefix)?,
                owner_id: blob.metadata.remove(OWNER_ID).unwrap_or_default(),
                etag: blob.etag,
                last_modified: blob.last_modified,
            })
        });
        Ok(Listing {
            ownerships: ownerships.collect(),
            server_time: list.server_time,
        })
    }

    /// Takes a partition: a new one with `None`, else the one whose ownership is still at `expected`, which renews ours and
    /// steals that of another.
    pub async fn claim(&self, partition: &PartitionId, expected: Option<&Etag>) -> Result<Claimed, Error> {
        let name = self.0.names.ownership(partition);
        let ours = owned_by(&self.0.owner_id);
        let written = match expected {
            Some(etag) => self.client().replace(CLAIM, &name, &ours, etag).await?,
            None => self.client().create(CLAIM, &name, &ours).await?,
        };
        match written {
            Written::Done(etag) => {
                self.note_ownership(partition, Some(etag.clone()));
                Ok(Claimed::Won(etag))
            }
            Written::Missing => {
                self.note_ownership(partition, None);
                Ok(Claimed::LostTo)
            }
            // A try whose answer was lost may have been the one that won.
            Written::Conflict => match self.read_ownership(partition).await? {
                Some(etag) => Ok(Claimed::Won(etag)),
                None => Ok(Claimed::LostTo),
            },
        }
    }

    /// Frees a partition of ours for the others, at once. That it was lost meanwhile is no error.
    pub async fn relinquish(&self, partition: &PartitionId) -> Result<(), Error> {
        let Some(etag) = self.owned(partition) else {
            return Ok(());
        };
        let name = self.0.names.ownership(partition);
        let nobody = owned_by("");
        let written = self.client().replace(RELINQUISH, &name, &nobody, &etag).await?;
        // A try whose answer was lost makes the next one a conflict too; either way it is not ours now.
        if !matches!(written, Written::Done(_)) {
            tracing::debug!(partition = %partition, "ownership was lost before it was given up");
        }
        self.note_ownership(partition, None);
        Ok(())
    }

    /// The version of our ownership, as far as we know: set by a claim, cleared when it is lost or given up.
    pub fn owned(&self, partition: &PartitionId) -> Option<Etag> {
        self.lock().get(partition)?.ownership.clone()
    }

    /// Asks whether a partition is ours. `false`: it is not, and is forgotten.
    pub async fn confirm_ownership(&self, partition: &PartitionId) -> Result<bool, Error> {
        Ok(self.read_ownership(partition).await?.is_some())
    }

    /// The version of our ownership as it stands in the store.
    async fn read_ownership(&self, partition: &PartitionId) -> Result<Option<Etag>, Error> {
        let name = self.0.names.ownership(partition);
        let blob = self.client().read(CONFIRM, &name).await?;
        let ours =
            blob.filter(|blob| blob.metadata.get(OWNER_ID).map(String::as_str) == Some(self.owner_id()));
        let etag = ours.map(|blob| blob.etag);
        self.note_ownership(partition, etag.clone());
        Ok(etag)
    }

    fn note_ownership(&self, partition: &PartitionId, etag: Option<Etag>) {
        self.lock().entry(partition.clone()).or_default().ownership = etag;
    }
}

fn owned_by(owner_id: &str) -> HashMap<String, String> {
    HashMap::from([(OWNER_ID.to_owned(), owner_id.to_owned())])
}
