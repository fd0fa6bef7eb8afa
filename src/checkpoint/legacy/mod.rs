//! Positions that other programs stored in blobs: where they stand, and how they are read.
//!
//! Deliberately absent: I/O, and a guess. What is there and cannot be understood is an error that says what is wrong.

pub mod position; // what such a blob says
pub mod layout; // which blob belongs to a partition
pub mod form; // how it is read

mod body; // JSON as several generations of clients wrote it
mod lease; // EventProcessorHost, of .NET, Java and Python
mod golang; // the first client for Go
mod metadata; // the official layout

pub use form::Form;
pub use layout::{Choice, Layout, Names};
pub use position::{LegacyPosition, Unreadable};
