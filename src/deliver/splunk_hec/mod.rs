//! Target kind `splunk_hec`: the HTTP Event Collector of Splunk, with indexer acknowledgement.
//!
//! Order of a record's way: `batch` gathers, `envelope` and `request` encode, `client` sends, `reply` tells what the
//! peer said, `outcome` what that means, `settle` does it, `channel` and `acknowledge` wait for the indexer. Deliberately absent: a way
//! to settle a record by less than the configured acknowledgement.

pub mod config;
pub mod settings;
pub mod envelope;
pub mod request;
pub mod batch;
pub mod client;
pub mod reply;
pub mod acknowledge;
pub mod channel;
mod dispatch;
mod outcome;
mod take_over;
mod settle;
mod target;
pub mod check;

pub use check::check;
pub use config::SplunkHec;
pub use settings::Settings;
pub use target::run;
