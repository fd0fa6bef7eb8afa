//! Which dead letters are done with: an append-only file beside them.
//!
//! Only this file is locked by those who write it, `replay` and `purge`; the bridge looks only whether it changed.

use std::collections::{HashMap, HashSet};
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use serde::{Deserialize, Serialize};

use super::{Entry, LetterId, entries, frame};
use crate::durable::{FileError, LineFile, line_file, replace};
use crate::event::Timestamp;

/// Name of the file.
const NAME: &str = "done.marks";

/// How a dead letter ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Ending {
    /// A target acknowledged it.
    Delivered,
    /// An operator does not want it any more.
    Discarded,
}

/// One line of the file, framed like an entry of a segment.
#[derive(Debug, Serialize, Deserialize)]
struct Line {
    id: String,
    crc32: u32,
    ending: Ending,
    target: Option<String>,
    time: Timestamp,
}

/// Which letters are done with.
#[derive(Debug, Default)]
pub struct Marks {
    /// By file, then by offset. The checksum makes sure that it is the same letter.
    endings: HashMap<Box<str>, HashMap<u64, (u32, Ending)>>,
    /// Lines that could not be read; their letters count as not done.
    pub damaged_lines: u64,
}

/// A letter that is done with.
#[derive(Debug, Clone)]
pub struct Mark {
    /// The letter.
    pub id: LetterId,
    /// Its checksum.
    pub crc32: u32,
    /// How it ended.
    pub ending: Ending,
    /// The target that acknowledged it.
    pub target: Option<String>,
}

/// The file, locked against a second writer.
#[derive(Debug)]
pub struct MarkWriter {
    file: LineFile,
}

impl Marks {
    /// Reads what is marked in `directory`. A last line that is still being written is passed over.
    pub fn read(directory: &Path) -> Result<Self, FileError> {
        let path = path(directory);
        let bytes = match fs::read(&path) {
            Ok(bytes) => bytes,
            Err(error) if error.kind() == io::ErrorKind::NotFound => Vec::new(),
            Err(source) => return Err(FileError::new("read", &path, source)),
        };
        let mut marks = Self::default();
        let whole = memchr::memrchr(b'\n', &bytes).map_or(0, |end| end + 1);
        for line in bytes[..whole].split_inclusive(|byte| *byte == b'\n') {
            match parse(line) {
                Some((id, line)) => marks.insert(&id, line.crc32, line.ending),
                None => marks.damaged_lines += 1,
            }
        }
        Ok(marks)
    }

    /// How this letter ended, if it did.
    pub fn ending(&self, entry: &Entry) -> Option<Ending> {
        let (crc32, ending) = self.endings.get(&*entry.id.file)?.get(&entry.id.offset)?;
        (*crc32 == entry.crc32).then_some(*ending)
    }

    fn insert(&mut self, id: &LetterId, crc32: u32, ending: Ending) {
        let file = self.endings.entry((*id.file).into()).or_default();
        file.insert(id.offset, (crc32, ending));
    }
}

impl MarkWriter {
    /// Opens and locks the file, which is made if missing.
    ///
    /// Errors: it cannot be opened, or another replay or purge has it.
    pub fn open(directory: &Path) -> Result<Self, line_file::Error> {
        let mut file = LineFile::new(path(directory));
        file.open()?;
        Ok(Self { file })
    }

    /// Adds marks and brings them to disk.
    pub fn append(&mut self, marks: &[Mark]) -> Result<(), line_file::Error> {
        let now = Timestamp::now();
        let mut lines = Vec::new();
        for mark in marks {
            let line = Line {
                id: mark.id.to_string(),
                crc32: mark.crc32,
                ending: mark.ending,
                target: mark.target.clone(),
                time: now,
            };
            frame::append(&json(&line), &mut lines);
        }
        match lines.is_empty() {
            true => Ok(()),
            false => self.file.append(&lines),
        }
    }

    /// Lets go of the marks of files that are gone, if they are the most. The file is replaced as a whole; who opened it
    /// before notices at the next mark.
    pub fn compact(&mut self, directory: &Path) -> Result<(), FileError> {
        let path = path(directory);
        let error = |source| FileError::new("compact", &path, source);
        let names = entries::file_names(directory).map_err(error)?;
        let stems = names.iter().filter_map(|name| name.rsplit_once('.'));
        let stems: HashSet<&str> = stems.map(|(stem, _)| stem).collect();
        let bytes = fs::read(&path).map_err(error)?;
        let is_kept = |line: &&[u8]| parse(line).is_some_and(|(id, _)| stems.contains(&*id.file));
        let kept: Vec<u8> = bytes
            .split_inclusive(|byte| *byte == b'\n')
            .filter(is_kept)
            .flatten()
            .copied()
            .collect();
        match kept.len() * 2 < bytes.len() {
            true => replace::replace(&path, &kept).map_err(error),
            false => Ok(()),
        }
    }
}

