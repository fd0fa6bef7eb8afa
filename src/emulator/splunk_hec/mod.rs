//! A receiver that speaks the protocol of Splunk's HTTP Event Collector, for the demo, tests and benchmarks.
//!
//! It has channels, acknowledgement ids and partial acceptance as the real one, and every fault a target must survive
//! can be switched on by its [`Script`]. Deliberately absent: search. What it takes can be counted, read and written
//! to a file, nothing more.

pub mod command;
pub mod server;
pub mod script;
mod service;
mod index;
pub mod envelope;
mod reply;
mod connection;

pub use command::{Command, run};
pub use index::Statistics;
pub use script::{Answer, Content, Fate, RequestKind, Script};
pub use server::{Options, SplunkHecEmulator};
