//! Target kind `azure_monitor`: custom tables of a Log Analytics workspace, by the Logs Ingestion API.
//!
//! Deliberately absent: making tables and rules, and tokens of its own; see `token`.

pub mod config;
pub mod settings;
mod protocol;

pub use config::AzureMonitor;
pub use protocol::Ingestion;
pub use settings::{Settings, check};
