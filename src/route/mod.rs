//! Stage 3: which targets want a record.
//!
//! Deliberately absent: a language of its own. A route is a condition as maps know it, over `$record`, `$hub` and the
//! record's paths.

pub mod router;

pub use router::Route;
