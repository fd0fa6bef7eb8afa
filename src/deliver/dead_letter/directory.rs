//! The directory of dead letters: segments, a lock, and a limit.

use std::fs::{self, File, TryLockError};
use std::io;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use super::segment::{self, Segment};
use super::{Found, config, done, entries};
use crate::durable::{FileError, directory};
use crate::event::Timestamp;

/// Name of the file that is locked.
const LOCK: &str = "lock";

/// A segment is at least so large before the next one begins, and at most; between that, a fraction of the limit, so that
/// there is always something to purge.
const SEGMENT_BYTES: std::ops::RangeInclusive<u64> = 64 << 10..=16 << 20;

/// Segments that fit the limit.
const SEGMENT_FRACTION: u64 = 16;

/// The next one begins after this time at the latest, so that no file grows for weeks.
const SEGMENT_AGE_MILLIS: i64 = 60 * 60 * 1000;

/// What a file of an earlier version covers.
const DAY: Duration = Duration::from_secs(24 * 60 * 60);

/// The directory, locked against a second writer.
#[derive(Debug)]
pub struct Directory {
    settings: config::File,
    /// `None` until the next letter.
    current: Option<Segment>,
    bytes: u64,
    /// When letters were last marked as done.
    marked: Option<SystemTime>,
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
    File(#[from] FileError),
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
                "look at the dead letters, `dead-letters purge` what is done with, or raise `dead_letter.file.limit`"
            }
            Error::Locked { .. } => "stop the other process, or give this one a directory of its own",
            Error::Directory { .. } | Error::File(_) => {
                "check that the directory can be written by this user, and that the disk is not full"
            }
        }
    }
}

impl Directory {
    /// Makes the directory, takes its lock and counts what is there. Blocks.
    pub fn open(settings: &config::File) -> Result<Self, Error> {
        let path = &settings.directory;
        directory::create(path).map_err(|source| error("make the directory of", path, source))?;
        let lock = lock(path)?;
        let mut opened = Self {
            settings: settings.clone(),
            current: None,
            bytes: 0,
            marked: done::changed(path),
            _lock: lock,
        };
        opened.count()?;
        opened.look_at_the_end();
        Ok(opened)
    }

    /// Says what a crash left at the end of the newest file. Nothing is added to that file, so it hides nothing.
    fn look_at_the_end(&self) {
        let newest = self.names().ok().and_then(|mut names| names.pop());
        let Some(path) = newest.map(|name| self.settings.directory.join(name)) else {
            return;
        };
        let read = entries::read_file(&path, &mut |found| {
            match found {
                Found::Entry(_) => {}
                Found::Torn(torn) => tracing::warn!(
                    path = %path.display(),
                    offset = torn.offset,
                    bytes = torn.bytes,
                    "the last dead letter was not written to its end and is passed over; its record is read again"
                ),
                Found::Damaged(damaged) => tracing::error!(
                    path = %path.display(),
                    offset = damaged.offset,
                    bytes = damaged.bytes,
                    detail = damaged.detail,
                    "a dead letter is damaged; those before and after it are whole"
                ),
            }
            true
        });
        // It is not needed: new letters go to another file.
        if let Err(error) = read {
            tracing::warn!(
                error = &error as &dyn std::error::Error,
                "the newest dead letters cannot be read"
            );
        }
    }

    /// Brings as many of `entries`, which are whole lines, to disk as fit the limit, and says how many bytes those are: at
    /// least the first one. They are there as a whole, or nothing is.
    pub fn append(&mut self, entries: &[u8], now: Timestamp) -> Result<usize, Error> {
        let fitting = self.fitting(entries)?;
        let added = fitting.len() as u64;
        let mut segment = match self.current.take().filter(|segment| self.takes(segment, added)) {
            Some(segment) => segment,
            None => self.begin(now)?,
        };
        if let Err(failed) = segment.append(fitting) {
            // Otherwise the next try begins another one, and readers pass over the end of this one.
            self.current = failed.is_usable.then_some(segment);
            return Err(failed.error.into());
        }
        self.current = Some(segment);
        self.bytes += added;
        Ok(fitting.len())
    }

