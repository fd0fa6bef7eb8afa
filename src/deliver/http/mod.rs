//! Target kind `http`: records as lines, as a JSON array or one by one, for webhooks and collectors of one's own.
//!
//! Deliberately absent: a confirmation beyond the status of the reply, because no more is common to all such peers.

pub mod config;
pub mod settings;
pub mod encode;
mod protocol;

pub use config::Http;
pub use protocol::Post;
pub use settings::{Settings, check};
