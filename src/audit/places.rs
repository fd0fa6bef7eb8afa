//! Where the files of the audit are: `<state>/<host>/<hub>/<group>/audit/<n>/<date>.totals`, beside the checkpoints of the
//! group if the two directories are one.
//!
//! Each process of a group that shares a state directory has a number of its own, from 1; most have one process.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use jiff::civil::Date;

use crate::durable::FileError;
use crate::event::Timestamp;

/// Name of the directory within that of a consumer group.
pub const DIRECTORY: &str = "audit";

/// End of the names of files.
pub const SUFFIX: &str = ".totals";

/// What one process recorded of one consumer group.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    /// Host of the namespace, hub and group, as their directories are named: lower case.
    pub group: Group,
    /// Directory of the files.
    pub directory: PathBuf,
}

/// A consumer group of a hub, as directories are named.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Group {
    /// Host of the namespace, with `_` and the port if it is not the usual one.
    pub host: String,
    /// Hub.
    pub hub: String,
    /// Consumer group.
    pub name: String,
}

/// The day of a moment, in UTC.
pub fn day(time: Timestamp) -> Date {
    let moment = jiff::Timestamp::from_millisecond(time.as_millis()).unwrap_or_default();
    moment.to_zoned(jiff::tz::TimeZone::UTC).date()
}

/// The file of a day.
pub fn path(directory: &Path, day: Date) -> PathBuf {
    directory.join(format!("{day}{SUFFIX}"))
}

/// The files of one process with their days, oldest first. What is not named like one is left alone.
pub fn files(directory: &Path) -> Result<Vec<(Date, PathBuf)>, FileError> {
    let mut files: Vec<_> = entries(directory)?
        .into_iter()
        .filter_map(|path| {
            let day = name(&path)?.strip_suffix(SUFFIX)?.parse().ok()?;
            Some((day, path))
        })
        .collect();
    files.sort();
    Ok(files)
}

/// Everything that was recorded below a state directory, in the order of names.
///
/// Errors: a directory cannot be read, `state` itself if it is not there.
pub fn find(state: &Path) -> Result<Vec<Place>, FileError> {
    let mut places = Vec::new();
    for host in directories(state)? {
        for hub in directories(&host)? {
            for group in directories(&hub)? {
                let audit = group.join(DIRECTORY);
                if !audit.is_dir() {
                    continue;
                }
                for directory in directories(&audit)? {
                    let group = Group {
                        host: name(&host).unwrap_or_default().to_owned(),
                        hub: name(&hub).unwrap_or_default().to_owned(),
                        name: name(&group).unwrap_or_default().to_owned(),
                    };
                    places.push(Place { group, directory });
                }
            }
        }
    }
    Ok(places)
}

fn directories(directory: &Path) -> Result<Vec<PathBuf>, FileError> {
    let mut found: Vec<_> = entries(directory)?
        .into_iter()
        .filter(|path| path.is_dir())
        .collect();
    found.sort();
    Ok(found)
}

fn entries(directory: &Path) -> Result<Vec<PathBuf>, FileError> {
    let entries = fs::read_dir(directory).and_then(|entries| {
        let paths = entries.map(|entry| entry.map(|entry| entry.path()));
        paths.collect::<io::Result<Vec<_>>>()
    });
    entries.map_err(|source| FileError::new("list", directory, source))
}

fn name(path: &Path) -> Option<&str> {
    path.file_name()?.to_str()
}
