//! YAML with places: a file becomes a tree of [`Node`]s that know where they stand, and a tree becomes settings.
//!
//! serde stops at the first error of a document; here every problem of a file is found, because the tree outlives the
//! error: what is wrong is reported, taken out, and the rest is read again.

mod deserialize;
pub mod node;
mod problem;
pub mod read;
pub mod spanned;

pub use node::{Content, Entry, Node, Scalar, parse};
pub use read::read;
pub use spanned::Spanned;
