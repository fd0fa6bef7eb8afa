//! The directory of dead letters: one file of JSON lines for each day, a lock, and a limit.

use std::fs::{self, File, TryLockError};
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::config;
use crate::durable::{LineFile, directory, line_file};
use crate::event::Timestamp;

/// End of the names of the files; what else lies in the directory is left alone and not counted.
const SUFFIX: &str = ".jsonl";

/// Name of the file that is locked.
const LOCK: &str = "lock";

/// The directory, locked against a second writer.
#[derive(Debug)]
pub struct Directory {
    settings: config::File,
    today: LineFile,
    bytes: u64,
    _lock: File,
}

/// Nothing was written; what was to be written can be tried again.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The directory cannot be made, locked or read.
    #[error("failed to {operation} the dead letters in `{}`", path.display())]
    Directory {
        /// What was tried.
        operation: &'static str,
        /// The directory.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// Another process writes there.
    #[error("the dead letters in `{}` are written by another process", path.display())]
    Locked {
        /// The directory.
        path: PathBuf,
    },
    /// A file cannot be written.
    #[error(transparent)]
    File(#[from] line_file::Error),
    /// The files reached the configured limit.
    #[error("the dead letters in `{}` have reached their limit of {limit}", path.display())]
    Limit {
        /// The directory.
        path: PathBuf,
        /// `dead_letter.file.limit`.
        limit: crate::config::ByteSize,
    },
}

impl Error {
    /// The next step for the operator, one line.
    pub fn hint(&self) -> &'static str {
        match self {
            Error::Limit { .. } => {
                "look at the dead letters, move old files away, or raise `dead_letter.file.limit`"
            }
            Error::Locked { .. } => "stop the other process, or give this one a directory of its own",
            Error::Directory { .. } | Error::File(_) => {
                "check that the directory can be written by this user, and that the disk is not full"
            }
        }
    }
}

impl Directory {
    /// Makes the directory, takes its lock, repairs today's file and counts what is there. Blocks.
    pub fn open(settings: &config::File) -> Result<Self, Error> {
        let path = &settings.directory;
        directory::create(path).map_err(|source| error("make the directory of", path, source))?;
        let lock = lock(path)?;
        let mut opened = Self {
            settings: settings.clone(),
            today: LineFile::new(path.join(file_name(Timestamp::now()))),
            bytes: 0,
            _lock: lock,
        };
        if opened.today.path().exists() {
            opened.today.open()?;
        }
        opened.count()?;
        Ok(opened)
    }

    /// Brings `lines` to disk, in the file of the day `now`, unless that would pass the limit. All or nothing.
    pub fn append(&mut self, lines: &[u8], now: Timestamp) -> Result<(), Error> {
        let added = lines.len() as u64;
        if self.bytes + added > self.settings.limit.0 {
            // Somebody may have made room since the last count.
            self.count()?;
        }
        if self.bytes + added > self.settings.limit.0 {
            return Err(Error::Limit {
                path: self.settings.directory.clone(),
                limit: self.settings.limit,
            });
        }
        let path = self.settings.directory.join(file_name(now));
        if self.today.path() != path {
            self.today = LineFile::new(path);
        }
        self.today.append(lines)?;
        self.bytes += added;
        Ok(())
    }

    /// Counts the bytes of all files anew.
    pub fn count(&mut self) -> Result<u64, Error> {
        let files = files(&self.settings.directory)?;
        self.bytes = files.iter().map(|(_, bytes)| bytes).sum();
        Ok(self.bytes)
    }

    /// Bytes in all files, by the last count and what was written since.
    pub fn bytes(&self) -> u64 {
        self.bytes
    }

    /// Names of the files whose day ended longer ago than `age`, oldest first.
    pub fn older_than_age(&self, now: Timestamp) -> Result<Vec<String>, Error> {
        let age = self.settings.age.get() + Duration::from_secs(24 * 60 * 60);
        let age_millis = i64::try_from(age.as_millis()).unwrap_or(i64::MAX);
        let newest = file_name(Timestamp::from_millis(now.as_millis().saturating_sub(age_millis)));
        let mut names: Vec<_> = files(&self.settings.directory)?
            .into_iter()
            .map(|(name, _)| name)
            .filter(|name| *name < newest)
            .collect();
        names.sort();
        Ok(names)
    }

