//! A small file replaced as a whole: after a crash the old content stands, or the new one, and nothing between.

use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use super::directory;

/// End of the names of files that are not finished.
pub const TEMPORARY_SUFFIX: &str = ".tmp";

/// Replaces the content of `path`; when it returns, the new content is on disk under that name.
pub fn replace(path: &Path, content: &[u8]) -> io::Result<()> {
    let temporary = temporary_name(path);
    let mut file = File::create(&temporary)?;
    file.write_all(content)?;
    file.sync_all()?;
    drop(file);
    fs::rename(&temporary, path)?;
    directory::sync_parent(path)
}

fn temporary_name(path: &Path) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(TEMPORARY_SUFFIX);
    name.into()
}
