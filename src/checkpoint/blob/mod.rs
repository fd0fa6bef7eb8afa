//! Checkpoints in a container of Azure Blob Storage, in the layout that Microsoft's own consumers use.
//!
//! Several processes share such a container: the ownership of a partition stands beside its checkpoint, and every write
//! names the version that it replaces. Deliberately absent: who should own what, which `src/pipeline/` decides.

pub mod config;
pub mod settings;
pub mod connection_string;
pub mod error;
pub mod etag;
pub mod names;
pub mod metadata;
mod shared_key;
mod entra;
mod transport;
mod request;
mod client;
pub mod check;
pub mod store;
mod conflict;
pub mod ownership;
pub mod source;

pub use error::Error;
pub use etag::Etag;
pub use ownership::{Claimed, Listing, Ownership};
pub use settings::Settings;
pub use store::BlobStore;
