//! Old files make room: `all.jsonl` becomes `all.jsonl.1`, `.1` becomes `.2`, and the oldest goes.

use std::fs;
use std::io;
use std::num::NonZeroU32;
use std::path::{Path, PathBuf};

use crate::durable::directory;

/// Renames the file and the older ones, so that its name is free. Can be repeated after a failure at any step.
///
/// Only the files up to the first missing number move: a repetition, or a gap somebody made, costs no old file.
pub fn rotate(path: &Path, keep: NonZeroU32) -> io::Result<()> {
    let keep = keep.get();
    let free = (1..keep)
        .find(|number| !numbered(path, *number).exists())
        .unwrap_or(keep);
    for number in (1..free).rev() {
        fs::rename(numbered(path, number), numbered(path, number + 1))?;
    }
    fs::rename(path, numbered(path, 1))?;
    directory::sync_parent(path)
}

fn numbered(path: &Path, number: u32) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(format!(".{number}"));
    name.into()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn content(path: &Path) -> Vec<(String, String)> {
        let mut files: Vec<_> = fs::read_dir(path)
            .expect("the directory can be read")
            .map(|entry| entry.expect("it can be listed"))
            .map(|entry| {
                let text = fs::read_to_string(entry.path()).expect("it is text");
                (entry.file_name().to_string_lossy().into_owned(), text)
            })
            .collect();
        files.sort();
        files
    }

    #[test]
    fn keeps_the_newest_files() {
        let cases: [(u32, &[(&str, &str)]); 3] = [
            (1, &[("a.1", "5")]),
            (3, &[("a.1", "5"), ("a.2", "4"), ("a.3", "3")]),
            (
                9,
                &[
                    ("a.1", "5"),
                    ("a.2", "4"),
                    ("a.3", "3"),
                    ("a.4", "2"),
                    ("a.5", "1"),
                ],
            ),
        ];
        for (keep, expected) in cases {
            let directory = tempfile::tempdir().expect("a temporary directory can be made");
            let path = directory.path().join("a");
            for number in 1..=5 {
                fs::write(&path, number.to_string()).expect("it can be written");
                rotate(&path, NonZeroU32::new(keep).expect("it is not zero")).expect("it can be renamed");
            }
            let expected: Vec<_> = expected
                .iter()
                .map(|(name, text)| (name.to_string(), text.to_string()))
                .collect();
            assert_eq!(content(directory.path()), expected, "keep {keep}");
        }
    }

    /// Scenario: the last step fails again and again, because the file is not there.
    /// Guarantees: the old files are moved once, not once for each try.
    #[test]
    fn a_repetition_costs_no_old_file() {
        let directory = tempfile::tempdir().expect("a temporary directory can be made");
        let path = directory.path().join("a");
        for number in [1, 2] {
            fs::write(numbered(&path, number), number.to_string()).expect("it can be written");
        }
        let keep = NonZeroU32::new(3).expect("it is not zero");
        for _ in 0..5 {
            rotate(&path, keep).expect_err("there is nothing to rename");
        }
        fs::write(&path, "0").expect("it can be written");
        rotate(&path, keep).expect("it can be renamed");
        let texts: Vec<_> = content(directory.path())
            .into_iter()
            .map(|(_, text)| text)
            .collect();
        assert_eq!(texts, ["0", "1", "2"]);
    }
}
