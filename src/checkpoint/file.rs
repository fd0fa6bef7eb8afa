//! Checkpoints in a local directory, one file for each partition.

use std::collections::BTreeMap;
use std::fs::{self, File, TryLockError};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::SystemTime;

use serde::Deserialize;

use super::layout::VERSION;
use super::{Checkpoint, Error};
use crate::durable::{FileError, directory, replace};
use crate::event::{PartitionId, Timestamp};

/// End of the name of every checkpoint.
pub(super) const SUFFIX: &str = ".json";

/// Name of the directory of the checkpoints within that of their group.
pub(super) const CHECKPOINTS: &str = "checkpoint";

/// Name of the file that is locked, beside the directory of the checkpoints.
const LOCK: &str = "lock";

/// The checkpoints of one consumer group under `<directory>/<host>/<hub>/<group>/checkpoint/`, all lower case.
///
/// The group is locked against a second process for as long as a clone of the store lives.
#[derive(Debug, Clone)]
pub struct FileStore {
    checkpoints: PathBuf,
    _lock: Arc<File>,
}

/// Whose checkpoints these are.
#[derive(Debug, Clone, Copy)]
pub struct Scope<'s> {
    /// Fully qualified name of the namespace, without port.
    pub namespace: &'s str,
    /// Its port, where it is not the default.
    pub port: Option<u16>,
    /// Name of the hub.
    pub hub: &'s str,
    /// Consumer group.
    pub consumer_group: &'s str,
}

impl FileStore {
    /// Makes the directories, takes the lock, and clears what a crash left half written. Blocks.
    pub fn open(directory: &Path, scope: Scope<'_>) -> Result<Self, Error> {
        let group = scope.path_in(directory)?;
        let checkpoints = group.join(CHECKPOINTS);
        directory::create(&checkpoints)
            .map_err(|source| FileError::new("make directory", &checkpoints, source))?;
        let lock = lock(&group)?;
        remove_temporary_files(&checkpoints)?;
        Ok(Self {
            checkpoints,
            _lock: Arc::new(lock),
        })
    }

    /// The checkpoint of one partition; `None` if there is no file.
    pub async fn load(&self, partition: &PartitionId) -> Result<Option<Checkpoint>, Error> {
        let path = self.path(partition)?;
        blocking(move || read(&path)).await
    }

    /// Every checkpoint of the group.
    pub async fn load_all(&self) -> Result<BTreeMap<PartitionId, Checkpoint>, Error> {
        let directory = self.checkpoints.clone();
        blocking(move || read_all(&directory)).await
    }

    /// Replaces the checkpoint of one partition; durable when it returns.
    pub async fn store(&self, partition: &PartitionId, checkpoint: &Checkpoint) -> Result<(), Error> {
        let path = self.path(partition)?;
        let mut content =
            serde_json::to_vec(checkpoint).expect("a checkpoint has text keys and plain values");
        content.push(b'\n');
        blocking(move || {
            replace::replace(&path, &content)
                .map_err(|source| FileError::new("store checkpoint", &path, source).into())
        })
        .await
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

impl Scope<'_> {
    /// The directory of the consumer group below `directory`.
    pub fn path_in(&self, directory: &Path) -> Result<PathBuf, Error> {
        let mut host = component("namespace", self.namespace)?;
        if let Some(port) = self.port {
            host = format!("{host}_{port}");
        }
        Ok(directory
            .join(host)
            .join(component("hub", self.hub)?)
            .join(component("consumer group", self.consumer_group)?))
    }
}

/// One lower-case component of a path; a name that would leave its directory is refused.
pub(super) fn component(what: &'static str, name: &str) -> Result<String, Error> {
    let is_safe = !matches!(name, "" | "." | "..") && !name.contains(['/', '\\', '\0']);
    if !is_safe {
        return Err(Error::Name {
            what,
            name: name.to_owned(),
        });
    }
    Ok(name.to_lowercase())
}

fn lock(group: &Path) -> Result<File, Error> {
    let path = group.join(LOCK);
    let file = File::options()
        .create(true)
        .append(true)
        .open(&path)
        .map_err(|source| FileError::new("open", &path, source))?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => Err(Error::Locked {
            path: group.to_owned(),
        }),
        Err(TryLockError::Error(source)) => Err(FileError::new("lock", &path, source).into()),
    }
}

