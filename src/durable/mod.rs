//! Files that survive a power cut: directories that stay, files replaced as a whole, lines appended as a whole
//! and framed with a checksum.
//!
//! Everything here blocks; async code calls it through `spawn_blocking`. Deliberately absent: what the bytes mean.

pub mod directory;
pub mod file_error;
pub mod frame;
pub mod line_file;
pub mod replace;
pub mod retry;

pub use file_error::FileError;
pub use line_file::LineFile;
pub use retry::Retry;
