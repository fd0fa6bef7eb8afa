//! The types that pass between stages, one file each, apart from the stages that make or use them.
//!
//! Deliberately absent: behaviour. What a stage does with these types is in the stage's folder.

pub mod delivery;
pub mod event_id;
pub mod kind;
pub mod loss;
pub mod outcome;
pub mod position;
pub mod record;
pub mod rendered;
pub mod timestamp;

pub use delivery::{Event, Hub, LastEnqueued};
pub use event_id::EventId;
pub use kind::Kind;
pub use loss::Loss;
pub use outcome::{Outcome, RejectReason, Rejection};
pub use position::{Offset, PartitionId, SequenceNumber};
pub use record::{Record, RecordField};
pub use rendered::{Details, Rendered};
pub use timestamp::Timestamp;