fn remove_temporary_files(directory: &Path) -> Result<(), Error> {
    for path in entries(directory)? {
        if path.to_string_lossy().ends_with(replace::TEMPORARY_SUFFIX) {
            fs::remove_file(&path).map_err(|source| FileError::new("remove half-written", &path, source))?;
        }
    }
    Ok(())
}

/// Every checkpoint in `directory`.
pub(super) fn read_all(directory: &Path) -> Result<BTreeMap<PartitionId, Checkpoint>, Error> {
    let mut checkpoints = BTreeMap::new();
    for path in entries(directory)? {
        let name = path
            .file_name()
            .and_then(|name| name.to_str())
            .unwrap_or_default();
        if name.ends_with(replace::TEMPORARY_SUFFIX) {
            continue;
        }
        let Some(partition) = name.strip_suffix(SUFFIX) else {
            return Err(invalid(&path, "its name does not end with `.json`"));
        };
        if let Some(checkpoint) = read(&path)? {
            checkpoints.insert(PartitionId::new(partition), checkpoint);
        }
    }
    Ok(checkpoints)
}

fn entries(directory: &Path) -> Result<Vec<PathBuf>, Error> {
    fs::read_dir(directory)
        .and_then(|entries| entries.map(|entry| entry.map(|entry| entry.path())).collect())
        .map_err(|source| FileError::new("list", directory, source).into())
}

/// One checkpoint; `None` if there is no file.
pub(super) fn read(path: &Path) -> Result<Option<Checkpoint>, Error> {
    match fs::read(path) {
        Ok(content) => Ok(Some(parse(path, &content)?.stored_at(modified(path)))),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(source) => Err(FileError::new("read checkpoint", path, source).into()),
    }
}

/// When a file was written, by the clock of this machine.
pub(super) fn modified(path: &Path) -> Option<Timestamp> {
    let modified = fs::metadata(path).ok()?.modified().ok()?;
    let since = modified.duration_since(SystemTime::UNIX_EPOCH).ok()?;
    i64::try_from(since.as_millis()).ok().map(Timestamp::from_millis)
}

/// The version first: a later layout must be called that, not torn.
#[derive(Deserialize)]
struct Versioned {
    version: u64,
}

fn parse(path: &Path, content: &[u8]) -> Result<Checkpoint, Error> {
    let Versioned { version } =
        serde_json::from_slice(content).map_err(|error| invalid(path, &error.to_string()))?;
    if version != u64::from(VERSION) {
        return Err(Error::Version {
            path: path.to_owned(),
            found: version,
            known: VERSION,
        });
    }
    let checkpoint: Checkpoint =
        serde_json::from_slice(content).map_err(|error| invalid(path, &error.to_string()))?;
    if checkpoint.sequence_number.0 < -1 {
        return Err(invalid(path, "its sequence number is below -1"));
    }
    Ok(checkpoint)
}

async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, Error> + Send + 'static,
) -> Result<T, Error> {
    tokio::task::spawn_blocking(work)
        .await
        .expect("work on checkpoint files does not panic and is not cancelled")
}

