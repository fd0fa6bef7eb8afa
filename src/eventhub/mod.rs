//! Stage 1: reads each partition of the hub over AMQP 1.0.
//!
//! Deliberately absent: looking into bodies, and deciding which partitions are ours.

pub mod settings; // what the consumer must know
pub mod connection_string; // the portal's way to say it
pub mod credential; // who we are
pub mod replaceable; // what a reload may replace
pub mod end_reason; // why links end, and how long to wait
pub mod rival; // who else reads a partition
pub mod client; // the connections of a consumer group
pub mod management; // what the hub tells of itself
pub mod probe; // a harmless try of everything
pub mod peek; // a look at a few events
pub mod lookup; // one event, by where it stands

mod partition; // the reader of one partition, which heals by itself
mod step; // what it tells
mod cursor; // where it stands
mod known_hub; // the hub that a position is from
mod attach; // one attempt to attach
mod selector; // where a link starts
mod receiver; // the link
mod message; // from message to event
mod connection; // one AMQP connection
mod request; // requests to `$cbs` and `$management`
mod transport; // the byte stream under AMQP
mod sas; // signatures
mod fault; // what the library's errors mean

pub use client::HubClient;
pub use connection_string::ConnectionString;
pub use credential::Credential;
pub use end_reason::{End, EndReason};
pub use known_hub::KnownHub;
pub use management::{HubProperties, PartitionProperties};
pub use partition::{PartitionReader, Standing};
pub use replaceable::Replaceable;
pub use settings::{Address, HubSettings, OnInvalidCheckpoint, Position, StartPosition, Transport};
pub use step::Step;
