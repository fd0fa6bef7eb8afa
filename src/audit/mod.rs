//! The audit: what became of every event and record, in totals that are tied to positions and survive a kill.
//!
//! The tracker of a partition sums up what the mark has passed (`acknowledge::account`). Before a mark is stored as a
//! checkpoint, the sums up to it are added to a file as a line with the range of numbers they stand for. So every stored
//! position ends a line, and a restart counts on from there: without a hole, and without counting twice.
//! Deliberately absent: any part in what is delivered. If the file cannot be written, delivery goes on, and what is owed
//! to the file is written later.

pub mod totals; // sums with the names of targets
pub mod line; // what is written
pub mod merge; // many lines as few
pub mod file; // a file of lines, read
pub mod journal; // the files of one process, written
pub mod recorder; // what the checkpointer tells
pub mod reconciliation; // the daily line in the log
pub mod places; // where files are
pub mod history; // the lines of one partition, in the order of its numbers
pub mod report; // everything added up and judged

pub use line::Line;
pub use recorder::Recorder;
pub use totals::Totals;

#[cfg(test)]
mod tests;
