//! A real Apache Kafka broker, started by a test without root and without being installed.

mod broker;
mod jars;
pub mod message;
pub mod options;
mod process;

#[path = "../peers/certificates.rs"]
mod certificates;

pub use broker::Broker;
pub use certificates::Certificates;
pub use jars::{Jars, jars};
pub use message::{Isolation, Message};
pub use options::Options;
