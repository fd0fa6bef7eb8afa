//! A file of lines that only grows, and only by whole lines that are on disk.

use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{self, Write};
use std::os::unix::fs::{FileExt, MetadataExt};
use std::path::{Path, PathBuf};

use super::{FileError, directory};

/// Bytes read at once when the last line end is searched from the end of a file.
const SEARCH_STEP_BYTES: usize = 64 * 1024;

/// A file that is replaced more often while it is opened is on a file system that does not say which file is which.
const MAX_REOPENINGS: usize = 32;

/// A file of lines. Every append is whole or did not happen, also across a full disk, a crash and a moved file.
///
/// The file is locked against a second writer. If somebody moves or removes it, the next append makes a new one.
#[derive(Debug)]
pub struct LineFile {
    path: PathBuf,
    open: Option<Open>,
    unfinished: Option<Unfinished>,
}

#[derive(Debug)]
struct Open {
    file: File,
    identity: Identity,
    length: u64,
}

/// Bytes after `length` belong to an append that failed and could not be taken back yet.
#[derive(Debug)]
struct Unfinished {
    identity: Identity,
    length: u64,
}

/// Device and number of a file: what stays the same when it is renamed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Identity(u64, u64);

/// The file could not be opened, written or brought to disk; nothing was added to it.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The operating system refuses.
    #[error(transparent)]
    Io(#[from] FileError),
    /// Another process writes to it.
    #[error("`{}` is written by another process", path.display())]
    Locked {
        /// The file.
        path: PathBuf,
    },
}

impl LineFile {
    /// A file that is opened, and made if missing, at the first use.
    pub fn new(path: PathBuf) -> Self {
        Self {
            path,
            open: None,
            unfinished: None,
        }
    }

    /// Opens the file if it is not open under its name. A last line without line end is cut off, with a warning.
    pub fn open(&mut self) -> Result<(), Error> {
        if self.is_moved() {
            self.open = None;
        }
        if self.open.is_none() {
            let mut open = open(&self.path)?;
            self.take_back(&mut open)?;
            repair(&self.path, &mut open)?;
            self.open = Some(open);
        }
        Ok(())
    }

    /// Adds `lines`, which end with a line end, and brings them to disk. After an error the file is as it was before.
    pub fn append(&mut self, lines: &[u8]) -> Result<(), Error> {
        debug_assert!(lines.ends_with(b"\n"), "only whole lines are added");
        self.append_by(lines, |file| {
            file.write_all(lines).and_then(|()| file.sync_data())
        })
    }

    /// Adds `lines` in the way `write` does it, and undoes that if it fails.
    fn append_by(
        &mut self,
        lines: &[u8],
        write: impl FnOnce(&mut File) -> io::Result<()>,
    ) -> Result<(), Error> {
        self.open()?;
        let mut open = self.open.take().expect("it was opened just now");
        if let Err(source) = write(&mut open.file) {
            self.unfinished = Some(Unfinished {
                identity: open.identity,
                length: open.length,
            });
            // If this fails too, the next opening tries again before anything is added.
            let _is_taken_back = self.take_back(&mut open).is_ok();
            return Err(self.error("write", source));
        }
        open.length += lines.len() as u64;
        self.open = Some(open);
        Ok(())
    }

    /// Bytes in the file; 0 while it is not open.
    pub fn length(&self) -> u64 {
        self.open.as_ref().map_or(0, |open| open.length)
    }

    /// Where the file is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Cuts off what a failed append left behind.
    fn take_back(&mut self, open: &mut Open) -> Result<(), Error> {
        if let Some(unfinished) = &self.unfinished
            && unfinished.identity == open.identity
            && unfinished.length < file_length(&self.path, &open.file)?
        {
            let length = unfinished.length;
            truncate(&open.file, length)
                .map_err(|source| self.error("take back a failed write to", source))?;
            open.length = length;
        }
        self.unfinished = None;
        Ok(())
    }

