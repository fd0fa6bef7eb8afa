//! Azurite, Microsoft's emulator of its storage, started by a test without root and without being installed.

pub mod container;
mod installed;
mod process;
pub mod signature;

#[path = "../peers/certificates.rs"]
mod certificates;

pub use certificates::Certificates;
pub use container::Container;
pub use installed::{Installed, installed};
pub use process::Azurite;
pub use signature::account_signature;

/// The account it knows.
pub const ACCOUNT: &str = "contoso";
/// Its key: 64 bytes in Base64.
pub const KEY: &str = "Y29udG9zbyBhbmQgYSBrZXkgdGhhdCBpcyBhcyBsb25nIGFzIHRob3NlIG9mIHJlYWwgYWNjb3VudHM=";