/// When something was marked last in `directory`; `None` if nothing ever was.
pub fn changed(directory: &Path) -> Option<SystemTime> {
    fs::metadata(path(directory))
        .and_then(|metadata| metadata.modified())
        .ok()
}

fn path(directory: &Path) -> PathBuf {
    directory.join(NAME)
}

fn json(line: &Line) -> Vec<u8> {
    serde_json::to_vec(line).expect("a mark has text keys and plain values")
}

fn parse(line: &[u8]) -> Option<(LetterId, Line)> {
    let frame = frame::parse(line).ok()?;
    let line: Line = serde_json::from_slice(frame.json).ok()?;
    Some((line.id.parse().ok()?, line))
}

#[cfg(test)]
mod tests {
    use super::super::StoredLetter;
    use super::super::line;
    use super::super::tests::letter;
    use super::*;

    fn mark(offset: u64, crc32: u32, ending: Ending) -> Mark {
        Mark {
            id: LetterId {
                file: "20260201T101530123".into(),
                offset,
            },
            crc32,
            ending,
            target: Some("soc".to_owned()),
        }
    }

    fn entry(offset: u64, crc32: u32) -> Entry {
        let mut json = Vec::new();
        line::write(&letter(1), &mut json);
        let letter: StoredLetter = serde_json::from_slice(&json).expect("it is a letter");
        Entry {
            id: mark(offset, 0, Ending::Delivered).id,
            path: PathBuf::from("x"),
            length: 0,
            json,
            crc32,
            letter,
        }
    }

    /// Scenario: marks, one of which is damaged and one not written to its end. Guarantees: a letter is done only by a whole
    /// mark with its own checksum; the next writer goes on behind the last whole mark.
    #[test]
    fn only_whole_marks_of_the_same_letter_count() {
        let directory = tempfile::tempdir().expect("a temporary directory");
        let path = directory.path().join(NAME);
        let marks = [
            mark(0, 11, Ending::Delivered),
            mark(50, 22, Ending::Discarded),
            mark(90, 33, Ending::Delivered),
        ];
        let mut writer = MarkWriter::open(directory.path()).expect("nobody has it");
        writer.append(&marks).expect("it can be written");
        drop(writer);
        let mut bytes = fs::read(&path).expect("it is there");
        let last = bytes.len() - 3;
        bytes[last] ^= 1;
        bytes.extend_from_slice(b"120 0000");
        fs::write(&path, &bytes).expect("it is writable");

        let read = || Marks::read(directory.path()).expect("it can be read");
        let known = read();
        assert_eq!(known.ending(&entry(0, 11)), Some(Ending::Delivered));
        assert_eq!(known.ending(&entry(50, 22)), Some(Ending::Discarded));
        for (offset, crc32) in [(0, 12), (50, 11), (90, 33), (1, 11)] {
            assert_eq!(known.ending(&entry(offset, crc32)), None, "{offset} {crc32}");
        }
        assert_eq!(known.damaged_lines, 1);

        let mut writer = MarkWriter::open(directory.path()).expect("nobody has it");
        writer.append(&marks[2..]).expect("it can be written");
        assert_eq!(read().ending(&entry(90, 33)), Some(Ending::Delivered));
    }

    #[test]
    fn marks_of_files_that_are_gone_go_too() {
        let directory = tempfile::tempdir().expect("a temporary directory");
        let mut writer = MarkWriter::open(directory.path()).expect("nobody has it");
        writer
            .append(&[mark(0, 11, Ending::Delivered)])
            .expect("it can be written");
        let segment = directory.path().join("20260201T101530123.letters");
        fs::write(&segment, "").expect("it is writable");
        writer.compact(directory.path()).expect("it can be replaced");
        let known = Marks::read(directory.path()).expect("it can be read");
        assert_eq!(known.ending(&entry(0, 11)), Some(Ending::Delivered));
        fs::remove_file(segment).expect("it is there");
        writer.compact(directory.path()).expect("it can be replaced");
        assert_eq!(fs::read(directory.path().join(NAME)).expect("it is there"), b"");
        writer
            .append(&[mark(7, 11, Ending::Delivered)])
            .expect("it can be written");
        let known = Marks::read(directory.path()).expect("it can be read");
        assert_eq!(
            known.ending(&entry(7, 11)),
            Some(Ending::Delivered),
            "it writes the new file"
        );
    }
}
