//! Changed files become the configuration in use, whole or not at all.
//!
//! Deliberately absent: a way to take over half of a change, and an own path for loading. What `run` reads at the start
//! is read again by the same code.

mod exchange; // puts the new in the place of the old
mod places; // the folders and names to be watched
mod reloader; // the task: hears, reads, exchanges, reports
mod settle; // waits until files are quiet
mod watch; // hears of changed files

pub use exchange::Exchange;
pub use reloader::{Reloader, Source};
