//! What a reader that brings nothing is judged by, and what is done about it.

use super::super::end_reason::{End, EndReason};
use super::super::management::PartitionProperties;
use super::super::settings::StartPosition;
use super::{PartitionReader, State};
use crate::event::{Loss, Timestamp};

impl PartitionReader {
    /// The hub said what it has of the partition. Whether that is more than was received.
    ///
    /// Where reading started without a position of an event, events that were removed since are nobody's loss.
    pub fn is_behind(&mut self, hub: &PartitionProperties) -> bool {
        self.cursor.hub_has(hub.last_sequence_number, Timestamp::now());
        match (self.cursor.last(), self.cursor.start()) {
            (Some(last), _) => hub.last_sequence_number > last,
            _ if hub.is_empty => false,
            (None, StartPosition::SequenceNumber(first)) => hub.last_sequence_number >= *first,
            (None, StartPosition::EnqueuedAfter(moment)) => hub.last_enqueued_time > *moment,
            (None, _) => true,
        }
    }

    /// Passes everything the hub had, as it keeps nothing of it any more. `None` if all of it was received.
    ///
    /// Only for a link that had credit and brought nothing while the hub said so: what it brings later of that is dropped.
    pub fn pass_removed(&mut self, hub: &PartitionProperties) -> Option<Loss> {
        let hub_created_at = self.cursor.hub_created_at()?;
        self.cursor.pass_removed(hub.latest(hub_created_at))
    }

    /// Gives up the link together with its connection, and attaches on a new one. Nothing happens without a link.
    pub fn give_up_connection(&mut self, detail: impl Into<String>) {
        if matches!(self.state, State::Receiving(_)) {
            self.on_end(End::new(EndReason::Stuck, detail), None);
        }
    }
}
