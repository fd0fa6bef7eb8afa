//! Events that the hub removed before they were read.

use std::fmt;

use super::{SequenceNumber, Timestamp};

/// Neighbouring events of one partition that the hub's retention removed before they were read: they are lost for good.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Loss {
    /// How many.
    pub events: i64,
    /// Number of the last event before them: the last one that was read, or that of the stored position.
    pub after: SequenceNumber,
    /// The number after theirs, which is the next one to come.
    pub before: SequenceNumber,
    /// When the hub took in the event `after`; none of them is older. `None` where that is not known.
    pub enqueued_after: Option<Timestamp>,
    /// When the hub took in the event `before`, or the last of them where nothing came since; none of them is younger.
    pub enqueued_before: Timestamp,
}

/// Between which times they were taken in, as far as that is known.
impl fmt::Display for Loss {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.enqueued_after {
            Some(after) => write!(formatter, "enqueued between {after} and {}", self.enqueued_before),
            None => write!(formatter, "enqueued up to {}", self.enqueued_before),
        }
    }
}
