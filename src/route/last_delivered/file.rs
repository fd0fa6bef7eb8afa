//! The file of the memories: one redb database, with a table for each target.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use redb::{
    Database, DatabaseError, ReadableDatabase, ReadableTable, ReadableTableMetadata, TableDefinition,
    TableHandle,
};

use super::items::{Changes, Items};
use super::keeper::Remembering;
use super::remembered::{ENCODED_BYTES, ItemKey, Remembered};
use crate::durable::{FileError, directory};
use crate::event::Timestamp;

/// Name of the file in the state directory.
pub const NAME: &str = "last-delivered.redb";

/// What a damaged file is called from then on; an earlier one of that name is replaced.
const DAMAGED_NAME: &str = "last-delivered.redb.damaged";

/// Memory that redb may take for pages. All is read once, at the start; after that the table in memory answers.
const CACHE_BYTES: usize = 1 << 20;

/// Before the name of a target in the name of its table; a new layout of the values gets another one.
const PREFIX: &str = "1:";

/// The floor of each target that has one, in epoch milliseconds.
const FLOORS: TableDefinition<'_, &str, i64> = TableDefinition::new("floors");

/// What the file has of each target.
pub type Contents = Vec<(Arc<str>, Items)>;

type ItemTable<'n> = TableDefinition<'n, &'static [u8; 16], &'static [u8; ENCODED_BYTES]>;

/// The open file, locked against other processes.
#[derive(Debug)]
pub struct StateFile {
    database: Database,
    path: PathBuf,
}

/// The file cannot be used. At start: stop with exit code 74. While running: no checkpoint moves until it can.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The operating system refuses.
    #[error(transparent)]
    Io(#[from] FileError),
    /// Another process has it open.
    #[error("what was last delivered, `{}`, is in use by another process", path.display())]
    Locked {
        /// The file.
        path: PathBuf,
    },
    /// The database refuses.
    #[error("failed to {operation} `{}`", path.display())]
    Database {
        /// What was tried.
        operation: &'static str,
        /// The file.
        path: PathBuf,
        /// Why.
        source: Box<redb::Error>,
    },
}

impl Error {
    /// The next step for the operator, one line.
    pub fn hint(&self) -> &'static str {
        match self {
            Error::Locked { .. } => "stop the other process, or give this one a `state.directory` of its own",
            Error::Io(_) | Error::Database { .. } => {
                "check that the state directory exists, can be written by this user, and is not full; without the file all \
                 that it had is sent once more"
            }
        }
    }
}

/// Opens the file, or makes it, and reads what it has of `targets`, at most `limit` items each. Blocks.
pub fn open(path: &Path, targets: &[Remembering], limit: usize) -> Result<(StateFile, Contents), Error> {
    directory::create(directory::parent(path))
        .map_err(|source| FileError::new("make directory of", path, source))?;
    match StateFile::load(path, targets, limit) {
        Err(error) if error.is_damage() => {
            put_aside(path, &error)?;
            StateFile::load(path, targets, limit)
        }
        other => other,
    }
}

/// Removes the file: nothing notes any more what is delivered, so what it says grows wrong. A file that another process
/// has open is left alone.
pub fn discard(path: &Path) -> Result<(), Error> {
    if !path.exists() {
        return Ok(());
    }
    if let Err(DatabaseError::DatabaseAlreadyOpen) = builder().open(path) {
        return Ok(());
    }
    tracing::info!(
        path = %path.display(),
        "what was last delivered is forgotten: no target has `snapshots: changes_only`"
    );
    fs::remove_file(path).map_err(|source| FileError::new("remove", path, source))?;
    Ok(())
}

impl StateFile {
    /// Opens the file again after a failure, or makes it. Blocks.
    pub fn reopen(path: &Path) -> Result<Self, Error> {
        match Self::open(path) {
            Err(error) if error.is_damage() => {
                put_aside(path, &error)?;
                Self::open(path)
            }
            other => other,
        }
    }

    /// Writes what changed for one target; durable when it returns. Blocks.
    pub fn commit(&self, target: &str, changes: &Changes) -> Result<(), Error> {
        self.write(target, changes)
            .map_err(|error| self.error("write", error))
    }

