//! Stage 5: rendered records reach a target, which confirms or refuses each.
//!
//! A target is one folder: `config` (its options), `encode` (pure), `client` (one request becomes outcomes).
//! Deliberately absent: a way to let go of a record without an outcome.

pub mod context;
pub mod dead_letter;
pub mod given_up;
pub mod batch;
pub mod blocked;
pub mod endpoint;
pub mod http_request;
pub mod stream;
pub mod retry_reason;
pub mod value;
pub mod http_batch;
pub mod rate;
pub mod splunk_hec;
pub mod http;
pub mod elasticsearch;
pub mod azure_monitor;
pub mod syslog;
pub mod kafka;
pub mod file;
pub mod relp;

pub use context::Context;
pub use dead_letter::{DeadLetter, DeadLetters};
