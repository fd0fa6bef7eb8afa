//! A look-alike of an event hub over AMQP 1.0, for the demo, the tests and the benchmarks.
//!
//! One hand-written server does everything, from a single send of the official Python client to the feed of a
//! benchmark. The acceptor of the AMQP library leaves out trailing fields that some clients count on, cannot refuse an
//! attach as the service does, and is too slow as a load source; a fast path beside it would have to repeat tokens,
//! management and attaches on the same port.
//!
//! A WebSocket for AMQP is taken on the same port, at the service's path.
//!
//! Deliberately absent: durability, throughput limits, the Kafka and HTTP endpoints, geo-replication.

pub mod options; // how a hub is set up
pub mod server; // the running hub
pub mod faults; // switches for misbehaviour
pub mod body; // what an event holds
pub mod command; // the verb `emulator event-hub`

mod hub; // what all connections share
mod log; // the events
mod receivers; // who is attached, and who gives way
mod websocket; // the socket, of either kind
mod connection; // one peer on it
mod endpoint; // SASL and frames
mod session; // links and their performatives
mod link; // kinds of links
mod address; // what they name
mod consumer; // a receiver of events
mod filter; // where it starts
mod transfer; // deliveries as frames
mod producer; // sends
mod request; // `$cbs` and `$management`
mod authorization; // until when a connection may read
mod token; // signatures
mod message; // sections of messages
mod codec; // values and frames

pub use body::{Body, Template};
pub use faults::{Condition, Faults, Mute};
pub use options::{Authority, Options, SharedAccessKey};
pub use server::{Error, EventHubEmulator, Statistics};

#[cfg(test)]
mod tests;
