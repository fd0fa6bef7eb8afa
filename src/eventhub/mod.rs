//! Stage 1: reads each partition of the hub over AMQP 1.0.
//!
//! Deliberately absent: looking into bodies, and deciding which partitions are ours.

pub mod connection_string;
pub mod credential;
mod sas;
pub mod settings;
mod selector;
mod cursor;
mod message;
pub mod end_reason;
mod fault;
mod transport;
mod request;
pub mod management;
mod connection;
pub mod client;
mod receiver;
mod attach;
mod step;
mod partition;

pub use client::HubClient;
pub use connection_string::ConnectionString;
pub use credential::Credential;
pub use end_reason::{End, EndReason};
pub use management::{HubProperties, PartitionProperties};
pub use partition::PartitionReader;
pub use settings::{Address, HubSettings, OnInvalidCheckpoint, Position, StartPosition};
pub use step::Step;
