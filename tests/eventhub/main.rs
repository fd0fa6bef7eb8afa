//! The event hub consumer against an emulated hub over real sockets.

#[path = "../support/mod.rs"]
mod shared;
mod support;
mod receiving;
mod positions;
mod another_hub;
mod refused;
mod unreadable;
mod faults;
mod rivals;
mod stuck;
mod tls;
mod probe;
