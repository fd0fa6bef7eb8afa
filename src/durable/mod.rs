//! Files that survive a power cut: directories that stay, files replaced as a whole, lines appended as a whole.
//!
//! Everything here blocks; async code calls it through `spawn_blocking`. Deliberately absent: what the bytes mean.

pub mod directory;
pub mod line_file;
pub mod replace;
pub mod retry;

pub use line_file::LineFile;
pub use retry::Retry;
