//! Where one partition's reader stands: what was received last, and what the next event tells about it.

use super::settings::{Position, StartPosition};
use crate::event::{Event, Loss, Offset, SequenceNumber, Timestamp};

/// No hub removes an event that is younger: the shortest retention there is.
const MIN_RETENTION_MILLIS: i64 = 60 * 60 * 1000;

/// Position of a reader over the reconnects of one generation.
#[derive(Debug)]
pub(super) struct Cursor {
    start: StartPosition,
    last: Option<SequenceNumber>,
    /// Whether the link has not brought an event since it was attached.
    is_fresh: bool,
    hub_created_at: Option<Timestamp>,
    /// When the hub said last that it has nothing newer than what was taken in.
    caught_up_at: Option<Timestamp>,
}

/// What to do with an event.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Admission {
    /// It was taken in before; drop it.
    Repeated,
    /// It is the next one.
    Next,
    /// It is new, but so many numbers before it never came, and they are too young to have been removed.
    AfterSkip { events: i64 },
    /// It is new, and retention has removed what was before it.
    AfterLoss(Loss),
    /// It is the first one, and not the one at the offset that was asked for. Nothing else is known of that, so what was
    /// removed together with it cannot be counted.
    AfterGap {
        offset: Offset,
        enqueued_before: Timestamp,
    },
}

impl Cursor {
    pub(super) fn new(start: StartPosition) -> Self {
        let (last, hub_created_at) = match &start {
            StartPosition::After(position) => (Some(position.sequence_number), position.hub_created_at),
            _ => (None, None),
        };
        Self {
            start,
            last,
            is_fresh: true,
            hub_created_at,
            caught_up_at: None,
        }
    }

    /// Where the next link has to start.
    pub(super) fn start(&self) -> &StartPosition {
        &self.start
    }

    pub(super) fn hub_created_at(&self) -> Option<Timestamp> {
        self.hub_created_at
    }

    /// Number of the event taken in last, or of the checkpoint.
    pub(super) fn last(&self) -> Option<SequenceNumber> {
        self.last
    }

    /// Enqueued time of the event taken in last, if known.
    pub(super) fn enqueued_time(&self) -> Option<Timestamp> {
        match &self.start {
            StartPosition::After(position) => position.enqueued_time,
            _ => None,
        }
    }

    /// A link was attached to the hub made at `hub_created_at`.
    pub(super) fn attached(&mut self, hub_created_at: Timestamp) {
        self.is_fresh = true;
        self.hub_created_at = Some(hub_created_at);
    }

    /// The hub said at `now` that its newest event is number `newest`.
    pub(super) fn hub_has(&mut self, newest: SequenceNumber, now: Timestamp) {
        if self.last == Some(newest) {
            self.caught_up_at = Some(now);
            // So the position the link started at had not been passed by retention.
            self.is_fresh = false;
        }
    }

    /// Takes in an event that arrives at `now`, unless it was taken in before.
    pub(super) fn admit(&mut self, event: &Event, now: Timestamp) -> Admission {
        let position = Position {
            sequence_number: event.sequence_number,
            offset: Some(event.offset.clone()),
            enqueued_time: Some(event.enqueued_time),
            hub_created_at: self.hub_created_at,
        };
        self.advance(position, event.enqueued_time, now)
    }

    /// Passes event `number` without having read it, so that the next link starts after it. The hub took it in at
    /// `enqueued_before` at the latest.
    pub(super) fn pass(
        &mut self,
        number: SequenceNumber,
        enqueued_before: Timestamp,
        now: Timestamp,
    ) -> Admission {
        let position = Position {
            sequence_number: number,
            offset: None,
            enqueued_time: self.enqueued_time(),
            hub_created_at: self.hub_created_at,
        };
        self.advance(position, enqueued_before, now)
    }

    fn advance(&mut self, position: Position, enqueued_before: Timestamp, now: Timestamp) -> Admission {
        let number = position.sequence_number;
        if self.last.is_some_and(|last| number <= last) {
            return Admission::Repeated;
        }
        let admission = match self.last {
            Some(last) if number.0 - last.0 > 1 => self.gap(last, number, enqueued_before, now),
            _ => match (&self.start, &position.offset) {
                (StartPosition::Offset(wanted), Some(offset)) if wanted != offset => Admission::AfterGap {
                    offset: wanted.clone(),
                    enqueued_before,
                },
                _ => Admission::Next,
            },
        };
        self.is_fresh = false;
        self.last = Some(number);
        self.start = StartPosition::After(position);
        admission
    }

    /// What the numbers between `last` and `before` are. The hub gives consecutive ones, so they were events; within a link
    /// that brings events in time they may have been skipped, but what is old enough to be removed counts as removed: a
    /// link without credit, or one that reads at the edge of retention, is passed by it as well.
    fn gap(
        &self,
        last: SequenceNumber,
        before: SequenceNumber,
        enqueued_before: Timestamp,
        now: Timestamp,
    ) -> Admission {
        let events = before.0 - last.0 - 1;
        let enqueued_after = self.enqueued_time();
        // None of them was there when the hub had nothing newer than the last.
        let not_before = enqueued_after.max(self.caught_up_at);
        let is_old_enough = not_before.is_none_or(|moment| may_be_removed(moment, now));
        if !self.is_fresh && !is_old_enough {
            return Admission::AfterSkip { events };
        }
        Admission::AfterLoss(Loss {
            events,
            after: last,
            before,
            enqueued_after,
            enqueued_before,
        })
    }

    /// Passes everything up to `newest`, which the hub has removed without anything after it. `None` if that is nothing.
    pub(super) fn pass_removed(&mut self, newest: Position) -> Option<Loss> {
        let (last, before) = (self.last?, newest.sequence_number.next());
        let events = before.0 - last.0 - 1;
        let loss = Loss {
            events,
            after: last,
            before,
            enqueued_after: self.enqueued_time(),
            enqueued_before: newest.enqueued_time?,
        };
        if events <= 0 {
            return None;
        }
        self.is_fresh = false;
        self.last = Some(newest.sequence_number);
        self.start = StartPosition::After(newest);
        Some(loss)
    }

    /// Starts anew: the numbers known so far say nothing about the hub there is now.
    pub(super) fn restart(&mut self, start: StartPosition, hub_created_at: Option<Timestamp>) {
        *self = Self::new(start);
        self.hub_created_at = hub_created_at;
    }
}

/// Whether a hub may have removed by `now` what it took in at `enqueued_time`, whatever its retention is.
pub(super) fn may_be_removed(enqueued_time: Timestamp, now: Timestamp) -> bool {
    now.millis_since(enqueued_time) >= MIN_RETENTION_MILLIS
}

#[cfg(test)]
mod tests;
