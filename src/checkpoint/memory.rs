//! A store without a disk, which can be told to fail.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard};

use super::{Checkpoint, Error};
use crate::event::PartitionId;

/// Checkpoints in memory; clones share them.
#[derive(Debug, Clone, Default)]
pub struct MemoryStore {
    content: Arc<Mutex<Content>>,
}

#[derive(Debug, Default)]
struct Content {
    checkpoints: BTreeMap<PartitionId, Checkpoint>,
    refused: BTreeSet<PartitionId>,
    stores: u64,
}

impl MemoryStore {
    /// The checkpoint of one partition.
    pub fn load(&self, partition: &PartitionId) -> Option<Checkpoint> {
        self.lock().checkpoints.get(partition).cloned()
    }

    /// Every checkpoint.
    pub fn load_all(&self) -> BTreeMap<PartitionId, Checkpoint> {
        self.lock().checkpoints.clone()
    }

    /// Keeps a checkpoint, unless told to refuse the partition.
    pub fn store(&self, partition: &PartitionId, checkpoint: &Checkpoint) -> Result<(), Error> {
        let mut content = self.lock();
        if content.refused.contains(partition) {
            return Err(Error::Refused {
                partition: partition.clone(),
            });
        }
        content.stores += 1;
        content.checkpoints.insert(partition.clone(), checkpoint.clone());
        Ok(())
    }

    /// Makes further stores of one partition fail, or succeed again.
    pub fn refuse(&self, partition: &PartitionId, is_refused: bool) {
        let mut content = self.lock();
        if is_refused {
            content.refused.insert(partition.clone());
        } else {
            content.refused.remove(partition);
        }
    }

    /// Stores that succeeded so far.
    pub fn stores(&self) -> u64 {
        self.lock().stores
    }

    fn lock(&self) -> MutexGuard<'_, Content> {
        self.content.lock().expect("no holder of this lock panics")
    }
}
