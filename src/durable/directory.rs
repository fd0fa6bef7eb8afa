//! Directories whose entries are on disk.

use std::fs::{self, File};
use std::io;
use std::path::Path;

/// Writes the entries of a directory to disk: names made, renamed or removed in it survive from here on.
pub fn sync(directory: &Path) -> io::Result<()> {
    File::open(directory)?.sync_all()
}

/// Writes the entries of the directory that holds `path` to disk.
pub fn sync_parent(path: &Path) -> io::Result<()> {
    sync(parent(path))
}

/// Makes a directory and what is missing above it, each durable before the next.
pub fn create(directory: &Path) -> io::Result<()> {
    if directory.as_os_str().is_empty() || directory.is_dir() {
        return Ok(());
    }
    create(parent(directory))?;
    match fs::create_dir(directory) {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists && directory.is_dir() => {}
        other => other?,
    }
    sync_parent(directory)
}

/// The directory that holds `path`; the working directory for a bare name.
pub fn parent(path: &Path) -> &Path {
    match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        Some(_) => Path::new("."),
        None => path,
    }
}

/// Proves that files can be made in a directory, or in the nearest one above it that exists, and leaves nothing.
pub fn check_writable(directory: &Path) -> io::Result<()> {
    let mut existing = directory;
    while !existing.exists() && parent(existing) != existing {
        existing = parent(existing);
    }
    let probe = existing.join(format!(".hub2siem-check-{}", std::process::id()));
    File::create_new(&probe)?;
    fs::remove_file(&probe)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn makes_all_that_is_missing_and_takes_what_is_there() {
        let root = tempfile::tempdir().expect("a temporary directory can be made");
        let deep = root.path().join("a/b/c");
        create(&deep).expect("it can be made");
        create(&deep).expect("it is there already");
        assert!(deep.is_dir());
    }

    #[test]
    fn a_file_in_the_way_is_an_error() {
        let root = tempfile::tempdir().expect("a temporary directory can be made");
        let file = root.path().join("a");
        File::create(&file).expect("it can be made");
        create(&file.join("b")).expect_err("a file is no directory");
        create(&file).expect_err("a file is no directory");
    }

    #[test]
    fn the_check_leaves_nothing() {
        let root = tempfile::tempdir().expect("a temporary directory can be made");
        check_writable(&root.path().join("not/yet")).expect("the directory above is writable");
        let left = fs::read_dir(root.path()).expect("it can be read").count();
        assert_eq!(left, 0);
        check_writable(Path::new("/proc/none")).expect_err("nothing can be made there");
    }
}