    fn is_moved(&self) -> bool {
        self.open
            .as_ref()
            .is_some_and(|open| !is_at(&self.path, open.identity))
    }

    fn error(&self, operation: &'static str, source: io::Error) -> Error {
        FileError::new(operation, &self.path, source).into()
    }
}

impl Identity {
    fn of(metadata: &fs::Metadata) -> Self {
        Self(metadata.dev(), metadata.ino())
    }
}

fn open(path: &Path) -> Result<Open, Error> {
    let mut open = open_once(path)?;
    for _ in 0..MAX_REOPENINGS {
        // Whoever had the lock may have put another file in its place just before letting go of it.
        if is_at(path, open.identity) {
            break;
        }
        // Else its lock would be in the way where it is the same file after all.
        drop(open);
        open = open_once(path)?;
    }
    Ok(open)
}

fn is_at(path: &Path, identity: Identity) -> bool {
    fs::metadata(path).is_ok_and(|there| Identity::of(&there) == identity)
}

fn open_once(path: &Path) -> Result<Open, Error> {
    directory::create(directory::parent(path))
        .map_err(|source| FileError::new("make the directory of", path, source))?;
    let file = OpenOptions::new()
        .read(true)
        .append(true)
        .create(true)
        .open(path)
        .map_err(|source| FileError::new("open", path, source))?;
    // A file system without locks is no reason to refuse it; the lock is there against a mistake.
    if let Err(TryLockError::WouldBlock) = file.try_lock() {
        return Err(Error::Locked {
            path: path.to_owned(),
        });
    }
    let metadata = file
        .metadata()
        .map_err(|source| FileError::new("ask the size of", path, source))?;
    if metadata.len() == 0 {
        // It may have been made just now.
        directory::sync_parent(path)
            .map_err(|source| FileError::new("bring to disk the name of", path, source))?;
    }
    Ok(Open {
        file,
        identity: Identity::of(&metadata),
        length: metadata.len(),
    })
}

/// Cuts off a last line without line end: a crash left it, and its record was not confirmed to anybody.
fn repair(path: &Path, open: &mut Open) -> Result<(), Error> {
    let whole =
        last_line_end(&open.file, open.length).map_err(|source| FileError::new("read", path, source))?;
    if whole < open.length {
        truncate(&open.file, whole).map_err(|source| FileError::new("repair", path, source))?;
        tracing::warn!(
            path = %path.display(),
            bytes = open.length - whole,
            "cut off a last line that was not written to its end; its record is sent again"
        );
        open.length = whole;
    }
    Ok(())
}

/// Bytes up to and including the last line end within the first `length` bytes.
fn last_line_end(file: &File, length: u64) -> io::Result<u64> {
    let mut buffer = vec![0; SEARCH_STEP_BYTES];
    let mut end = length;
    while end > 0 {
        let start = end.saturating_sub(SEARCH_STEP_BYTES as u64);
        let chunk = &mut buffer[..(end - start) as usize];
        file.read_exact_at(chunk, start)?;
        if let Some(index) = memchr::memrchr(b'\n', chunk) {
            return Ok(start + index as u64 + 1);
        }
        end = start;
    }
    Ok(0)
}

fn truncate(file: &File, length: u64) -> io::Result<()> {
    file.set_len(length)?;
    file.sync_data()
}

