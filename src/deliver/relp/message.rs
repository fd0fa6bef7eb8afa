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
    /// What was held against it so far.
    pub refusals: Refusals,
}

/// How often a record was refused, or was what the receiver stopped at.
#[derive(Debug, Default)]
pub struct Refusals {
    count: u32,
    /// How many records the receiver had taken when that happened last.
    last_at: Option<u64>,
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
        let refusals = Refusals::default();
        Self { record, refusals }
    }
}

impl Refusals {
    /// The record was refused by a receiver that has taken so many since the start.
    pub fn refused(&mut self, accepted: u64) -> Verdict {
        // Nothing else was taken since the last time: that is no more evidence than the last time was.
        if self.last_at == Some(accepted) {
            return Verdict::Last;
        }
        self.last_at = Some(accepted);
        self.count += 1;
        match self.count < MAX_REFUSALS {
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

#[cfg(test)]
mod tests {
    use super::*;
    use Verdict::{First, GivenUp, Last};

    /// Each case: what the receiver had taken at each refusal, and what follows from it.
    #[test]
    fn only_refusals_with_others_taken_in_between_count() {
        let cases: [&[(u64, Verdict)]; 4] = [
            &[(0, First), (1, First), (2, GivenUp)],
            &[
                (7, First),
                (7, Last),
                (7, Last),
                (7, Last),
                (8, First),
                (8, Last),
                (9, GivenUp),
            ],
            &[(0, First), (0, Last), (0, Last), (0, Last), (0, Last)],
            &[(1, First), (5, First), (5, Last), (5, Last), (6, GivenUp)],
        ];
        for case in cases {
            let mut refusals = Refusals::default();
            for (accepted, expected) in case {
                assert_eq!(refusals.refused(*accepted), *expected, "{case:?}, {accepted}");
            }
        }
    }
}
