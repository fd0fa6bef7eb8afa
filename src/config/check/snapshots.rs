//! Checks `snapshots`, `score_change_at_least` and the `state` they need.

use std::path::PathBuf;

use super::Check;
use crate::config::file::{Checkpoint, File};
use crate::config::target::{Snapshots, Target};
use crate::route::ten_thousandths::TenThousandths;

/// The fewest items with which remembering is of use.
const MIN_ITEMS: usize = 16;

/// The most: beyond, the table would take more than a gigabyte.
const MAX_ITEMS: usize = 10_000_000;

/// Where things are remembered: beside the checkpoints unless said otherwise.
///
/// The pattern names every store of checkpoints there is. One that several instances share is no place for this, and
/// `snapshots: changes_only` must be refused with it: an item's updates spread over the partitions, and so over the
/// instances, and none of them would know what was last delivered.
pub(super) fn state_directory(written: &File) -> PathBuf {
    let Checkpoint { file } = &written.checkpoint;
    let directory = written.state.directory.as_ref().unwrap_or(&file.directory);
    directory.clone()
}

impl Check<'_> {
    pub(super) fn state(&mut self, written: &File) {
        let items = &written.state.items;
        if !(MIN_ITEMS..=MAX_ITEMS).contains(&items.value) {
            let message = format!("{} items cannot be remembered", items.value);
            self.error(
                items.span.clone(),
                "config::invalid_value",
                message,
                "from 16 to 10000000",
                "",
            );
        }
    }

    /// The least change of a score, for a target that compares.
    pub(super) fn score_change(&mut self, name: &str, target: &Target) -> Option<TenThousandths> {
        let change = target.score_change_at_least.as_ref()?;
        if target.snapshots != Snapshots::ChangesOnly {
            let message =
                format!("target `{name}` does not compare snapshots, so no change of a score is too small");
            let help = "add `snapshots: changes_only` to the target, or remove this option";
            self.error(
                change.span.clone(),
                "config::invalid_value",
                message,
                "has no effect",
                help,
            );
        }
        Some(change.value.0)
    }
}
