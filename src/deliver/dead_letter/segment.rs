//! A segment: a file of entries that one process writes, from its begin, and nobody changes afterwards.
//!
//! It is locked as long as it is written, so that `purge` can tell. A process never goes on with a segment of another
//! one: what a crash left at the end of it is passed over by readers and never cut off.

use std::fs::{self, File, TryLockError};
use std::io::{self, Write};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use crate::durable::{FileError, directory};
use crate::event::Timestamp;

/// End of the names of segments.
pub const SUFFIX: &str = ".letters";

/// Names that are tried for a new segment.
const MAX_TRIES: i64 = 100;

/// The segment that is being written.
#[derive(Debug)]
pub struct Segment {
    path: PathBuf,
    file: File,
    identity: (u64, u64),
    length: u64,
    begun: Timestamp,
}

/// Nothing was added.
#[derive(Debug)]
pub struct Failed {
    /// Why.
    pub error: FileError,
    /// Whether the segment is as it was before; otherwise something of the entries may stand at its end, and nothing
    /// may be added.
    pub is_usable: bool,
}

impl Segment {
    /// Makes a new, empty one in `directory`; its name is after `newest`, whatever the clock says.
    pub fn begin(directory: &Path, newest: Option<&str>, now: Timestamp) -> Result<Self, FileError> {
        let after = newest.and_then(begun).map(|newest| newest.as_millis() + 1);
        let first = after.map_or(now.as_millis(), |after| after.max(now.as_millis()));
        for millis in first..first + MAX_TRIES {
            let path = directory.join(name(Timestamp::from_millis(millis)));
            if let Some(segment) = Self::make(&path, now)? {
                directory::sync(directory)
                    .map_err(|source| FileError::new("bring to disk the name of", &path, source))?;
                return Ok(segment);
            }
        }
        let taken = io::ErrorKind::AlreadyExists.into();
        Err(FileError::new(
            "find a free name for dead letters in",
            directory,
            taken,
        ))
    }

    /// `None` if the name is taken, or was by the time the file was locked.
    fn make(path: &Path, begun: Timestamp) -> Result<Option<Self>, FileError> {
        let opened = File::options().append(true).create_new(true).open(path);
        let file = match opened {
            Ok(file) => file,
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => return Ok(None),
            Err(source) => return Err(FileError::new("make", path, source)),
        };
        // A file system without locks is no reason to refuse it. Who has the lock looks whether this file can go.
        if let Err(TryLockError::WouldBlock) = file.try_lock() {
            return Ok(None);
        }
        let metadata = file
            .metadata()
            .map_err(|source| FileError::new("ask the size of", path, source))?;
        let segment = Self {
            path: path.to_owned(),
            identity: (metadata.dev(), metadata.ino()),
            file,
            length: 0,
            begun,
        };
        // Between making and locking somebody may have removed it as empty.
        Ok((!segment.is_moved()).then_some(segment))
    }

    /// Adds `entries` and brings them to disk: all of them, or none.
    pub fn append(&mut self, entries: &[u8]) -> Result<(), Failed> {
        self.append_by(entries, |file| {
            file.write_all(entries).and_then(|()| file.sync_data())
        })
    }

    /// Adds `entries` in the way `write` does it, and undoes that if it fails.
    fn append_by(
        &mut self,
        entries: &[u8],
        write: impl FnOnce(&mut File) -> io::Result<()>,
    ) -> Result<(), Failed> {
        let Err(source) = write(&mut self.file) else {
            self.length += entries.len() as u64;
            return Ok(());
        };
        let taken_back = self
            .file
            .set_len(self.length)
            .and_then(|()| self.file.sync_data());
        Err(Failed {
            error: FileError::new("write", &self.path, source),
            is_usable: taken_back.is_ok(),
        })
    }

    /// Whether somebody moved or removed it: what is added then would be found by nobody.
    pub fn is_moved(&self) -> bool {
        let there = fs::metadata(&self.path).map(|metadata| (metadata.dev(), metadata.ino()));
        there.ok() != Some(self.identity)
    }

    /// Bytes in it.
    pub fn length(&self) -> u64 {
        self.length
    }

