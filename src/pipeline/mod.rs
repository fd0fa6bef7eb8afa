//! The wiring: which task runs what, who watches it, and how everything stops.
//!
//! In the running bridge this is the only place that spawns tasks: a reader for each partition (decode, route and map
//! run on it), the workers of each target, a checkpointer and a writer of undeliverable records for each consumer group,
//! one watch for events that should have come for each consumer group, one writer of dead letters, one task that takes over
//! changed files, and one that says how long a blocked target may stay so.

mod auditing;
mod blocked;
pub mod bridge;
mod chunk;
pub mod counters;
pub mod dispatch;
pub mod edition;
mod gone;
pub mod group;
pub mod ownership;
mod partitions;
mod queue;
pub mod reader;
pub mod reload;
pub mod replay;
pub mod resend;
mod remembering;
mod silence;
mod start;
pub mod undeliverable;
pub mod workers;
pub mod workspace;

pub use bridge::{Bridge, Stop};
