//! The HTTP proxy that leads out: for the hub, and for everything that speaks HTTP.
//!
//! Deliberately absent: the environment. `HTTPS_PROXY` and its like change nothing; what is not in the configuration
//! does not happen.

pub mod config; // as the file has it
pub mod settings; // as it is trusted
pub mod tunnel; // a connection through it

mod exception; // what is reached without it

pub use settings::Settings;
