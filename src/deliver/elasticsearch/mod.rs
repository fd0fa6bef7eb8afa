//! Target kind `elasticsearch`: the bulk interface of Elasticsearch and OpenSearch.
//!
//! A record is created under its event id, so sending it again changes nothing. Deliberately absent: making indexes,
//! templates or pipelines.

pub mod config;
pub mod settings;
pub mod reply;
mod protocol;

pub use config::Elasticsearch;
pub use protocol::Bulk;
pub use settings::{Settings, check};