fn invalid(path: &Path, detail: &str) -> Error {
    Error::Invalid {
        path: path.to_owned(),
        detail: detail.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::{Offset, SequenceNumber};

    const SCOPE: Scope<'static> = Scope {
        namespace: "Contoso.ServiceBus.windows.net",
        port: None,
        hub: "Defender",
        consumer_group: "$Default",
    };

    fn checkpoint(sequence_number: i64) -> Checkpoint {
        Checkpoint {
            version: VERSION,
            sequence_number: SequenceNumber(sequence_number),
            offset: Offset::new("1:2:3"),
            enqueued_time: Timestamp::from_millis(1_700_000_000_123),
            hub_created_at: Some(Timestamp::from_millis(1_600_000_000_456)),
            stored_at: None,
            targets: BTreeMap::new(),
        }
    }

    fn open(directory: &Path) -> FileStore {
        FileStore::open(directory, SCOPE).expect("the store can be opened")
    }

    /// Scenario: a checkpoint is stored twice, then another process starts.
    /// Guarantees: it stands under the documented path with the documented content, and the newer one is read.
    #[tokio::test]
    async fn what_is_stored_is_loaded() {
        let directory = tempfile::tempdir().expect("a temporary directory can be made");
        let partition = PartitionId::new("10");
        let store = open(directory.path());
        assert_eq!(store.load(&partition).await.expect("it can be read"), None);
        for number in [3, 4711] {
            store
                .store(&partition, &checkpoint(number))
                .await
                .expect("it can be stored");
        }
        drop(store);
        let path = directory
            .path()
            .join("contoso.servicebus.windows.net/defender/$default/checkpoint/10.json");
        let text = fs::read_to_string(path).expect("the file is there");
        insta::assert_snapshot!(text.trim_end(), @r#"{"version":1,"sequence_number":4711,"offset":"1:2:3","enqueued_time":"2023-11-14T22:13:20.123Z","hub_created_at":"2020-09-13T12:26:40.456Z","targets":{}}"#);
        let all = open(directory.path()).load_all().await.expect("it can be read");
        assert_eq!(all, BTreeMap::from([(partition, checkpoint(4711))]));
    }

    #[test]
    fn a_second_process_is_refused() {
        let directory = tempfile::tempdir().expect("a temporary directory can be made");
        let first = open(directory.path());
        let error = FileStore::open(directory.path(), SCOPE).expect_err("it is locked");
        assert!(matches!(error, Error::Locked { .. }), "{error}");
        let other = Scope {
            consumer_group: "other",
            ..SCOPE
        };
        FileStore::open(directory.path(), other).expect("another group has its own lock");
        drop(first);
        open(directory.path());
    }

    #[tokio::test]
    async fn nothing_strange_is_taken_for_a_fresh_start() {
        let cases = [
            ("0.json", "", "is no checkpoint"),
            ("0.json", r#"{"version":1,"sequence_nu"#, "is no checkpoint"),
            ("0.json", r#"{"hello":"world"}"#, "is no checkpoint"),
            ("0.json", "[1, 2]", "is no checkpoint"),
            ("0.json", r#"{"version":2,"anything":true}"#, "has version 2"),
            (
                "0.json",
                r#"{"version":1,"sequence_number":1,"offset":"1","enqueued_time":"2024-01-01T00:00:00Z","hub_created_at":null,"targets":{},"owner":"x"}"#,
                "owner",
            ),
            (
                "0.json",
                r#"{"version":1,"sequence_number":-2,"offset":"1","enqueued_time":"2024-01-01T00:00:00Z","hub_created_at":null,"targets":{}}"#,
                "below -1",
            ),
            ("notes.txt", "hello", "does not end with"),
        ];
        for (name, content, expected) in cases {
            let directory = tempfile::tempdir().expect("a temporary directory can be made");
            let store = open(directory.path());
            fs::write(store.directory().join(name), content).expect("it can be written");
            let error = store.load_all().await.expect_err(content).to_string();
            assert!(error.contains(expected) && error.contains(name), "{error}");
            if name == "0.json" {
                store.load(&PartitionId::new("0")).await.expect_err(content);
            }
        }
    }

    /// Scenario: a crash came while a checkpoint was being written.
    /// Guarantees: the one before it is read, and the half-written one is gone.
    #[tokio::test]
    async fn a_torn_temporary_file_is_cleared() {
        let directory = tempfile::tempdir().expect("a temporary directory can be made");
        let partition = PartitionId::new("0");
        let store = open(directory.path());
        store
            .store(&partition, &checkpoint(7))
            .await
            .expect("it can be stored");
        let torn = store.directory().join("0.json.tmp");
        fs::write(&torn, r#"{"version":1,"#).expect("it can be written");
        drop(store);
        let store = open(directory.path());
        assert!(!torn.exists());
        assert_eq!(
            store.load(&partition).await.expect("it can be read"),
            Some(checkpoint(7))
        );
    }

    #[test]
    fn names_stay_in_their_directory() {
        for name in ["", ".", "..", "../up", "a/b", "a\\b"] {
            let scope = Scope { hub: name, ..SCOPE };
            let error = scope.path_in(Path::new("state")).expect_err(name);
            assert!(matches!(error, Error::Name { what: "hub", .. }), "{error}");
        }
        let scope = Scope {
            port: Some(5672),
            namespace: "localhost",
            ..SCOPE
        };
        let path = scope.path_in(Path::new("state")).expect("the names are fine");
        assert_eq!(path, Path::new("state/localhost_5672/defender/$default"));
    }
}
