//! Target kind `file`: JSON lines in a file, or on standard output.
//!
//! A batch is confirmed when it is on disk; standard output confirms what the reader's pipe took.

pub mod config;
pub mod encode;
pub mod output;
pub mod rotation;
pub mod stream;
pub mod worker;

pub use config::Settings;
pub use output::check;
pub use worker::run;

#[cfg(test)]
mod tests;
