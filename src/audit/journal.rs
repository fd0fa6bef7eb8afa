//! The files of one process: one for each day, which only grows. Once the day is over, and when a file becomes large, it is
//! replaced as a whole by fewer lines with the same sums.

use std::fs::{self, File, TryLockError};
use std::path::{Path, PathBuf};

use jiff::civil::Date;

use super::line::{Line, encode};
use super::{file, merge, places};
use crate::durable::{FileError, LineFile, directory, line_file, replace};
use crate::event::Timestamp;

/// Files are kept this many days.
pub const MAX_AGE_DAYS: i32 = 400;

/// Beyond this a file is made smaller: a line takes about 400 bytes, and a busy day of 32 partitions half a million lines.
const MAX_BYTES: u64 = 4 << 20;

/// Processes that may record the same consumer group in one state directory.
const MAX_PROCESSES: usize = 256;

/// Name of the file that is locked.
const LOCK: &str = "lock";

/// What one process writes for one consumer group.
#[derive(Debug)]
pub struct Journal {
    directory: PathBuf,
    _lock: File,
    today: Option<Today>,
    max_bytes: u64,
}

#[derive(Debug)]
struct Today {
    day: Date,
    lines: LineFile,
    /// Made smaller beyond this.
    limit: u64,
}

impl Journal {
    /// Opens the files below `group`, the directory of a consumer group: in the first place that no other process has.
    /// What earlier days left is made small, and removed when it is too old. Blocks.
    pub fn open(group: &Path, now: Timestamp) -> Result<Self, FileError> {
        let (directory, lock) = place(&group.join(places::DIRECTORY))?;
        let today = places::day(now);
        for (day, path) in places::files(&directory)? {
            tidy(&path, day, today)?;
        }
        Ok(Self {
            directory,
            _lock: lock,
            today: None,
            max_bytes: MAX_BYTES,
        })
    }

    /// Adds lines to the file of the day; on disk when it returns. Blocks.
    pub fn append(&mut self, lines: &[Line], now: Timestamp) -> Result<(), line_file::Error> {
        let day = places::day(now);
        if self.today.as_ref().is_none_or(|today| today.day != day) {
            self.begin(day)?;
        }
        let today = self.today.as_mut().expect("the day was begun just now");
        today.lines.append(&encode(lines))?;
        if today.lines.length() > today.limit {
            let length = shrink(today.lines.path())?;
            // What stays large is not read again and again.
            today.limit = self.max_bytes.max(2 * length);
        }
        Ok(())
    }

    /// Makes files small beyond so many bytes.
    #[cfg(test)]
    pub(super) fn limit_to(&mut self, bytes: u64) {
        self.max_bytes = bytes;
    }

    /// Goes on with the file of a day, and makes those before it small.
    fn begin(&mut self, day: Date) -> Result<(), FileError> {
        if self.today.take().is_some() {
            for (other, path) in places::files(&self.directory)? {
                if other != day {
                    tidy(&path, other, day)?;
                }
            }
        }
        self.today = Some(Today {
            day,
            lines: LineFile::new(places::path(&self.directory, day)),
            limit: self.max_bytes,
        });
        Ok(())
    }
}

/// The first directory below `audit` that no process has, and its lock.
fn place(audit: &Path) -> Result<(PathBuf, File), FileError> {
    for number in 1..=MAX_PROCESSES {
        let directory = audit.join(number.to_string());
        directory::create(&directory)
            .map_err(|source| FileError::new("make directory", &directory, source))?;
        let path = directory.join(LOCK);
        let lock = File::options()
            .create(true)
            .append(true)
            .open(&path)
            .map_err(|source| FileError::new("open", &path, source))?;
        match lock.try_lock() {
            Err(TryLockError::WouldBlock) => {}
            // A file system without locks is no reason to refuse it; the lock is there against a mistake.
            Ok(()) | Err(TryLockError::Error(_)) => return Ok((directory, lock)),
        }
    }
    let taken = std::io::ErrorKind::AlreadyExists.into();
    Err(FileError::new("find a free place in", audit, taken))
}

/// Makes a file of an earlier day small, or removes it when it is too old.
fn tidy(path: &Path, day: Date, today: Date) -> Result<(), FileError> {
    let age_days = today.since(day).map_or(0, |age| age.get_days());
    if age_days > MAX_AGE_DAYS {
        return fs::remove_file(path).map_err(|source| FileError::new("remove", path, source));
    }
    if day < today {
        shrink(path)?;
    }
    Ok(())
}

/// Replaces a file by fewer lines with the same sums, unless it has damaged ones: those stay as they are, to be looked at.
/// The bytes it has then.
fn shrink(path: &Path) -> Result<u64, FileError> {
    let content = file::read(path)?;
    let length = fs::metadata(path)
        .map_err(|source| FileError::new("ask the size of", path, source))?
        .len();
    if !content.damaged.is_empty() {
        return Ok(length);
    }
    let bytes = encode(&merge::merge(content.lines));
    let smaller = bytes.len() as u64;
    if smaller < length {
        replace::replace(path, &bytes).map_err(|source| FileError::new("replace", path, source))?;
    }
    Ok(smaller.min(length))
}
