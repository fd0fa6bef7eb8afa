//! The wiring: which task runs what, who watches it, and how everything stops.
//!
//! In the running bridge this is the only place that spawns tasks: a reader for each partition (decode, route and map
//! run on it), the workers of each target, a checkpointer and a writer of undeliverable records for each consumer group,
//! one writer of dead letters, one task that takes over changed files, and one that says how long a blocked target may stay so.

mod blocked;
pub mod bridge;
mod chunk;
pub mod counters;
pub mod dispatch;
pub mod edition;
pub mod group;
pub mod reader;
pub mod reload;
pub mod replay;
pub mod resend;
mod holding;
mod remembering;
pub mod undeliverable;
pub mod workers;
pub mod workspace;

pub use bridge::{Bridge, Stop};
