//! Stage 2: an event becomes zero or more records.
//!
//! Deliberately absent: I/O, and any normalisation of what the exporter wrote.

pub mod records;
pub mod envelope;
pub mod classify;
pub mod enrichment;
pub mod time;
pub mod key;
pub mod attack_path;
pub mod field;
pub mod json;

pub use records::decode;
