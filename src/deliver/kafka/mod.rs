//! Target kind `kafka`: topics of Apache Kafka, by an idempotent producer that waits for all replicas in sync.
//!
//! Order of a record's way: `topic` and `message` say where it goes and in which form. Deliberately absent: an await for
//! each record, and a way to lose one with its producer.

pub mod config;
pub mod property;
pub mod topic;
pub mod token;
pub mod settings;
pub mod message;

pub use config::Kafka;
pub use settings::Settings;
