//! A record that no mark waits for: whoever sent it is told how it ended.

use std::fmt;
use std::sync::Mutex;

use super::Settlement;
use crate::event::PartitionId;

/// Told the final word on a record, at once and on the thread of the target's worker: it must not block.
pub type Answer = Box<dyn FnOnce(Settlement) + Send>;

/// What such a record has in place of the tracker of its partition.
pub(super) struct Alone {
    pub(super) partition: PartitionId,
    /// Whether it is a copy of a dead letter.
    pub(super) is_copy: bool,
    answer: Mutex<Option<Answer>>,
}

impl Alone {
    pub(super) fn new(partition: PartitionId, answer: Answer, is_copy: bool) -> Self {
        Self {
            partition,
            is_copy,
            answer: Mutex::new(Some(answer)),
        }
    }

    pub(super) fn answer(&self, settlement: Settlement) {
        let answer = self.answer.lock().expect("no holder of this lock panics").take();
        let answer = answer.expect("a single record is settled once");
        answer(settlement);
    }
}

impl fmt::Debug for Alone {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Alone")
            .field("partition", &self.partition)
            .field("is_copy", &self.is_copy)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;

    use crate::acknowledge::{Mark, Settlement, Ticket};
    use crate::event::{Offset, PartitionId, RejectReason, SequenceNumber, Timestamp};

    fn ticket() -> (Ticket, mpsc::Receiver<Settlement>) {
        let (sender, answers) = mpsc::sync_channel(1);
        let mark = Mark {
            sequence_number: SequenceNumber(7),
            offset: Offset::new("70"),
            enqueued_time: Timestamp::from_millis(0),
        };
        let answer = move |settlement| sender.send(settlement).expect("the test listens");
        (
            Ticket::alone(PartitionId::new("3"), mark, Box::new(answer)),
            answers,
        )
    }

    #[test]
    fn who_sent_it_is_told_once_or_never() {
        for settlement in [
            Settlement::Delivered,
            Settlement::DeadLettered(RejectReason::Refused),
        ] {
            let (ticket, answers) = ticket();
            let event = ticket.event();
            assert_eq!(event.partition().as_str(), "3");
            assert_eq!(event.position().sequence_number, SequenceNumber(7));
            ticket.settle(settlement);
            assert_eq!(answers.iter().collect::<Vec<_>>(), [settlement]);
        }
        let (ticket, answers) = ticket();
        drop(ticket);
        assert_eq!(answers.iter().count(), 0);
    }
}
