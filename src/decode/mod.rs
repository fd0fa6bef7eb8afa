//! Stage 2: an event becomes zero or more records.
//!
//! Deliberately absent: I/O, and any normalisation of what the exporter wrote.

pub mod field;
pub mod json;
