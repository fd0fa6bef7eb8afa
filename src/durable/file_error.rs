//! What went wrong with a file, and with which.

use std::io;
use std::path::{Path, PathBuf};

/// The operating system refuses an operation on a file or directory.
#[derive(Debug, thiserror::Error)]
#[error("failed to {operation} `{}`", path.display())]
pub struct FileError {
    /// What was tried, as a verb that fits before the path.
    pub operation: &'static str,
    /// File or directory.
    pub path: PathBuf,
    /// Why.
    pub source: io::Error,
}

impl FileError {
    /// The error of `operation` on `path`.
    pub fn new(operation: &'static str, path: &Path, source: io::Error) -> Self {
        Self {
            operation,
            path: path.to_owned(),
            source,
        }
    }
}