    /// The first of `entries`, as many as the limit has room for.
    fn fitting<'e>(&mut self, entries: &'e [u8]) -> Result<&'e [u8], Error> {
        if self.bytes + entries.len() as u64 > self.settings.limit.0 {
            // Somebody may have made room since the last count.
            self.count()?;
        }
        let room = self.settings.limit.0.saturating_sub(self.bytes);
        let room = usize::try_from(room).unwrap_or(usize::MAX).min(entries.len());
        match memchr::memrchr(b'\n', &entries[..room]) {
            Some(end) => Ok(&entries[..=end]),
            None => {
                // Closed, so that it can be purged too.
                self.current = None;
                Err(Error::Limit {
                    path: self.settings.directory.clone(),
                    limit: self.settings.limit,
                })
            }
        }
    }

    /// Closes the segment at hand, so that it can be purged, if it is old enough or letters were marked as done since
    /// this was asked last: some of them may be its own.
    pub fn close_old(&mut self, now: Timestamp) {
        let marked = done::changed(&self.settings.directory);
        let is_marked = marked != self.marked;
        self.marked = marked;
        let is_old = |segment: &Segment| now.millis_since(segment.begun()) >= SEGMENT_AGE_MILLIS;
        if is_marked || self.current.as_ref().is_some_and(is_old) {
            self.current = None;
        }
    }

    fn takes(&self, segment: &Segment, added: u64) -> bool {
        let most = self.settings.limit.0 / SEGMENT_FRACTION;
        let most = most.clamp(*SEGMENT_BYTES.start(), *SEGMENT_BYTES.end());
        (segment.length() == 0 || segment.length() + added <= most) && !segment.is_moved()
    }

    fn begin(&self, now: Timestamp) -> Result<Segment, Error> {
        let names = self.names()?;
        let newest = names.last().map(String::as_str);
        Ok(Segment::begin(&self.settings.directory, newest, now)?)
    }

    /// Counts the bytes of all files anew.
    pub fn count(&mut self) -> Result<u64, Error> {
        let mut bytes = 0;
        for name in self.names()? {
            let path = self.settings.directory.join(name);
            match fs::metadata(&path) {
                Ok(metadata) => bytes += metadata.len(),
                // Purged since the directory was listed.
                Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                Err(source) => return Err(error("count", &self.settings.directory, source)),
            }
        }
        self.bytes = bytes;
        Ok(bytes)
    }

    /// Bytes in all files, by the last count and what was written since.
    pub fn bytes(&self) -> u64 {
        self.bytes
    }

    /// Names of the files whose first letter is older than `age`, oldest first.
    pub fn older_than_age(&self, now: Timestamp) -> Result<Vec<String>, Error> {
        let age_millis = i64::try_from(self.settings.age.get().as_millis()).unwrap_or(i64::MAX);
        let newest = Timestamp::from_millis(now.as_millis().saturating_sub(age_millis));
        let mut names = self.names()?;
        names.retain(|name| match name.strip_suffix(entries::PLAIN_SUFFIX) {
            // By its day, which has to be over.
            Some(day) => Timestamp::parse(&format!("{day}T00:00:00Z"))
                .is_some_and(|day| newest.millis_since(day) >= DAY.as_millis() as i64),
            None => segment::begun(name).is_some_and(|begun| begun < newest),
        });
        Ok(names)
    }

    fn names(&self) -> Result<Vec<String>, Error> {
        entries::file_names(&self.settings.directory)
            .map_err(|source| error("list", &self.settings.directory, source))
    }

    /// Where the files are.
    pub fn path(&self) -> &Path {
        &self.settings.directory
    }
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

    const HOUR: i64 = 3_600_000;

    fn settings(path: &Path, limit: u64) -> config::File {
        config::File {
            directory: path.to_owned(),
            limit: ByteSize(limit),
            age: crate::config::Duration::from_secs(30 * 86_400),
        }
    }

    fn at(hour: i64) -> Timestamp {
        Timestamp::from_millis(hour * HOUR)
    }

    fn names(directory: &Directory) -> Vec<String> {
        directory.names().expect("it can be listed")
    }

    #[test]
    fn the_limit_counts_all_segments_and_closes_the_last_one() {
        let root = tempfile::tempdir().expect("a temporary directory can be made");
        let mut letters = Directory::open(&settings(root.path(), 10)).expect("it can be opened");
        letters.append(b"one\n", at(0)).expect("there is room");
        letters.close_old(at(1));
        letters.append(b"two\n", at(1)).expect("there is room");
        let error = letters.append(b"three\n", at(1)).expect_err("the limit");
        assert!(matches!(error, Error::Limit { .. }), "{error}");
        let found = names(&letters);
        assert_eq!(
            found,
            ["19700101T000000000.letters", "19700101T010000000.letters"]
        );
        let second = root.path().join(&found[1]);
        assert_eq!(fs::read(&second).expect("it is there"), b"two\n");
        File::open(&second)
            .expect("it is there")
            .try_lock()
            .expect("it is closed");
        fs::remove_file(root.path().join(&found[0])).expect("it is there");
        letters.append(b"three\n", at(1)).expect("room was made");
        assert_eq!((letters.bytes(), names(&letters).len()), (10, 2));
    }

    #[test]
    fn as_many_as_fit_are_written() {
        let root = tempfile::tempdir().expect("a temporary directory can be made");
        let mut letters = Directory::open(&settings(root.path(), 10)).expect("it can be opened");
        let entries = b"one\ntwo\nthree\n";
        assert_eq!(letters.append(entries, at(0)).expect("there is room"), 8);
        letters.append(&entries[8..], at(0)).expect_err("the limit");
        fs::remove_file(root.path().join(&names(&letters)[0])).expect("it is there");
        assert_eq!(letters.append(&entries[8..], at(0)).expect("room was made"), 6);
    }

    #[test]
    fn segments_end_by_size_and_by_age() {
        let root = tempfile::tempdir().expect("a temporary directory can be made");
        let mut letters = Directory::open(&settings(root.path(), 1 << 20)).expect("it can be opened");
        let half = [vec![b'x'; 33 << 10], vec![b'\n']].concat();
        for (hour, expected) in [(0, 1), (0, 2), (0, 3)] {
            letters.append(&half, at(hour)).expect("there is room");
            assert_eq!(names(&letters).len(), expected, "two do not fit into one");
        }
        letters.append(b"x\n", at(0)).expect("there is room");
        letters.close_old(Timestamp::from_millis(HOUR - 1));
        letters.append(b"x\n", at(0)).expect("there is room");
        assert_eq!(names(&letters).len(), 3);
        letters.close_old(at(1));
        letters.append(b"x\n", at(0)).expect("there is room");
        assert_eq!(names(&letters).len(), 4);
    }

    /// Scenario: a letter of the segment at hand is marked as done, and later none is.
    /// Guarantees: the segment is closed, once, so that it can be purged at the next look and not after an hour.
    #[test]
    fn a_segment_ends_when_letters_are_done() {
        let root = tempfile::tempdir().expect("a temporary directory can be made");
        let mut letters = Directory::open(&settings(root.path(), 1 << 20)).expect("it can be opened");
        let add = |letters: &mut Directory| {
            letters.close_old(at(0));
            letters.append(b"x\n", at(0)).expect("there is room");
            names(letters).len()
        };
        assert_eq!((add(&mut letters), add(&mut letters)), (1, 1));
        done::MarkWriter::open(root.path()).expect("nobody has it");
        assert_eq!((add(&mut letters), add(&mut letters)), (2, 2));
    }

    #[test]
    fn a_segment_that_was_moved_is_not_written_any_more() {
        let root = tempfile::tempdir().expect("a temporary directory can be made");
        let mut letters = Directory::open(&settings(root.path(), 1 << 20)).expect("it can be opened");
        letters.append(b"one\n", at(0)).expect("there is room");
        let moved = root.path().join("moved");
        fs::rename(root.path().join(&names(&letters)[0]), &moved).expect("it can be moved");
        letters.append(b"two\n", at(0)).expect("there is room");
        assert_eq!(fs::read(&moved).expect("it is there"), b"one\n");
        let second = root.path().join(&names(&letters)[0]);
        assert_eq!(fs::read(second).expect("it is there"), b"two\n");
    }

    #[test]
    fn tells_what_is_old() {
        let root = tempfile::tempdir().expect("a temporary directory can be made");
        fs::write(root.path().join("1970-01-01.jsonl"), "").expect("it can be written");
        let mut letters = Directory::open(&settings(root.path(), 1_000)).expect("it can be opened");
        letters.append(b"x\n", at(48)).expect("there is room");
        let old = |hour| letters.older_than_age(at(hour)).expect("it can be listed").len();
        assert_eq!(
            (old(31 * 24 - 1), old(31 * 24), old(32 * 24), old(32 * 24 + 1)),
            (0, 1, 1, 2)
        );
    }

    #[test]
    fn a_second_writer_is_refused() {
        let root = tempfile::tempdir().expect("a temporary directory can be made");
        let _first = Directory::open(&settings(root.path(), 10)).expect("it can be opened");
        let error = Directory::open(&settings(root.path(), 10)).expect_err("it is locked");
        assert!(matches!(error, Error::Locked { .. }), "{error}");
    }
}
