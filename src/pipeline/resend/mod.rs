//! Dead letters sent once more, beside the bridge: each to the target it names, or to another one.
//!
//! They go the normal way: decode, map as configured now, and the workers of the target. A letter is marked as done once
//! its target acknowledged it, and the mark is on disk before it counts. Deliberately absent: routes and rules for
//! snapshots, which the record has passed already; checkpoints; anything the bridge writes or locks.

pub mod plan; // which letters go where
mod prepare; // from a letter to a record of its target
mod feed; // letters on their way to one target
mod settle; // what was acknowledged is marked
pub mod account; // what has become of them
mod run; // everything together
#[cfg(test)]
mod testing;

pub use account::{Account, Report};
pub use plan::{Plan, Planned};
pub use run::{Resend, Settings};
