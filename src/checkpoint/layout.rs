//! What a checkpoint says, as it is laid out in a store.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::acknowledge::{Mark, Passed, Progress};
use crate::event::{Offset, SequenceNumber, Timestamp};
use crate::eventhub::KnownHub;

/// Version of the layout below; another number is refused, never guessed at.
pub const VERSION: u32 = 1;

/// Position up to which every record of a partition is settled; a restart reads what comes after it.
///
/// Order: by `sequence_number`, among checkpoints of the same `hub_created_at`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Checkpoint {
    /// Version of this layout, [`VERSION`].
    pub version: u32,
    /// Number of the last settled event; -1 before the first event of an empty partition.
    pub sequence_number: SequenceNumber,
    /// Its offset, kept as received.
    pub offset: Offset,
    /// When the hub took it in.
    pub enqueued_time: Timestamp,
    /// When the hub was made, to notice that it was made anew; a checkpoint without it adopts it.
    pub hub_created_at: Option<Timestamp>,
    /// When it was stored, by the clock of the store; what is read without `hub_created_at` has it, and it is never written.
    #[serde(skip)]
    pub stored_at: Option<Timestamp>,
    /// Positions of the targets that are ahead of the shared one, by their names; of another hub when `hub_created_at` is.
    pub targets: BTreeMap<String, TargetPosition>,
}

/// How far one target is within a shared consumer group, as it is laid out.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TargetPosition {
    /// Number of the last event it settled.
    pub sequence_number: SequenceNumber,
    /// Its offset, kept as received.
    pub offset: Offset,
}

impl Checkpoint {
    /// The checkpoint of a mark that no target is ahead of.
    pub fn new(mark: Mark, hub_created_at: Option<Timestamp>) -> Self {
        let targets = BTreeMap::new();
        Self::of(Progress { mark, targets }, hub_created_at)
    }

    /// The checkpoint of a partition's progress.
    pub fn of(progress: Progress, hub_created_at: Option<Timestamp>) -> Self {
        let Progress { mark, targets } = progress;
        let position = |passed: Passed| TargetPosition {
            sequence_number: passed.sequence_number,
            offset: passed.offset,
        };
        Self {
            version: VERSION,
            sequence_number: mark.sequence_number,
            offset: mark.offset,
            enqueued_time: mark.enqueued_time,
            hub_created_at,
            stored_at: None,
            targets: targets
                .into_iter()
                .map(|(name, passed)| (name, position(passed)))
                .collect(),
        }
    }

    /// The hub that it is from, as far as it tells.
    pub fn known_hub(&self) -> KnownHub {
        KnownHub::of(self.hub_created_at, self.stored_at)
    }

    /// The same as read from a store that took it in at `stored_at`.
    pub(super) fn stored_at(mut self, stored_at: Option<Timestamp>) -> Self {
        self.stored_at = stored_at.filter(|_| self.hub_created_at.is_none());
        self
    }

    /// When the hub took the last settled event in, if that is known.
    pub fn known_enqueued_time(&self) -> Option<Timestamp> {
        Some(self.enqueued_time).filter(|time| *time != Timestamp::UNKNOWN)
    }

    /// Number of the last settled event, if it is known: other consumers may have stored an offset only.
    pub fn known_sequence_number(&self) -> Option<SequenceNumber> {
        Some(self.sequence_number).filter(|number| *number != SequenceNumber::UNKNOWN)
    }

    /// Refuses what no version of this program writes; the error says what that is.
    pub fn check(&self) -> Result<(), String> {
        if self.version != VERSION {
            return Err(format!(
                "it has version {}, this program knows version {VERSION}",
                self.version
            ));
        }
        match self.known_sequence_number() {
            Some(SequenceNumber(..-1)) => Err("its sequence number is below -1".to_owned()),
            _ => Ok(()),
        }
    }

    /// How far the targets were that were ahead, by name.
    pub fn passed(&self) -> BTreeMap<String, Passed> {
        let passed = |position: &TargetPosition| Passed {
            sequence_number: position.sequence_number,
            offset: position.offset.clone(),
        };
        let targets = self.targets.iter();
        targets
            .map(|(name, position)| (name.clone(), passed(position)))
            .collect()
    }
}
