//! Records that were refused for good, kept with their reason.

pub mod config;
pub mod letter;
pub mod line;
pub mod stored;
pub mod segment;
pub mod id;
pub mod entries;
pub mod done;
pub mod purge;
pub mod queue;
pub mod directory;
pub mod writer;
pub mod copy;
pub mod forward;
pub mod health;

pub use crate::durable::frame;
pub use done::{Ending, Marks};
pub use entries::{Entry, Found};
pub use forward::Forward;
pub use health::Health;
pub use id::LetterId;
pub use letter::{Content, DeadLetter};
pub use queue::{Closed, DeadLetters, Request};
pub use stored::StoredLetter;
pub use writer::Writer;

#[cfg(test)]
mod tests;
