//! A record on its way to the receiver, and what was held against it so far.

use std::collections::VecDeque;

use crate::event::Rendered;

/// Refusals of one record, with others taken in between, after which it is the record's fault.
pub const MAX_REFUSALS: u32 = 3;

/// A record that has to be sent, or was sent without an answer yet.
#[derive(Debug)]
pub struct Message {
    /// The record.
    pub record: Rendered,
    /// How often it was refused, or was what the receiver stopped at.
    refusals: u32,
    /// How many records the receiver had taken when that happened last.
    refused_at: Option<u64>,
}

/// What follows from a refusal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// It is tried again before the others.
    First,
    /// It is tried again after the others: whether those are taken tells its own fault from the receiver's.
    Last,
    /// It is given up: the receiver took others between the refusals.
    GivenUp,
}

impl From<Rendered> for Message {
    fn from(record: Rendered) -> Self {
        Self {
            record,
            refusals: 0,
            refused_at: None,
        }
    }
}

impl Message {
    /// It was refused by a receiver that has taken so many records since the start.
    pub fn refused(&mut self, accepted: u64) -> Verdict {
        // Nothing else was taken since the last time: that is no more evidence than the last time was.
        if self.refused_at == Some(accepted) {
            return Verdict::Last;
        }
        self.refused_at = Some(accepted);
        self.refusals += 1;
        match self.refusals < MAX_REFUSALS {
            true => Verdict::First,
            false => Verdict::GivenUp,
        }
    }
}

/// Puts messages before those that wait, in their order.
pub fn put_first(messages: impl DoubleEndedIterator<Item = Message>, waiting: &mut VecDeque<Message>) {
    for message in messages.rev() {
        waiting.push_front(message);
    }
}
