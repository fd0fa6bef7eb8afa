//! A byte stream to a receiver, by TCP or TLS, for the target kinds that do not speak HTTP.
//!
//! Deliberately absent: what is said on it, and when a connection is tried again.

pub mod address;
pub mod config;
pub mod tls;
pub mod connect;

pub use address::Address;
pub use config::StreamTls;
pub use connect::{Error, Stream, connect, refusal};
pub use tls::Tls;

#[cfg(test)]
mod tests;