fn file_length(path: &Path, file: &File) -> Result<u64, Error> {
    let metadata = file
        .metadata()
        .map_err(|source| FileError::new("ask the size of", path, source))?;
    Ok(metadata.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(path: &Path) -> String {
        fs::read_to_string(path).expect("the file can be read")
    }

    #[test]
    fn a_torn_last_line_is_cut_off() {
        let long = format!("{}\n{}", "a".repeat(3), "b".repeat(3 * SEARCH_STEP_BYTES));
        let cases = [
            ("", ""),
            ("one\n", "one\n"),
            ("one\ntw", "one\n"),
            ("torn", ""),
            ("one\n\n", "one\n\n"),
            (&long, "aaa\n"),
        ];
        let directory = tempfile::tempdir().expect("a temporary directory can be made");
        for (index, (before, after)) in cases.into_iter().enumerate() {
            let path = directory.path().join(index.to_string());
            fs::write(&path, before).expect("it can be written");
            let mut lines = LineFile::new(path.clone());
            lines.append(b"next\n").expect("it can be written");
            assert_eq!(read(&path), format!("{after}next\n"), "case {index}");
            assert_eq!(lines.length(), after.len() as u64 + 5, "case {index}");
        }
    }

    /// Scenario: a write fails after some of its bytes, with a whole line among them, reached the file.
    /// Guarantees: the file is as before; the retry stands in it once.
    #[test]
    fn a_failed_append_leaves_nothing() {
        let directory = tempfile::tempdir().expect("a temporary directory can be made");
        let path = directory.path().join("all.jsonl");
        let mut lines = LineFile::new(path.clone());
        lines.append(b"first\n").expect("it can be written");
        for _ in 0..3 {
            let error = lines.append_by(b"second\nthird\n", |file| {
                file.write_all(b"second\nthi")?;
                Err(io::ErrorKind::StorageFull.into())
            });
            assert!(error.is_err());
            assert_eq!(read(&path), "first\n");
        }
        lines.append(b"second\nthird\n").expect("it can be written");
        assert_eq!(read(&path), "first\nsecond\nthird\n");
    }

    /// Scenario: what a failed write left could not be taken back at once.
    /// Guarantees: the next opening does it, also for lines that look whole.
    #[test]
    fn what_is_unfinished_is_taken_back_before_anything_is_added() {
        let directory = tempfile::tempdir().expect("a temporary directory can be made");
        let path = directory.path().join("all.jsonl");
        fs::write(&path, "first\nsecond\nthi").expect("it can be written");
        let mut lines = LineFile::new(path.clone());
        lines.unfinished = Some(Unfinished {
            identity: Identity::of(&fs::metadata(&path).expect("it is there")),
            length: 6,
        });
        lines.append(b"second\nthird\n").expect("it can be written");
        assert_eq!(read(&path), "first\nsecond\nthird\n");
        assert_eq!(lines.length(), 19);
    }

    #[test]
    fn a_moved_file_is_made_anew() {
        let directory = tempfile::tempdir().expect("a temporary directory can be made");
        let path = directory.path().join("all.jsonl");
        let mut lines = LineFile::new(path.clone());
        lines.append(b"first\n").expect("it can be written");
        let moved = directory.path().join("moved");
        fs::rename(&path, &moved).expect("it can be moved");
        lines.append(b"second\n").expect("it can be written");
        assert_eq!((&*read(&moved), &*read(&path)), ("first\n", "second\n"));
    }

    /// Scenario: many writers open and lock the file in turns, each replaces it while it has the lock.
    /// Guarantees: who has the lock has the file that stands under the name.
    #[test]
    fn the_lock_is_on_the_file_under_the_name() {
        let directory = tempfile::tempdir().expect("a temporary directory can be made");
        let path = directory.path().join("done.marks");
        let turns = || {
            let mut taken = 0;
            while taken < 200 {
                let mut lines = LineFile::new(path.clone());
                let Ok(()) = lines.open() else { continue };
                assert!(!lines.is_moved(), "the lock is on a file that was replaced");
                super::super::replace::replace(&path, b"").expect("it can be replaced");
                taken += 1;
            }
        };
        std::thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(turns);
            }
        });
    }

    #[test]
    fn a_second_writer_is_refused() {
        let directory = tempfile::tempdir().expect("a temporary directory can be made");
        let path = directory.path().join("all.jsonl");
        let mut first = LineFile::new(path.clone());
        first.open().expect("it can be opened");
        let error = LineFile::new(path).append(b"x\n").expect_err("it is locked");
        assert!(matches!(error, Error::Locked { .. }), "{error}");
    }
}
