//! Stage 3: which targets want a record.
//!
//! Deliberately absent: a language of its own. A route is a condition as maps know it, over `$record`, `$hub` and the
//! record's paths.

pub mod router;
pub mod snapshots;
pub mod fingerprint;
pub mod ten_thousandths;
pub mod last_delivered;

pub use fingerprint::Fingerprint;
pub use router::Route;
pub use snapshots::{ChangesOnly, Decision, SnapshotRule, Suppression};
