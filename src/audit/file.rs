//! A file of the audit, read as far as it can be: damage costs the lines it hit, and is said with its place.

use std::fs;
use std::path::{Path, PathBuf};

use super::Line;
use crate::durable::{FileError, frame};

/// What a file says.
#[derive(Debug, Default)]
pub struct Content {
    /// The lines that are whole, in their order.
    pub lines: Vec<Line>,
    /// The places that are not.
    pub damaged: Vec<Damaged>,
}

/// A line that is not what was written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Damaged {
    /// The file.
    pub path: PathBuf,
    /// Its place, counted from 1.
    pub line: usize,
    /// What is wrong.
    pub detail: String,
}

/// Reads a file. A last line without line end is being written, or was when a process was killed: nothing relies on it,
/// and it is passed over.
pub fn read(path: &Path) -> Result<Content, FileError> {
    let bytes = fs::read(path).map_err(|source| FileError::new("read", path, source))?;
    let mut content = Content::default();
    for (index, line) in bytes.split_inclusive(|byte| *byte == b'\n').enumerate() {
        let Some(line) = line.strip_suffix(b"\n") else {
            break;
        };
        match parse(line) {
            Ok(line) => content.lines.push(line),
            Err(detail) => content.damaged.push(Damaged {
                path: path.to_owned(),
                line: index + 1,
                detail,
            }),
        }
    }
    Ok(content)
}

fn parse(line: &[u8]) -> Result<Line, String> {
    let frame = frame::parse(line).map_err(|damage| damage.to_string())?;
    if frame.length != line.len() {
        return Err("it is longer than its length says".to_owned());
    }
    serde_json::from_slice(frame.json).map_err(|error| format!("it is no line of an audit: {error}"))
}
