//! What the lines of a target are written to.

use std::io;
use std::path::{Path, PathBuf};

use super::config::Settings;
use super::stream::Stream;
use super::{config::Rotate, rotation};
use crate::durable::{LineFile, directory, line_file};

/// A regular file, or something that cannot be taken back.
#[derive(Debug)]
pub enum Output {
    /// Lines are whole and on disk, or not there.
    File {
        /// The file being written.
        lines: LineFile,
        /// When a new one begins.
        rotate: Option<Rotate>,
    },
    /// Standard output, a pipe or a device.
    Stream(Stream),
}

/// The output does not take the lines now. Always worth another try: the records are fine.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The file cannot be written.
    #[error(transparent)]
    File(#[from] line_file::Error),
    /// Old files cannot make room for a new one.
    #[error("failed to rotate `{}`", path.display())]
    Rotate {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// Standard output, a pipe or a device fails.
    #[error("failed to write to the stream")]
    Stream {
        /// Why.
        source: io::Error,
    },
    /// Nothing could be written at this path.
    #[error("`{}` cannot be written", path.display())]
    Check {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
}

impl Output {
    /// The output of a target; nothing is opened yet.
    pub fn new(settings: &Settings) -> Self {
        let path = settings.path.clone();
        if settings.is_standard_output() {
            Output::Stream(Stream::new(None))
        } else if is_special(&path) {
            Output::Stream(Stream::new(Some(path)))
        } else {
            Output::File {
                lines: LineFile::new(path),
                rotate: settings.rotate,
            }
        }
    }

    /// Opens a file and repairs its last line, so that this does not wait for the first record. Blocks.
    pub fn open(&mut self) -> Result<(), Error> {
        match self {
            Output::File { lines, .. } => Ok(lines.open()?),
            Output::Stream(_) => Ok(()),
        }
    }

    /// Brings `batch` out, all of it; after an error the same batch must be given again. Blocks.
    pub fn write(&mut self, batch: &[u8]) -> Result<(), Error> {
        match self {
            Output::File { lines, rotate } => {
                lines.open()?;
                if let Some(rotate) = rotate
                    && lines.length() > 0
                    && lines.length() + batch.len() as u64 > rotate.bytes.0
                {
                    rotation::rotate(lines.path(), rotate.keep).map_err(|source| Error::Rotate {
                        path: lines.path().to_owned(),
                        source,
                    })?;
                }
                Ok(lines.append(batch)?)
            }
            Output::Stream(stream) => stream.write(batch).map_err(|source| Error::Stream { source }),
        }
    }
}

/// Tries whether the output could be written, and changes nothing. Blocks.
pub fn check(settings: &Settings) -> Result<(), Error> {
    let path = &settings.path;
    if settings.is_standard_output() {
        return Ok(());
    }
    let result = if path.exists() {
        std::fs::OpenOptions::new().append(true).open(path).map(drop)
    } else {
        Ok(())
    };
    result
        .and_then(|()| match is_special(path) {
            true => Ok(()),
            false => directory::check_writable(directory::parent(path)),
        })
        .map_err(|source| Error::Check {
            path: path.clone(),
            source,
        })
}

/// A device or a pipe: it has no length and cannot be renamed.
fn is_special(path: &Path) -> bool {
    path.metadata()
        .is_ok_and(|metadata| !metadata.is_file() && !metadata.is_dir())
}
