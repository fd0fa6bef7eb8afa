//! Stage 7: the marks are stored, and say where a restart begins.
//!
//! Deliberately absent: a mark that nobody settled. What is stored comes from [`InFlight::mark`], or is a position that
//! was resolved before the first event.
//!
//! [`InFlight::mark`]: crate::acknowledge::InFlight::mark

pub mod layout;
pub mod store;
pub mod file;
pub mod file_view;
pub mod blob;
pub mod memory;
pub mod checkpointer;
pub mod exported;
pub mod legacy;

pub use blob::BlobStore;
pub use checkpointer::Checkpointer;
pub use exported::Exported;
pub use file::FileStore;
pub use file_view::FileView;
pub use layout::{Checkpoint, TargetPosition};
pub use memory::MemoryStore;
pub use store::{Error, Store};
