//! What a source says before the hub is asked about it.

use std::collections::BTreeMap;

use crate::checkpoint::Checkpoint;
use crate::checkpoint::legacy::LegacyPosition;
use crate::event::{PartitionId, Timestamp};

/// Everything that a source has for one consumer group.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Raw {
    /// What was found, by partition.
    pub(super) partitions: BTreeMap<PartitionId, Item>,
    /// What cannot be read and tells no partition: place, and what is wrong.
    pub(super) strays: Vec<(String, String)>,
    /// What whoever imports should know.
    pub(super) warnings: Vec<String>,
}

/// What was found of one partition.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Item {
    /// Blob or line.
    pub(super) place: String,
    /// When it was stored, by the clock of the store, if that is known.
    pub(super) stored_at: Option<Timestamp>,
    /// What it says.
    pub(super) content: Content,
}

/// What a blob or a line says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Content {
    /// A position of another program.
    Legacy(LegacyPosition),
    /// A checkpoint of this one.
    Own(Box<Checkpoint>),
    /// Nothing was settled yet.
    NothingSettled,
    /// It cannot be understood.
    Unreadable(String),
}
