//! Reads the dead letters of a directory, for people and for other programs. Nothing is locked and nothing is changed:
//! reading works beside a running bridge.

use std::fs::File;
use std::io::{self, BufRead, BufReader};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::frame::{self, Frame};
use super::{LetterId, StoredLetter, segment};
use crate::durable::FileError;

/// End of the names of files of an earlier version: one line of JSON for each letter, without length and checksum.
pub const PLAIN_SUFFIX: &str = ".jsonl";

/// What stands at one place of a file.
#[derive(Debug)]
pub enum Found {
    /// A letter.
    Entry(Box<Entry>),
    /// Bytes that are no letter any more; what follows them is read all the same.
    Damaged(Damaged),
    /// The last bytes of a file, of an entry that was not written to its end. Nobody was told that it is there, so its
    /// record was, or will be, written once more. Also seen while somebody writes.
    Torn(Damaged),
}

/// A letter and where it stands.
#[derive(Debug)]
pub struct Entry {
    /// Its name.
    pub id: LetterId,
    /// The file.
    pub path: PathBuf,
    /// Bytes from its begin to its end, without the line end.
    pub length: usize,
    /// What was written.
    pub json: Vec<u8>,
    /// Checksum of that.
    pub crc32: u32,
    /// What it says.
    pub letter: StoredLetter,
}

/// Bytes that are no letter.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Damaged {
    /// The file.
    pub path: PathBuf,
    /// Where they begin.
    pub offset: u64,
    /// How many they are.
    pub bytes: u64,
    /// What is wrong.
    pub detail: String,
}

/// How the letters of a file are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Form {
    Framed,
    Plain,
}

/// Names of the files with dead letters in `directory`, the oldest first.
pub fn file_names(directory: &Path) -> io::Result<Vec<String>> {
    let mut names = Vec::new();
    for entry in std::fs::read_dir(directory)? {
        let name = entry?.file_name().to_string_lossy().into_owned();
        if form(&name).is_some() {
            names.push(name);
        }
    }
    // Files of an earlier version are older than any segment.
    names.sort_by_cached_key(|name| (form(name) == Some(Form::Framed), name.clone()));
    Ok(names)
}

/// Hands everything in `directory` to `look`, in the order written, until it gives `false`.
///
/// Errors: of the directory and its files. What is damaged is handed on as such.
pub fn read(directory: &Path, look: &mut dyn FnMut(Found) -> bool) -> Result<(), FileError> {
    let names = file_names(directory).map_err(|source| FileError::new("list", directory, source))?;
    for name in names {
        let path = directory.join(name);
        match read_file(&path, look) {
            Ok(true) => {}
            Ok(false) => return Ok(()),
            // Moved away or purged since the directory was listed.
            Err(error) if error.source.kind() == io::ErrorKind::NotFound => {}
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

/// Hands everything in one file to `look` until it gives `false`, which is then given.
pub fn read_file(path: &Path, look: &mut dyn FnMut(Found) -> bool) -> Result<bool, FileError> {
    let error = |source| FileError::new("read", path, source);
    let place = Place::of(path);
    let mut reader = BufReader::new(File::open(path).map_err(error)?);
    let mut line = Vec::new();
    let mut offset = 0;
    loop {
        line.clear();
        let count = reader.read_until(b'\n', &mut line).map_err(error)?;
        if count == 0 {
            return Ok(true);
        }
        if !place.line(offset, &line, look) {
            return Ok(false);
        }
        offset += count as u64;
    }
}

/// The letter `id` of the file at `path`, whose entry has so many bytes.
///
/// Errors: the file cannot be read, or no such letter stands there any more.
pub fn read_at(path: &Path, offset: u64, length: usize) -> Result<Entry, FileError> {
    let error = |source| FileError::new("read", path, source);
    let mut bytes = vec![0; length];
    File::open(path)
        .and_then(|file| file.read_exact_at(&mut bytes, offset))
        .map_err(error)?;
    let place = Place::of(path);
    let frame = place.form.parse(&bytes).map_err(|detail| invalid(&detail));
    let entry = frame.and_then(|frame| place.entry(offset, frame).map_err(|detail| invalid(&detail)));
    entry.map_err(error)
}

/// A file.
struct Place<'p> {
    path: &'p Path,
    stem: Arc<str>,
    form: Form,
}

impl<'p> Place<'p> {
    fn of(path: &'p Path) -> Self {
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        let form = form(&name).unwrap_or(Form::Framed);
        let stem = name.strip_suffix(form.suffix()).unwrap_or(&name);
        Self {
            path,
            stem: stem.into(),
            form,
        }
    }

    /// A line that begins at `offset`, with its end if it has one. Where a line end is damaged it holds several entries.
    fn line(&self, offset: u64, line: &[u8], look: &mut dyn FnMut(Found) -> bool) -> bool {
        let mut start = 0;
        while start < line.len() {
            let rest = &line[start..];
            let at = offset + start as u64;
            let frame = match self.form.parse(rest) {
                Ok(frame) => frame,
                Err(detail) if rest.ends_with(b"\n") => {
                    return look(Found::Damaged(self.damaged(at, rest.len() - 1, detail)));
                }
                Err(detail) => return look(Found::Torn(self.damaged(at, rest.len(), detail))),
            };
            let (end, length) = (rest.get(frame.length).copied(), frame.length);
            let found = match self.entry(at, frame) {
                Ok(entry) => Found::Entry(Box::new(entry)),
                Err(detail) => Found::Damaged(self.damaged(at, length, detail)),
            };
            if !look(found) {
                return false;
            }
            if end.is_some_and(|end| end != b'\n') {
                let detail = "the end of the line is damaged; the letter before it is whole".to_owned();
                if !look(Found::Damaged(self.damaged(at + length as u64, 1, detail))) {
                    return false;
                }
            }
            start += length + 1;
        }
        true
    }

    fn entry(&self, offset: u64, frame: Frame<'_>) -> Result<Entry, String> {
        let letter =
            serde_json::from_slice(frame.json).map_err(|error| format!("no dead letter: {error}"))?;
        Ok(Entry {
            id: LetterId {
                file: Arc::clone(&self.stem),
                offset,
            },
            path: self.path.to_owned(),
            length: frame.length,
            json: frame.json.to_vec(),
            crc32: frame.crc32,
            letter,
        })
    }

    fn damaged(&self, offset: u64, bytes: usize, detail: String) -> Damaged {
        Damaged {
            path: self.path.to_owned(),
            offset,
            bytes: bytes as u64,
            detail,
        }
    }
}

impl Form {
    fn suffix(self) -> &'static str {
        match self {
            Form::Framed => segment::SUFFIX,
            Form::Plain => PLAIN_SUFFIX,
        }
    }

    /// The entry at the begin of `bytes`.
    fn parse(self, bytes: &[u8]) -> Result<Frame<'_>, String> {
        match self {
            Form::Framed => frame::parse(bytes).map_err(|damage| damage.to_string()),
            Form::Plain => {
                let json = bytes.strip_suffix(b"\n").unwrap_or(bytes);
                serde_json::from_slice::<StoredLetter>(json)
                    .map_err(|error| format!("no dead letter: {error}"))?;
                Ok(Frame {
                    json,
                    crc32: frame::checksum(json),
                    length: json.len(),
                })
            }
        }
    }
}

fn form(name: &str) -> Option<Form> {
    [Form::Framed, Form::Plain]
        .into_iter()
        .find(|form| name.ends_with(form.suffix()))
}

fn invalid(detail: &str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, detail.to_owned())
}

#[cfg(test)]
mod tests;
