//! Records that were refused for good, kept with their reason.

pub mod letter;
pub mod queue;

pub use letter::{Content, DeadLetter};
pub use queue::{Closed, DeadLetters, Request};
