//! What each target last delivered of each item, for `snapshots: changes_only`.
//!
//! The memory is a table in memory, so that a decision waits for nothing, and a file beside the checkpoints, so that it
//! survives a restart. Losing it costs repeats. A part that is older than what was delivered would cost more, namely a
//! snapshot that is taken for unchanged and is not: so the file takes over what changed before a checkpoint passes the
//! events that changed it (see [`Keeper::flush`]), and what the checkpoint did not pass is delivered and noted again.
//!
//! Deliberately absent: what is on its way. Only what a target confirmed is remembered.

mod file;
mod items;
mod keeper;
mod memory;
mod remembered;

pub use file::Error;
pub use keeper::{Keeper, Remembering};
pub use memory::{LastDelivered, PendingUpdate};
pub use remembered::{Content, ItemKey};

pub(super) use remembered::first_half;
