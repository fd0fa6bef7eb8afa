//! Dead letters as they lie in their directory, for people and for other programs. Nothing is locked: reading works
//! beside a running bridge.

use std::fs::File;
use std::io::{self, BufRead, BufReader};
use std::path::{Path, PathBuf};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde::{Deserialize, Serialize};

use super::directory;
use crate::durable::FileError;

/// What a line says of a record, in the order written. What was not known is absent.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StoredLetter {
    /// Identity of the delivery, 32 hexadecimal digits.
    pub event_id: Option<String>,
    /// Namespace of the hub.
    pub namespace: String,
    /// Name of the hub.
    pub hub: String,
    /// Group that read it.
    pub consumer_group: String,
    /// Partition it came from.
    pub partition: String,
    /// Number of its event.
    pub sequence_number: i64,
    /// Offset of its event.
    pub offset: Option<String>,
    /// When the hub took its event in, RFC 3339.
    pub enqueued_time: Option<String>,
    /// Position of the record in its event.
    pub record_index: u32,
    /// What it is.
    pub kind: String,
    /// Item key.
    pub key: Option<String>,
    /// The target that refused it.
    pub target: Option<String>,
    /// The stage that refused it.
    pub stage: String,
    /// Class of the refusal.
    pub reason: String,
    /// The peer's text, or ours.
    pub detail: String,
    /// Revision of the map that rendered it.
    pub mapping_revision: Option<String>,
    /// The bytes as received, base64.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub body: Option<String>,
    /// The rendered record, base64.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rendered: Option<String>,
}

/// One line of a file.
#[derive(Debug)]
pub struct Entry {
    /// The file.
    pub path: PathBuf,
    /// Number of the line, from 1.
    pub line_number: usize,
    /// The line without its end.
    pub line: Vec<u8>,
    /// What it says, or why it cannot be read.
    pub letter: Result<StoredLetter, String>,
}

impl StoredLetter {
    /// What is kept of the record, decoded: as received, or as rendered. `None` where nothing is.
    pub fn content(&self) -> Option<Result<Vec<u8>, base64::DecodeError>> {
        let text = self.body.as_ref().or(self.rendered.as_ref())?;
        Some(STANDARD.decode(text))
    }
}

/// Hands every line to `look`, the oldest day first, until it gives `false`.
///
/// A last line without its end is still being written and is left out.
/// Errors: of the directory and its files; a line that is no letter is handed on as such.
pub fn read(path: &Path, look: &mut dyn FnMut(Entry) -> bool) -> Result<(), FileError> {
    let mut names = directory::file_names(path).map_err(|source| FileError::new("list", path, source))?;
    names.sort();
    for name in names {
        let file = path.join(name);
        match read_file(&file, look) {
            Ok(true) => {}
            Ok(false) => return Ok(()),
            // Moved away since the directory was listed.
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(source) => return Err(FileError::new("read", &file, source)),
        }
    }
    Ok(())
}

fn read_file(path: &Path, look: &mut dyn FnMut(Entry) -> bool) -> io::Result<bool> {
    let mut reader = BufReader::new(File::open(path)?);
    for line_number in 1.. {
        let mut line = Vec::new();
        reader.read_until(b'\n', &mut line)?;
        if line.pop() != Some(b'\n') {
            break;
        }
        let entry = Entry {
            path: path.to_owned(),
            line_number,
            letter: serde_json::from_slice(&line).map_err(|error| error.to_string()),
            line,
        };
        if !look(entry) {
            return Ok(false);
        }
    }
    Ok(true)
}

#[cfg(test)]
mod tests {
    use super::super::line;
    use super::super::tests::letter;
    use super::*;

    /// Scenario: two days of letters, a line that is no letter, a line that is still being written, and other files.
    /// Guarantees: every whole line is handed on in order, with its place; the rest is left alone.
    #[test]
    fn whole_lines_in_order() {
        let directory = tempfile::tempdir().expect("a temporary directory");
        let lines = |numbers: &[i64]| {
            let mut lines = Vec::new();
            numbers
                .iter()
                .for_each(|number| line::append(&letter(*number), &mut lines));
            lines
        };
        let write = |name: &str, content: &[u8]| {
            std::fs::write(directory.path().join(name), content).expect("it is writable");
        };
        write(
            "2026-02-02.jsonl",
            &[&lines(&[3])[..], b"torn\n", &lines(&[4])[..], b"{\"event"].concat(),
        );
        write("2026-02-01.jsonl", &lines(&[1, 2]));
        write("lock", b"");
        let mut found = Vec::new();
        read(directory.path(), &mut |entry| {
            let name = entry
                .path
                .file_name()
                .expect("it is a file")
                .to_string_lossy()
                .into_owned();
            found.push((
                name,
                entry.line_number,
                entry.letter.ok().map(|letter| letter.sequence_number),
            ));
            true
        })
        .expect("the directory can be read");
        let first = "2026-02-01.jsonl".to_owned();
        let second = "2026-02-02.jsonl".to_owned();
        assert_eq!(
            found,
            [
                (first.clone(), 1, Some(1)),
                (first, 2, Some(2)),
                (second.clone(), 1, Some(3)),
                (second.clone(), 2, None),
                (second, 3, Some(4)),
            ]
        );
    }

    #[test]
    fn what_is_written_is_what_is_read() {
        let mut bytes = Vec::new();
        line::append(&letter(7), &mut bytes);
        let stored: StoredLetter = serde_json::from_slice(&bytes).expect("it is a letter");
        assert_eq!(
            serde_json::to_vec(&stored).expect("it is JSON"),
            bytes.trim_ascii_end()
        );
        assert_eq!(
            stored.content().expect("there is one").expect("it is base64"),
            b"{\"a\":1}"
        );
    }
}
