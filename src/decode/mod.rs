//! Stage 2: an event becomes zero or more records.
//!
//! Deliberately absent: I/O, and any normalisation of what the exporter wrote.

pub mod records;
pub mod envelope;
pub mod classify;
pub mod rest_alert;
pub mod redact;
pub mod enrichment;
pub mod key;
pub mod time;

pub mod field;
pub mod alert;
pub mod posture;
pub mod assessment;
pub mod sub_assessment;
pub mod secure_score;
pub mod regulatory_compliance;
pub mod attack_path;
pub mod state;
pub mod unknown_fields;
pub mod original;
pub mod problem;

pub mod arm;
pub mod references;
pub mod text;
pub mod json;

pub use problem::{Problem, problem};
pub use records::{as_decoded, decode, decode_single};
pub use references::References;
pub use unknown_fields::unknown_fields;
