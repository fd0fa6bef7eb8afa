//! The configuration file: as written, as checked, and how its errors read.
//!
//! Deliberately absent: defaults hidden in code elsewhere. Every option, its default and its unit stand in this folder
//! or in the `config.rs` of a target kind.

pub mod check;
pub mod configuration;
pub mod diagnostic;
pub mod event_hub;
pub mod file;
pub mod fingerprint;
pub mod options;
pub mod reference;
pub mod reloadable;
pub mod secret;
pub mod target;
pub mod tls;
pub mod tls_pinned;
mod tls_unverified;
pub mod unit;
pub mod yaml;

pub use configuration::{
    CheckpointSettings, Configuration, Intervals, TargetConfiguration, TargetSettings, dead_letter_directory,
    http_address, load, mappings_directory, sources, state_directory,
};
pub use diagnostic::{Diagnostic, Diagnostics};
pub use secret::SecretReference;
pub use unit::{ByteSize, Duration};
