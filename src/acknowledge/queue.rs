//! The events of one partition that the mark has not passed, and the sums over those that it has.

use std::collections::VecDeque;
use std::sync::Arc;

use super::account::{Account, Gaps, TargetAccount};
use super::fan_in::EventInFlight;
use super::in_flight::Mark;
use super::{Held, Window};
use crate::event::{Offset, SequenceNumber, Timestamp};

/// The events from the first unsettled one on, in order; `mark` is the one before them.
#[derive(Debug, Default)]
pub(super) struct Queue {
    pub(super) events: VecDeque<Slot>,
    pub(super) mark: Option<Mark>,
    /// Where this generation began; what targets are ahead of while nothing has settled at all of them.
    pub(super) start: Option<Mark>,
    /// Sums over the events that the mark has passed.
    pub(super) passed: Account,
    /// What was seen since the newest event; it belongs to the next one.
    pub(super) gaps: Gaps,
}

/// One event that the mark has not passed.
#[derive(Debug)]
pub(super) struct Slot {
    pub(super) mark: Mark,
    pub(super) is_settled: bool,
    /// One bit for each target that has settled all it got of this event.
    pub(super) settled_targets: u64,
    /// Of this event, once it is settled, and of neighbours that are settled too: the mark passes all of them at once.
    held_back: Option<Box<HeldBack>>,
}

/// Sums over settled events that wait for an earlier one.
#[derive(Debug)]
struct HeldBack {
    account: Account,
    _held: Held,
}

impl Queue {
    /// Takes in an event, which is newer than all before it; gives what was seen since the one before.
    pub(super) fn begin(&mut self, mark: Mark) -> Gaps {
        let newest = self.events.back().map(|slot| &slot.mark).or(self.mark.as_ref());
        let is_newer = newest.is_none_or(|newest| newest.sequence_number < mark.sequence_number);
        assert!(is_newer, "events of a partition begin in rising order, each once");
        // An empty offset says that this position goes by its number.
        self.start.get_or_insert_with(|| Mark {
            sequence_number: SequenceNumber(mark.sequence_number.0 - 1),
            offset: Offset::new(""),
            enqueued_time: Timestamp::from_millis(mark.enqueued_time.as_millis() - 1),
        });
        self.events.push_back(Slot {
            mark,
            is_settled: false,
            settled_targets: 0,
            held_back: None,
        });
        std::mem::take(&mut self.gaps)
    }

    /// Settles an event, and says over how many events the mark moves.
    pub(super) fn settle(&mut self, event: &EventInFlight, window: &Arc<Window>) -> usize {
        let index = self.find(event.position().sequence_number);
        self.events[index].is_settled = true;
        match index {
            0 => event.add_to(&mut self.passed),
            _ => self.hold_back(index, event, window),
        }
        self.pass()
    }

    /// Notes the targets, one bit each, that have settled all they got of an event.
    pub(super) fn settle_targets(&mut self, sequence_number: SequenceNumber, targets: u64) {
        let index = self.find(sequence_number);
        self.events[index].settled_targets |= targets;
    }

    fn find(&self, sequence_number: SequenceNumber) -> usize {
        self.events
            .binary_search_by_key(&sequence_number, |slot| slot.mark.sequence_number)
            .expect("an event stays queued until its last obligation settles, which happens once")
    }

    /// Moves the mark over every settled event at the front, and says over how many.
    fn pass(&mut self) -> usize {
        let mut passed = 0;
        while let Some(slot) = self.events.pop_front_if(|slot| slot.is_settled) {
            if let Some(held_back) = slot.held_back {
                self.passed.add(&held_back.account);
            }
            self.mark = Some(slot.mark);
            passed += 1;
        }
        passed
    }

    /// Keeps the sums of a settled event that waits for an earlier one, together with those of a neighbour if there are
    /// any: in whatever order events settle, few sums are kept.
    fn hold_back(&mut self, index: usize, event: &EventInFlight, window: &Arc<Window>) {
        let before = self.events[index - 1].held_back.take();
        let neighbour = before.or_else(|| self.events.get_mut(index + 1)?.held_back.take());
        let mut held_back = neighbour.unwrap_or_else(|| {
            let account = Account::new(self.passed.targets.len());
            let bytes = size_of::<HeldBack>() + account.targets.len() * size_of::<TargetAccount>();
            Box::new(HeldBack {
                account,
                _held: window.hold(bytes),
            })
        });
        event.add_to(&mut held_back.account);
        self.events[index].held_back = Some(held_back);
    }
}
