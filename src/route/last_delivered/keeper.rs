//! The memories of all targets, and the file that keeps them.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::file::{self, Error, StateFile};
use super::items::Changes;
use super::memory::LastDelivered;
use crate::event::Timestamp;
use crate::telemetry::Metrics;

/// Items written with one commit; bounds the memory a commit takes.
const MAX_COMMIT_ITEMS: usize = 8192;

/// A target that remembers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Remembering {
    /// Its name.
    pub name: Arc<str>,
    /// Enqueued time of the newest event that a checkpoint of its consumer group passed. Where the file has nothing of
    /// the target, records up to then were delivered and not noted, so an older one that comes again says nothing.
    pub settled_until: Option<Timestamp>,
}

/// What the targets with `snapshots: changes_only` last delivered.
#[derive(Debug)]
pub struct Keeper {
    path: PathBuf,
    targets: BTreeMap<Arc<str>, Arc<LastDelivered>>,
    /// Held from taking what changed until it is on disk: a flush must not return while another has its changes. `None`
    /// after a failure, which a store does not survive.
    file: tokio::sync::Mutex<Option<Arc<StateFile>>>,
}

impl Keeper {
    /// Opens and locks the file in `directory` and reads what it has of `targets`; `items` each at most. Blocks.
    ///
    /// What the file has of other targets is removed: nothing notes any more what they deliver. A damaged file is put
    /// aside, which is logged, and the memory starts empty.
    ///
    /// Errors: at start, each means to stop with exit code 74.
    pub fn open(
        directory: &Path,
        targets: &[Remembering],
        items: usize,
        metrics: &Metrics,
    ) -> Result<Self, Error> {
        let path = directory.join(file::NAME);
        let mut memories = BTreeMap::new();
        let mut opened = None;
        if targets.is_empty() {
            file::discard(&path)?;
        } else {
            let (file, contents) = file::open(&path, targets, items)?;
            opened = Some(Arc::new(file));
            for (target, items) in contents {
                let memory = LastDelivered::new(items, metrics, &target);
                memories.insert(target, Arc::new(memory));
            }
        }
        Ok(Self {
            path,
            targets: memories,
            file: tokio::sync::Mutex::new(opened),
        })
    }

    /// The memory of a target, if it has one.
    pub fn target(&self, name: &str) -> Option<&Arc<LastDelivered>> {
        self.targets.get(name)
    }

    /// Completes when all that was noted before the call is on disk.
    ///
    /// Call it after the marks of a checkpoint are taken and before they are stored: then everything the file may lack is
    /// read, delivered and noted again after a restart.
    ///
    /// Errors: what could not be written is kept for the next call; until that succeeds, no checkpoint may move.
    pub async fn flush(&self) -> Result<(), Error> {
        let mut file = self.file.lock().await;
        for (target, memory) in &self.targets {
            loop {
                let changes = memory.take_changed(MAX_COMMIT_ITEMS);
                if changes.is_empty() {
                    break;
                }
                // What is noted while this goes on waits for the next call.
                let is_last = changes.items.len() < MAX_COMMIT_ITEMS;
                let taken = file.take();
                let committed = commit(taken, self.path.clone(), Arc::clone(target), changes).await;
                match committed {
                    Ok(committed) => *file = Some(committed),
                    Err(error) => {
                        // It is opened again, and may be another one then.
                        self.targets.values().for_each(|memory| memory.change_all());
                        return Err(error);
                    }
                }
                if is_last {
                    break;
                }
            }
        }
        Ok(())
    }
}

async fn commit(
    file: Option<Arc<StateFile>>,
    path: PathBuf,
    target: Arc<str>,
    changes: Changes,
) -> Result<Arc<StateFile>, Error> {
    let work = move || {
        let file = match file {
            Some(file) => file,
            None => Arc::new(StateFile::reopen(&path)?),
        };
        file.commit(&target, &changes).map(|()| file)
    };
    tokio::task::spawn_blocking(work)
        .await
        .expect("work on the file of last deliveries does not panic and is not cancelled")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::route::last_delivered::ItemKey;
    use crate::route::last_delivered::remembered::Content;

    fn open(directory: &Path) -> Keeper {
        let target = Remembering {
            name: "soc".into(),
            settled_until: None,
        };
        Keeper::open(directory, &[target], 100, &Metrics::new()).expect("it can be opened")
    }

    fn deliver(keeper: &Keeper, item: &str) {
        let content = Content {
            fingerprint: [1; 16],
            percentage: None,
        };
        let memory = keeper.target("soc").expect("it has a memory");
        let update = memory.begin_if(
            ItemKey::new(item),
            Timestamp::from_millis(1),
            Some(content),
            |_| true,
        );
        update.expect("it is wanted").delivered();
    }

    fn remembered(keeper: &Keeper) -> usize {
        let memory = keeper.target("soc").expect("it has a memory");
        memory.change_all();
        memory.take_changed(100).items.len()
    }

    /// Scenario: the file cannot be written for a while, and when it can again, another one is there, or none.
    /// Guarantees: the failure is returned, so that no checkpoint moves, and later the file holds everything.
    #[tokio::test]
    async fn after_a_failure_the_whole_memory_is_written() {
        let directory = tempfile::tempdir().expect("a temporary directory can be made");
        let mut keeper = open(directory.path());
        deliver(&keeper, "a");
        keeper.flush().await.expect("it can be written");
        let path = std::mem::replace(&mut keeper.path, directory.path().join("missing/file"));
        *keeper.file.lock().await = None;
        deliver(&keeper, "b");
        keeper.flush().await.expect_err("there is no such directory");
        std::fs::remove_file(&path).expect("it can be removed");
        keeper.path = path;
        keeper.flush().await.expect("it can be written again");
        drop(keeper);
        assert_eq!(remembered(&open(directory.path())), 2);
    }
}
