//! A hub and a receiver to run against, and what to send.

pub mod generator; // realistic export items
