//! What a reader that brings nothing is judged by, and what is done about it.

use super::super::cursor::may_be_removed;
use super::super::end_reason::{End, EndReason};
use super::super::management::PartitionProperties;
use super::super::settings::StartPosition;
use super::{PartitionReader, State};
use crate::event::{Loss, SequenceNumber, Timestamp};

/// How a reader stands to what the hub says of its partition.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Standing {
    /// The hub has nothing newer than what was received.
    Level,
    /// The hub has newer events.
    Behind,
    /// Everything newer that the hub has, or had when it was asked before, up to this number, was delivered and could not be read;
    /// no event came after it that would tell the numbers.
    Unread(SequenceNumber),
    /// The hub says that it keeps nothing of the newer events it had, the last of which has this number; they are old enough
    /// for retention.
    Removed(SequenceNumber),
    /// The hub has events, and none as new as what was received: it is another hub, or lost its newest events.
    Short,
}

impl PartitionReader {
    /// The hub said what it has of the partition, and what that is beside what was received.
    ///
    /// Where reading started without a position of an event, events that were removed since are nobody's loss.
    pub fn standing(&mut self, hub: &PartitionProperties) -> Standing {
        let now = Timestamp::now();
        self.cursor.hub_has(hub.last_sequence_number, now);
        // An empty hub has nothing that could be missed, and its number may be that of no event at all.
        if !hub.is_empty
            && self
                .cursor
                .last()
                .is_some_and(|last| hub.last_sequence_number < last)
        {
            return Standing::Short;
        }
        if !self.is_behind(hub) {
            return Standing::Level;
        }
        let (newest, waiting) = (hub.last_sequence_number, self.refused.waiting);
        let before = self.refused.asked.replace((newest, waiting));
        if self.has_refused_up_to(newest, hub) {
            return Standing::Unread(newest);
        }
        // What the hub took in while it was asked may not be here yet. While deliveries go on, what it said before is held
        // against them.
        if let Some((newest, waiting)) = before
            && waiting < self.refused.waiting
            && self.has_refused_up_to(newest, hub)
        {
            return Standing::Unread(newest);
        }
        // A hub that says it is empty while its newest event is too young to be gone is not to be believed.
        match hub.is_empty && may_be_removed(hub.last_enqueued_time, now) {
            true => Standing::Removed(hub.last_sequence_number),
            false => Standing::Behind,
        }
    }

    fn is_behind(&self, hub: &PartitionProperties) -> bool {
        match (self.cursor.last(), self.cursor.start()) {
            (Some(last), _) => hub.last_sequence_number > last,
            _ if hub.is_empty => false,
            (None, StartPosition::SequenceNumber(first)) => hub.last_sequence_number >= *first,
            (None, StartPosition::EnqueuedAfter(moment)) => hub.last_enqueued_time > *moment,
            (None, _) => true,
        }
    }

    fn has_refused_up_to(&self, last: SequenceNumber, hub: &PartitionProperties) -> bool {
        let newer = last.0 - self.next_kept(hub).0 + 1;
        // Some of those refused may have been repeated by the service after the attach, so there can be more of them.
        (1..=self.refused.waiting).contains(&newer)
    }

    /// The first event that was not received and that the hub keeps, or one before it: the number of its oldest moves late.
    fn next_kept(&self, hub: &PartitionProperties) -> SequenceNumber {
        let begin = hub.begin_sequence_number;
        self.first_unread().map_or(begin, |next| next.max(begin))
    }

    /// Passes the events up to `last`, each with a step of its own, as deliveries that could not be read were them; what else
    /// was refused stands for the events after it.
    ///
    /// Only for a link that had credit and brought nothing while it stood at [`Standing::Unread`]; else nothing happens.
    pub fn pass_unread(&mut self, hub: &PartitionProperties, last: SequenceNumber) {
        if !self.has_refused_up_to(last, hub) {
            return;
        }
        let first = self.next_kept(hub);
        self.refused.waiting -= last.0 - first.0 + 1;
        for number in first.0..=last.0 {
            self.pass(SequenceNumber(number), hub.last_enqueued_time);
        }
    }

    /// Passes everything the hub had, as it keeps nothing of it any more. `None` if all of it was received.
    ///
    /// Only for a link that had credit and brought nothing while it stood at [`Standing::Removed`]: what it brings later of
    /// that is dropped.
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
