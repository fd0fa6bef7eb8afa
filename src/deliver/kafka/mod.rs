//! Target kind `kafka`: topics of Apache Kafka, by an idempotent producer that waits for all replicas in sync.
//!
//! Order of a record's way: `topic` and `message` say where it goes and in which form, `lane` keeps its order, `dispatch`
//! hands it to the `producer`, whose threads tell by `feedback` and `inbox` how it ended; `verdict` sorts errors, `outcome`
//! does what they call for, `renewal` replaces a producer. Deliberately absent: an await for each record, and a way to
//! lose one with its producer.

pub mod config;
pub mod property;
pub mod topic;
pub mod token;
pub mod renewable;
mod security;
pub mod settings;
pub mod message;
pub mod verdict;
pub mod inbox;
pub mod statistics;
pub mod feedback;
pub mod producer;
mod lane;
mod target;
mod dispatch;
mod outcome;
mod renewal;
pub mod check;
pub mod exactly_once;

pub use check::check;
pub use config::Kafka;
pub use settings::Settings;
pub use target::run;

#[cfg(test)]
mod tests;
