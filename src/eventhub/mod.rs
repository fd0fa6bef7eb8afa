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
