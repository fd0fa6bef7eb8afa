//! `exactly_once: true`: records and the position behind them stand in the cluster by one transaction, or not at all.
//!
//! Order of a partition's way: its reader makes a `claim`, for which a `producer` fences whoever wrote for the partition
//! before and the `cluster` is asked for the stored `position`. Records gather in a `lane`, whole events of it go by a
//! `transaction`, and `worker` brings all of that about. Deliberately absent: a way to send anything again after a producer
//! was fenced. Its partition is given back to the reader, which claims it anew and reads on from the position it finds.

pub mod config;
pub mod position;
pub mod claim;
pub(super) mod check;
mod producer;
mod clients;
mod cluster;
mod reading;
mod batch;
mod transaction;
mod refused;
mod lane;
mod worker;
mod settle;
mod operation;

pub use claim::{Claim, Claims, Lost, Requests};
pub use config::Settings;
pub use position::StoredPosition;
pub use worker::run;
