//! Stand-ins that demo, tests and benchmarks run against, and who feeds them.
//!
//! They speak the real protocols over real sockets, faults included, so that what works against them works for the
//! same reasons elsewhere.

pub mod event_hub;
pub mod generator;
pub mod splunk_hec;
