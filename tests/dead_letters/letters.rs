//! What lies in the directory, read without the program: letters, and which of them are marked as done.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use serde_json::Value;

/// `event_id` of every letter by its id; the segments are whole up to their last line end.
pub fn letters(directory: &Path) -> BTreeMap<String, String> {
    let mut letters = BTreeMap::new();
    for path in segments(directory) {
        let stem = path
            .file_stem()
            .expect("it is a file")
            .to_string_lossy()
            .into_owned();
        let mut offset = 0;
        for line in whole_lines(&path) {
            let letter = json(&line);
            let event_id = letter["event_id"]
                .as_str()
                .expect("each letter of these tests has one");
            letters.insert(format!("{stem}-{offset}"), event_id.to_owned());
            offset += line.len();
        }
    }
    letters
}

/// Ids of the letters that are marked as delivered.
pub fn marked(directory: &Path) -> BTreeSet<String> {
    let lines = whole_lines(&directory.join("dead-letters/done.marks"));
    let marks = lines.iter().map(|line| json(line));
    let delivered = marks.filter(|mark| mark["ending"] == "delivered");
    delivered
        .map(|mark| mark["id"].as_str().expect("a mark has an id").to_owned())
        .collect()
}

/// The segments there are.
pub fn segments(directory: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(directory.join("dead-letters")).expect("it is there");
    let paths = entries.map(|entry| entry.expect("it can be listed").path());
    let mut segments: Vec<_> = paths
        .filter(|path| path.extension().is_some_and(|extension| extension == "letters"))
        .collect();
    segments.sort();
    segments
}

fn whole_lines(path: &Path) -> Vec<Vec<u8>> {
    // Before the first mark there is no file of marks.
    let bytes = fs::read(path).unwrap_or_default();
    let lines = bytes.split_inclusive(|byte| *byte == b'\n');
    lines
        .filter(|line| line.ends_with(b"\n"))
        .map(<[u8]>::to_vec)
        .collect()
}

/// What stands behind the length and the checksum.
fn json(line: &[u8]) -> Value {
    let json = line.splitn(3, |byte| *byte == b' ').nth(2).expect("three parts");
    serde_json::from_slice(json).expect("it is JSON")
}
