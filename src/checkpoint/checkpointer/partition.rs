//! What the checkpointer knows of one partition.

use std::sync::Arc;

use tokio::time::Instant;

use crate::acknowledge::{InFlight, Standing};
use crate::audit::Recorder;
use crate::audit::line::Settled;
use crate::audit::recorder::Recorded;
use crate::checkpoint::Checkpoint;
use crate::event::{PartitionId, Timestamp};

/// One partition in one generation.
#[derive(Debug)]
pub(super) struct Partition {
    pub(super) in_flight: Arc<InFlight>,
    pub(super) hub_created_at: Option<Timestamp>,
    pub(super) stored: Option<Checkpoint>,
    pub(super) recorded: Option<Recorded>,
    pub(super) stored_at: Instant,
    /// Events that had settled when the stored mark was taken.
    pub(super) settled_when_stored: u64,
}

/// A mark that is newer than what is stored.
#[derive(Debug)]
pub(super) struct Moved {
    pub(super) partition: PartitionId,
    pub(super) generation: u64,
    pub(super) settled: u64,
    pub(super) checkpoint: Checkpoint,
    pub(super) standing: Standing,
    /// What the audit says of it; `None` without an audit, and if it could not be recorded.
    pub(super) line: Option<Settled>,
}

impl Partition {
    /// A partition of which nothing is stored yet in this generation.
    pub(super) fn new(in_flight: Arc<InFlight>, hub_created_at: Option<Timestamp>) -> Self {
        Self {
            hub_created_at,
            stored: None,
            recorded: None,
            stored_at: Instant::now(),
            settled_when_stored: 0,
            in_flight,
        }
    }

    /// Whether the number of settled events passed a multiple of the limit, which is when its tracker wakes us.
    pub(super) fn is_due(&self, settled_events_max: u64) -> bool {
        self.in_flight.settled() / settled_events_max > self.settled_when_stored / settled_events_max
    }

    /// The mark, if it is newer than what is stored.
    pub(super) fn moved(&self, audit: Option<&Recorder>) -> Option<Moved> {
        // Read before the mark: counted too low, the partition is due sooner, never later.
        let settled = self.in_flight.settled();
        let standing = self.in_flight.standing()?;
        let checkpoint = Checkpoint::of(standing.progress.clone(), self.hub_created_at);
        let stored = self.stored.as_ref();
        assert!(
            stored.is_none_or(|stored| stored.sequence_number <= checkpoint.sequence_number),
            "a mark never moves backwards within a generation"
        );
        (stored != Some(&checkpoint)).then(|| Moved {
            partition: self.in_flight.partition().clone(),
            generation: self.in_flight.generation(),
            settled,
            checkpoint,
            line: audit.and_then(|audit| {
                let recorded = self.recorded.as_ref();
                audit.line(&self.in_flight, self.hub_created_at, &standing, recorded)
            }),
            standing,
        })
    }
}