    fn open(path: &Path) -> Result<Self, Error> {
        let database = builder().create(path).map_err(|error| match error {
            DatabaseError::DatabaseAlreadyOpen => Error::Locked {
                path: path.to_owned(),
            },
            error => Error::Database {
                operation: "open",
                path: path.to_owned(),
                source: Box::new(error.into()),
            },
        })?;
        Ok(Self {
            database,
            path: path.to_owned(),
        })
    }

    fn load(path: &Path, targets: &[Remembering], limit: usize) -> Result<(Self, Contents), Error> {
        let file = Self::open(path)?;
        let contents = file
            .prepare(targets)
            .and_then(|()| {
                let read = |target: &Remembering| Ok((Arc::clone(&target.name), file.read(target, limit)?));
                targets.iter().map(read).collect()
            })
            .map_err(|error| file.error("read", error))?;
        Ok((file, contents))
    }

    /// Makes what is missing, and removes the tables of targets that do not remember.
    fn prepare(&self, targets: &[Remembering]) -> Result<(), redb::Error> {
        let write = self.database.begin_write()?;
        let names: Vec<_> = targets.iter().map(|target| table_name(&target.name)).collect();
        let tables: Vec<_> = write.list_tables()?.collect();
        for table in tables {
            if table.name() != FLOORS.name() && !names.iter().any(|name| name == table.name()) {
                write.delete_table(table)?;
            }
        }
        for name in &names {
            write.open_table(ItemTable::new(name))?;
        }
        write
            .open_table(FLOORS)?
            .retain(|target, _| targets.iter().any(|known| &*known.name == target))?;
        write.commit()?;
        Ok(())
    }

    fn read(&self, target: &Remembering, limit: usize) -> Result<Items, redb::Error> {
        let mut items = Items::new(limit);
        let read = self.database.begin_read()?;
        let name = table_name(&target.name);
        let table = read.open_table(ItemTable::new(&name))?;
        if let Some(floor) = read.open_table(FLOORS)?.get(&*target.name)? {
            items.restore_floor(Timestamp::from_millis(floor.value()));
        } else if let (Some(floor), true) = (target.settled_until, table.is_empty()?) {
            items.begin_after(floor);
        }
        for entry in table.iter()? {
            let (key, value) = entry?;
            items.restore(ItemKey(*key.value()), Remembered::decode(value.value()));
        }
        items.shrink();
        Ok(items)
    }

    fn write(&self, target: &str, changes: &Changes) -> Result<(), redb::Error> {
        let write = self.database.begin_write()?;
        {
            let name = table_name(target);
            let mut items = write.open_table(ItemTable::new(&name))?;
            if let Some(floor) = changes.floor {
                items.retain(|_, value| Remembered::decode(value).enqueued_time > floor)?;
                write.open_table(FLOORS)?.insert(target, floor.as_millis())?;
            }
            for (key, remembered) in &changes.items {
                items.insert(&key.0, &remembered.encode())?;
            }
        }
        write.commit()?;
        Ok(())
    }

    fn error(&self, operation: &'static str, source: redb::Error) -> Error {
        Error::Database {
            operation,
            path: self.path.clone(),
            source: Box::new(source),
        }
    }
}

impl Error {
    /// Whether the file's content is wrong, as opposed to a disk that is full or a directory that cannot be written.
    fn is_damage(&self) -> bool {
        let Error::Database { source, .. } = self else {
            return false;
        };
        match &**source {
            redb::Error::Io(error) => {
                matches!(
                    error.kind(),
                    io::ErrorKind::InvalidData | io::ErrorKind::UnexpectedEof
                )
            }
            redb::Error::PreviousIo | redb::Error::DatabaseClosed => false,
            _ => true,
        }
    }
}

fn put_aside(path: &Path, error: &Error) -> Result<(), Error> {
    let aside = path.with_file_name(DAMAGED_NAME);
    tracing::warn!(
        path = %path.display(), aside = %aside.display(), error = error as &dyn std::error::Error,
        "what was last delivered cannot be read and is put aside; snapshots are sent once more"
    );
    fs::rename(path, &aside).map_err(|source| FileError::new("rename", path, source))?;
    directory::sync_parent(path).map_err(|source| FileError::new("sync directory of", path, source))?;
    Ok(())
}

fn table_name(target: &str) -> String {
    format!("{PREFIX}{target}")
}

fn builder() -> redb::Builder {
    let mut builder = Database::builder();
    builder.set_cache_size(CACHE_BYTES);
    builder
}

#[cfg(test)]
mod tests;
