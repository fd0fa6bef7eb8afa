//! What the bridge and the receivers left on disk.

use std::fs::{self, File};
use std::io::{Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use hub2siem::checkpoint::Checkpoint;

/// Reads complete lines as a file grows.
#[derive(Debug)]
pub struct Tail {
    path: PathBuf,
    offset: u64,
    rest: Vec<u8>,
}

impl Tail {
    pub fn new(path: PathBuf) -> Self {
        Self {
            path,
            offset: 0,
            rest: Vec::new(),
        }
    }

    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The lines completed since the last call. A file that is not there yet has none.
    pub fn lines(&mut self) -> Vec<Vec<u8>> {
        let Ok(mut file) = File::open(&self.path) else {
            return Vec::new();
        };
        file.seek(SeekFrom::Start(self.offset))
            .expect("files can be sought");
        let before = self.rest.len();
        file.read_to_end(&mut self.rest).expect("the file is ours");
        self.offset += (self.rest.len() - before) as u64;
        let Some(end) = self.rest.iter().rposition(|byte| *byte == b'\n') else {
            return Vec::new();
        };
        let lines = self.rest[..end]
            .split(|byte| *byte == b'\n')
            .map(<[u8]>::to_vec)
            .collect();
        self.rest.drain(..=end);
        lines
    }
}

/// A stored position.
#[derive(Debug, Clone)]
pub struct Stored {
    pub consumer_group: String,
    pub partition: u32,
    pub checkpoint: Checkpoint,
}

/// Every checkpoint below `<state>/<namespace>/<hub>/<group>/checkpoint`.
pub fn checkpoints(state: &Path) -> Vec<Stored> {
    let mut stored = Vec::new();
    for group in groups(state) {
        for path in list(&group.join("checkpoint")) {
            let file = name(&path);
            let Some(partition) = file.strip_suffix(".json") else {
                continue;
            };
            let text = fs::read(&path).expect("a checkpoint is replaced in one step");
            stored.push(Stored {
                consumer_group: name(&group),
                partition: partition.parse().expect("partitions have numbers"),
                checkpoint: serde_json::from_slice(&text).expect("a checkpoint is never torn"),
            });
        }
    }
    stored
}

/// Lets no checkpoint say of which hub it is, as other consumers leave them, stored at `stored_at`.
pub fn forget_hub(state: &Path, stored_at: SystemTime) {
    for path in groups(state)
        .iter()
        .flat_map(|group| list(&group.join("checkpoint")))
    {
        let text = fs::read(&path).expect("it can be read");
        let mut checkpoint: Checkpoint = serde_json::from_slice(&text).expect("it is a checkpoint");
        checkpoint.hub_created_at = None;
        let text = serde_json::to_vec(&checkpoint).expect("it can be written");
        fs::write(&path, text).expect("the directory is writable");
        let file = File::options().write(true).open(&path).expect("it is there");
        file.set_modified(stored_at).expect("files have times");
    }
}

fn groups(state: &Path) -> Vec<PathBuf> {
    let hubs = list(state).into_iter().flat_map(|namespace| list(&namespace));
    hubs.flat_map(|hub| list(&hub)).collect()
}

/// What is in a directory, in name order; nothing if there is none.
pub fn list(directory: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(directory).into_iter().flatten();
    let mut paths: Vec<PathBuf> = entries.filter_map(|entry| Some(entry.ok()?.path())).collect();
    paths.sort();
    paths
}

fn name(path: &Path) -> String {
    path.file_name()
        .expect("it is below a directory")
        .to_string_lossy()
        .into_owned()
}
