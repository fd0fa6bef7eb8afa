//! How far each target of a shared consumer group is, besides the mark they share.
//!
//! The slowest target holds the mark that all share. A target that is ahead of it has a position of its own in the
//! checkpoint, so that a restart does not send to it again what it has confirmed.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::Mark;
use crate::event::{Offset, SequenceNumber};

/// Targets of one group whose progress is followed; further ones share the mark. One bit each in a word.
pub const MAX_FOLLOWED_TARGETS: usize = u64::BITS as usize;

/// Up to where one target has settled every event.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Passed {
    /// Number of the last event it settled.
    pub sequence_number: SequenceNumber,
    /// Its offset, kept as received.
    pub offset: Offset,
}

/// The targets of a group as a partition's reader begins: who they are, and how far each one was.
#[derive(Debug, Clone, Default)]
pub struct Targets {
    /// Their names, in the order of the group's dispatch.
    names: Arc<[Arc<str>]>,
    /// Per target how far it was ahead of the shared position; empty if none was.
    ahead: Vec<Option<Passed>>,
}

/// What a checkpoint of a partition says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Progress {
    /// Up to where every target has settled everything.
    pub mark: Mark,
    /// The targets that are ahead of it, by name.
    pub targets: BTreeMap<String, Passed>,
}

impl Targets {
    /// The targets of a group, none ahead of the others.
    pub fn new(names: impl IntoIterator<Item = Arc<str>>) -> Self {
        Self {
            names: names.into_iter().collect(),
            ahead: Vec::new(),
        }
    }

    /// The same, those named in `positions` as far as it says. Positions of other targets are left out: they were
    /// removed from the configuration, or have a group of their own.
    pub fn ahead(&self, positions: &BTreeMap<String, Passed>) -> Self {
        let ahead = self.names.iter().map(|name| positions.get(&**name).cloned());
        let mut ahead: Vec<_> = ahead.collect();
        if ahead.iter().all(Option::is_none) {
            ahead.clear();
        }
        Self {
            names: Arc::clone(&self.names),
            ahead,
        }
    }

    /// The same, none ahead: what was known says nothing about a hub that was made anew.
    pub fn without_positions(&self) -> Self {
        Self {
            names: Arc::clone(&self.names),
            ahead: Vec::new(),
        }
    }

    /// Their names, in the order of the group's dispatch.
    pub(super) fn names(&self) -> impl Iterator<Item = &str> {
        self.names.iter().map(|name| &**name)
    }

    /// How many there are.
    pub(super) fn count(&self) -> usize {
        self.names.len()
    }

    /// How many are followed. Not a group's only target, whose mark is the group's, unless one that was removed had held
    /// that mark back.
    pub(super) fn followed(&self) -> usize {
        match self.names.len() < 2 && self.ahead.is_empty() {
            true => 0,
            false => self.names.len().min(MAX_FOLLOWED_TARGETS),
        }
    }

    /// How far a target was when this generation began, if it was ahead.
    pub(super) fn start(&self, target: usize) -> Option<&Passed> {
        self.ahead.get(target)?.as_ref()
    }

    pub(super) fn name(&self, target: usize) -> &str {
        &self.names[target]
    }

    /// The bit of a target, if it is followed.
    pub(super) fn bit(&self, name: &str) -> Option<u64> {
        let index = self.names.iter().position(|known| **known == *name)?;
        (index < self.followed()).then(|| 1 << index)
    }
}

impl From<&Mark> for Passed {
    fn from(mark: &Mark) -> Self {
        Self {
            sequence_number: mark.sequence_number,
            offset: mark.offset.clone(),
        }
    }
}

#[cfg(test)]
mod tests;