    /// Where the files are.
    pub fn path(&self) -> &Path {
        &self.settings.directory
    }
}

/// `2024-11-08.jsonl`: sorts by day.
fn file_name(now: Timestamp) -> String {
    let time = now.to_string();
    let day = time.split('T').next().unwrap_or(&time);
    format!("{day}{SUFFIX}")
}

fn files(path: &Path) -> Result<Vec<(String, u64)>, Error> {
    let measure = |name: String| {
        let length = fs::metadata(path.join(&name))?.len();
        Ok((name, length))
    };
    file_names(path)
        .and_then(|names| names.into_iter().map(measure).collect())
        .map_err(|source| error("count", path, source))
}

/// Names of the files with dead letters in the directory `path`, in any order.
pub fn file_names(path: &Path) -> io::Result<Vec<String>> {
    let mut names = Vec::new();
    for entry in fs::read_dir(path)? {
        let name = entry?.file_name().to_string_lossy().into_owned();
        if name.ends_with(SUFFIX) {
            names.push(name);
        }
    }
    Ok(names)
}

fn lock(path: &Path) -> Result<File, Error> {
    let file = File::options()
        .create(true)
        .append(true)
        .open(path.join(LOCK))
        .map_err(|source| error("lock", path, source))?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => Err(Error::Locked {
            path: path.to_owned(),
        }),
        Err(TryLockError::Error(source)) => Err(error("lock", path, source)),
    }
}

fn error(operation: &'static str, path: &Path, source: io::Error) -> Error {
    Error::Directory {
        operation,
        path: path.to_owned(),
        source,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::ByteSize;

    const DAY: i64 = 86_400_000;

    fn settings(path: &Path, limit: u64) -> config::File {
        config::File {
            directory: path.to_owned(),
            limit: ByteSize(limit),
            age: crate::config::Duration::from_secs(30 * 86_400),
        }
    }

    #[test]
    fn each_day_has_its_file_and_the_limit_counts_all() {
        let root = tempfile::tempdir().expect("a temporary directory can be made");
        let mut letters = Directory::open(&settings(root.path(), 10)).expect("it can be opened");
        letters
            .append(b"one\n", Timestamp::from_millis(0))
            .expect("there is room");
        letters
            .append(b"two\n", Timestamp::from_millis(DAY))
            .expect("there is room");
        let error = letters
            .append(b"three\n", Timestamp::from_millis(DAY))
            .expect_err("the limit");
        assert!(matches!(error, Error::Limit { .. }), "{error}");
        let second = root.path().join("1970-01-02.jsonl");
        assert_eq!(fs::read(&second).expect("it is there"), b"two\n");
        fs::remove_file(root.path().join("1970-01-01.jsonl")).expect("it is there");
        letters
            .append(b"three\n", Timestamp::from_millis(DAY))
            .expect("room was made");
        assert_eq!(letters.bytes(), 10);
    }

    #[test]
    fn tells_what_is_old() {
        let root = tempfile::tempdir().expect("a temporary directory can be made");
        let mut letters = Directory::open(&settings(root.path(), 1_000)).expect("it can be opened");
        for day in [0, 1, 30] {
            letters
                .append(b"x\n", Timestamp::from_millis(day * DAY))
                .expect("there is room");
        }
        let old = |day: i64| {
            letters
                .older_than_age(Timestamp::from_millis(day * DAY))
                .expect("it can be listed")
        };
        assert_eq!(old(31), Vec::<String>::new());
        assert_eq!(old(32), ["1970-01-01.jsonl"]);
        assert_eq!(old(33), ["1970-01-01.jsonl", "1970-01-02.jsonl"]);
    }

    #[test]
    fn a_second_writer_is_refused() {
        let root = tempfile::tempdir().expect("a temporary directory can be made");
        let _first = Directory::open(&settings(root.path(), 10)).expect("it can be opened");
        let error = Directory::open(&settings(root.path(), 10)).expect_err("it is locked");
        assert!(matches!(error, Error::Locked { .. }), "{error}");
    }
}
