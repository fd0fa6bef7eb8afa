//! The memories of all targets, and the file that keeps them.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::file::{self, Error, StateFile};
use super::items::Changes;
use super::memory::LastDelivered;
use crate::telemetry::Metrics;

/// Items written with one commit; bounds the memory a commit takes.
const MAX_COMMIT_ITEMS: usize = 8192;

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
        targets: &[Arc<str>],
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
                let (changes, result) = commit(taken, self.path.clone(), Arc::clone(target), changes).await;
                match result {
                    Ok(committed) => *file = Some(committed),
                    Err(error) => {
                        memory.give_back(changes);
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
) -> (Changes, Result<Arc<StateFile>, Error>) {
    let work = move || {
        let result = file
            .map_or_else(|| StateFile::reopen(&path).map(Arc::new), Ok)
            .and_then(|file| file.commit(&target, &changes).map(|()| file));
        (changes, result)
    };
    tokio::task::spawn_blocking(work)
        .await
        .expect("work on the file of last deliveries does not panic and is not cancelled")
}
