//! Checkpoints in a directory, looked at while another process may be at work with them.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use super::file::{CHECKPOINTS, SUFFIX, Scope, component, modified, read, read_all};
use super::{Checkpoint, Error};
use crate::event::{PartitionId, Timestamp};

/// The checkpoints of one consumer group, without their lock: nothing is made, removed or written.
///
/// Each file is replaced as a whole, so each checkpoint is one that stood there; together they may be of different moments.
#[derive(Debug, Clone)]
pub struct FileView {
    checkpoints: PathBuf,
}

impl FileView {
    /// A view of the group that `scope` names under `directory`, whether or not there is one.
    pub fn new(directory: &Path, scope: Scope<'_>) -> Result<Self, Error> {
        let group = scope.path_in(directory)?;
        Ok(Self {
            checkpoints: group.join(CHECKPOINTS),
        })
    }

    /// The checkpoint of one partition; `None` if there is no file. Blocks.
    pub fn load(&self, partition: &PartitionId) -> Result<Option<Checkpoint>, Error> {
        read(&self.path(partition)?)
    }

    /// Every checkpoint of the group; none if there is no directory. Blocks.
    pub fn load_all(&self) -> Result<BTreeMap<PartitionId, Checkpoint>, Error> {
        match self.checkpoints.is_dir() {
            true => read_all(&self.checkpoints),
            false => Ok(BTreeMap::new()),
        }
    }

    /// When the checkpoint of a partition was stored, by the machine's clock; `None` if that is not known. Blocks.
    pub fn stored_at(&self, partition: &PartitionId) -> Option<Timestamp> {
        modified(&self.path(partition).ok()?)
    }

    /// Directory of the checkpoints.
    pub fn directory(&self) -> &Path {
        &self.checkpoints
    }

    fn path(&self, partition: &PartitionId) -> Result<PathBuf, Error> {
        let name = component("partition", partition.as_str())?;
        Ok(self.checkpoints.join(name + SUFFIX))
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;
    use crate::checkpoint::FileStore;
    use crate::checkpoint::layout::VERSION;
    use crate::event::{Offset, SequenceNumber};

    /// Scenario: a store is held by a process; another one looks, before and after the first checkpoint.
    /// Guarantees: the look needs no lock and makes no directory.
    #[tokio::test]
    async fn looks_beside_the_holder_of_the_lock() {
        let directory = tempfile::tempdir().expect("a temporary directory can be made");
        let scope = Scope {
            namespace: "contoso.servicebus.windows.net",
            port: None,
            hub: "Defender",
            consumer_group: "$Default",
        };
        let view = FileView::new(directory.path(), scope).expect("the names are fine");
        assert!(view.load_all().expect("nothing is no error").is_empty());
        assert_eq!(fs::read_dir(directory.path()).expect("it is there").count(), 0);

        let store = FileStore::open(directory.path(), scope).expect("it can be opened");
        let partition = PartitionId::new("3");
        let checkpoint = Checkpoint {
            version: VERSION,
            sequence_number: SequenceNumber(17),
            offset: Offset::new("4096"),
            enqueued_time: Timestamp::from_millis(5),
            hub_created_at: Some(Timestamp::from_millis(3)),
            stored_at: None,
            targets: BTreeMap::new(),
        };
        let before = Timestamp::now();
        store
            .store(&partition, &checkpoint)
            .await
            .expect("it can be stored");
        let all = view.load_all().expect("it can be read");
        assert_eq!(all, BTreeMap::from([(partition.clone(), checkpoint)]));
        let stored_at = view.stored_at(&partition).expect("the file has a time");
        // File systems may keep whole seconds only.
        assert!(stored_at.millis_since(before).abs() < 10_000, "{stored_at}");
        assert_eq!(view.stored_at(&PartitionId::new("4")), None);
    }
}