    /// When it was made.
    pub fn begun(&self) -> Timestamp {
        self.begun
    }
}

/// `20260201T101530123.letters`: sorts by time.
pub fn name(now: Timestamp) -> String {
    let mut name: String = now
        .to_string()
        .chars()
        .filter(|character| !"-:.Z".contains(*character))
        .collect();
    name.push_str(SUFFIX);
    name
}

/// When the segment of that name was made, by its name.
pub fn begun(name: &str) -> Option<Timestamp> {
    let stem = name.strip_suffix(SUFFIX)?;
    let (date, time) = stem.split_once('T')?;
    if date.len() != 8 || time.len() != 9 || !stem.is_ascii() {
        return None;
    }
    let (year, month, day) = (&date[..4], &date[4..6], &date[6..]);
    let (hour, minute, second, millis) = (&time[..2], &time[2..4], &time[4..6], &time[6..]);
    Timestamp::parse(&format!(
        "{year}-{month}-{day}T{hour}:{minute}:{second}.{millis}Z"
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Timestamp = Timestamp::from_millis(1_700_000_000_123);

    #[test]
    fn names_sort_and_say_when() {
        assert_eq!(name(NOW), "20231114T221320123.letters");
        assert_eq!(begun("20231114T221320123.letters"), Some(NOW));
        for other in [
            "2023-11-14.jsonl",
            "done.marks",
            "20231114T2213.letters",
            "20231399T221320123.letters",
        ] {
            assert_eq!(begun(other), None, "{other}");
        }
    }

    #[test]
    fn a_new_one_stands_after_the_newest_whatever_the_clock_says() {
        let directory = tempfile::tempdir().expect("a temporary directory");
        let first = Segment::begin(directory.path(), None, NOW).expect("it can be made");
        let second = Segment::begin(directory.path(), None, NOW).expect("it can be made");
        let later = Segment::begin(directory.path(), Some("20991231T235959999.letters"), NOW);
        let names = [first, second, later.expect("it can be made")].map(|segment| {
            segment
                .path
                .file_name()
                .expect("it is a file")
                .to_string_lossy()
                .into_owned()
        });
        assert_eq!(
            names,
            [
                "20231114T221320123.letters",
                "20231114T221320124.letters",
                "21000101T000000000.letters"
            ]
        );
    }

    /// Scenario: the disk is full after some of the entries, with a whole one among them; then what was written cannot even
    /// be taken back.
    /// Guarantees: the segment is as before and usable; or it says that nothing may be added to it.
    #[test]
    fn a_full_disk_leaves_nothing() {
        let directory = tempfile::tempdir().expect("a temporary directory");
        let mut segment = Segment::begin(directory.path(), None, NOW).expect("it can be made");
        segment.append(b"one\n").expect("it can be written");
        let entries = b"two\nthree\n";
        let failed = segment.append_by(entries, |file| {
            file.write_all(b"two\nthr")?;
            Err(io::ErrorKind::StorageFull.into())
        });
        assert!(failed.expect_err("the disk is full").is_usable);
        assert_eq!(fs::read(&segment.path).expect("it is there"), b"one\n");
        segment.append(entries).expect("there is room again");
        assert_eq!(
            fs::read(&segment.path).expect("it is there"),
            b"one\ntwo\nthree\n"
        );
        assert_eq!(segment.length(), 14);

        segment.file = File::options()
            .append(true)
            .open("/dev/full")
            .expect("every Linux has it");
        let failed = segment.append(entries).expect_err("nothing fits there");
        assert!(!failed.is_usable);
    }

    #[test]
    fn is_locked_while_it_is_written_and_notices_that_it_is_gone() {
        let directory = tempfile::tempdir().expect("a temporary directory");
        let mut segment = Segment::begin(directory.path(), None, NOW).expect("it can be made");
        segment.append(b"one\n").expect("it can be written");
        let other = File::open(&segment.path).expect("it is there");
        assert!(matches!(other.try_lock(), Err(TryLockError::WouldBlock)));
        let path = segment.path.clone();
        assert!(!segment.is_moved());
        fs::remove_file(&path).expect("it is there");
        assert!(segment.is_moved());
        drop(segment);
        other.try_lock().expect("nobody writes it any more");
    }
}
