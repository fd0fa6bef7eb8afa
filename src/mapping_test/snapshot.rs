//! Whole outputs kept beside a test file: `alert.test.yaml` has them in `alert.test.snap.json`.
//!
//! They are written on request only (`--bless`), and the test file with its comments stays as it is.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde_json::Value;

use super::runner::Outcome;
use crate::durable::replace::replace;

/// Outputs by name of the test: JSON as it is, other lines as a text.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Snapshot(BTreeMap<String, Value>);

/// A snapshot that cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// It cannot be read.
    #[error("failed to read the snapshot `{path}`")]
    Read {
        /// The file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// It is not what was written.
    #[error("the snapshot `{path}` is not JSON as `--bless` writes it")]
    Parse {
        /// The file.
        path: PathBuf,
        /// Why.
        source: serde_json::Error,
    },
    /// It cannot be written.
    #[error("failed to write the snapshot `{path}`")]
    Write {
        /// The file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
}

impl Snapshot {
    /// What stands beside the test file at `path`; empty if nothing does.
    pub fn read(path: &Path) -> Result<Self, Error> {
        let path = beside(path);
        let text = match std::fs::read_to_string(&path) {
            Ok(text) => text,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Self::default()),
            Err(source) => return Err(Error::Read { path, source }),
        };
        match serde_json::from_str(&text) {
            Ok(outputs) => Ok(Self(outputs)),
            Err(source) => Err(Error::Parse { path, source }),
        }
    }

    /// The outputs of tests that gave one.
    pub fn of(outcomes: &[Outcome<'_>]) -> Self {
        let outputs = outcomes.iter().filter_map(|outcome| {
            let output = outcome.output.as_ref()?;
            let value = serde_json::from_str(output).unwrap_or_else(|_| Value::String(output.clone()));
            Some((outcome.case.name.clone(), value))
        });
        Self(outputs.collect())
    }

    /// Writes it beside the test file at `path` and gives its own path. The file is replaced as a whole or not at all.
    pub fn write(&self, path: &Path) -> Result<PathBuf, Error> {
        let path = beside(path);
        let mut text = serde_json::to_string_pretty(&self.0).expect("names and JSON are JSON");
        text.push('\n');
        match replace(&path, text.as_bytes()) {
            Ok(()) => Ok(path),
            Err(source) => Err(Error::Write { path, source }),
        }
    }

    /// The output of the test called `name`.
    pub fn get(&self, name: &str) -> Option<&Value> {
        self.0.get(name)
    }

    /// Names of tests that it has an output of.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.0.keys().map(String::as_str)
    }
}

/// `x.test.yaml` → `x.test.snap.json`.
fn beside(path: &Path) -> PathBuf {
    path.with_extension("snap.json")
}
