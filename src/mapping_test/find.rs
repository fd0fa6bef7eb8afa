//! Test files of a folder: `*.test.yaml` there and one level below, as maps stand.

use std::path::{Path, PathBuf};

/// Ends of the names of test files.
pub const SUFFIXES: [&str; 2] = [".test.yaml", ".test.yml"];

/// The test files at `path`, in name order: the file itself, or those of the folder and of its folders.
///
/// Errors: the folder, or one in it, cannot be read.
pub fn find(path: &Path) -> std::io::Result<Vec<PathBuf>> {
    if !path.is_dir() {
        return std::fs::metadata(path).map(|_| vec![path.to_owned()]);
    }
    let mut files = Vec::new();
    for entry in entries(path)? {
        if !entry.is_dir() {
            files.push(entry);
        } else if !is_hidden(&entry) {
            files.extend(entries(&entry)?);
        }
    }
    files.retain(|file| !file.is_dir() && !is_hidden(file) && is_test(file));
    files.sort();
    Ok(files)
}

fn entries(folder: &Path) -> std::io::Result<Vec<PathBuf>> {
    std::fs::read_dir(folder)?
        .map(|entry| entry.map(|entry| entry.path()))
        .collect()
}

fn is_test(path: &Path) -> bool {
    let name = name(path);
    SUFFIXES.iter().any(|suffix| name.ends_with(suffix))
}

/// Mounted volumes keep their versions in folders such as `..data`; what counts are the links beside them.
fn is_hidden(path: &Path) -> bool {
    name(path).starts_with('.')
}

fn name(path: &Path) -> &str {
    path.file_name()
        .and_then(|name| name.to_str())
        .unwrap_or_default()
}
