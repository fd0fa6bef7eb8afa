//! Batches of records by HTTP, for every kind of target whose reply says what became of each record.
//!
//! A kind gives its [`Protocol`]: how a batch becomes a body, and what a reply means. Everything else is here: `sender`
//! gathers batches and starts requests, `outcome` does what the reply means, `settle` lets records go. Deliberately absent:
//! acknowledgements that come later than the reply; `splunk_hec` has those.

pub mod config;
pub mod value;
pub mod settings;
pub mod token;
pub mod protocol;
pub mod batch;
pub mod body;
pub mod client;
mod lane;
mod sender;
mod outcome;
mod settle;
pub mod check;

pub use protocol::{Body, Fate, Protocol, Reply, Verdict};
pub use sender::run;
pub use settings::Settings;
