//! Copies of dead letters on their way to the target of `forward_to`. They are sent once the letters are on disk and
//! hold nothing back: what the target cannot take in time is dropped and counted, for the letter itself is safe.

use std::sync::Arc;

use prometheus::{IntCounter, IntGauge};
use tokio::sync::mpsc;

use super::{DeadLetter, copy};
use crate::acknowledge::{Mark, Settlement, Ticket, Window};
use crate::event::rendered::About;
use crate::event::{Details, Kind, Offset, Rendered, Timestamp};
use crate::telemetry::Metrics;

/// Copies that may wait for the target or be on their way, in bytes.
const MAX_BYTES: usize = 4 << 20;

/// What is booked for a copy besides its bytes; it bounds how many there may be.
const COPY_BYTES: usize = size_of::<Rendered>() + 512;

/// The way to the target of copies.
#[derive(Debug)]
pub struct Forward {
    target: Arc<str>,
    /// Weak: the target sees the end of its records although letters may still be written.
    records: mpsc::WeakSender<Rendered>,
    wants_details: bool,
    window: Arc<Window>,
    in_flight: IntGauge,
    outcomes: Outcomes,
}

/// Copies by how they ended.
#[derive(Debug, Clone)]
struct Outcomes {
    delivered: IntCounter,
    refused: IntCounter,
    dropped: IntCounter,
}

impl Forward {
    /// The way to `target` by `records`; `wants_details` as its settings say.
    pub fn new(
        target: &Arc<str>,
        records: &mpsc::Sender<Rendered>,
        wants_details: bool,
        metrics: &Metrics,
    ) -> Self {
        let counter = |outcome| {
            metrics
                .dead_letter_forwarded_records_total
                .with_label_values(&[outcome])
        };
        Self {
            target: Arc::clone(target),
            records: records.downgrade(),
            wants_details,
            window: Window::new(usize::MAX, MAX_BYTES),
            in_flight: metrics.deliver_in_flight_records.with_label_values(&[&**target]),
            outcomes: Outcomes {
                delivered: counter("delivered"),
                refused: counter("refused"),
                dropped: counter("dropped"),
            },
        }
    }

    /// Sends a copy of each letter, but of those about the target itself. Never waits.
    pub(super) fn send(&self, letters: &[DeadLetter], now: Timestamp) {
        let others = letters
            .iter()
            .filter(|letter| letter.target.as_ref() != Some(&self.target));
        for letter in others {
            if !self.send_one(letter, now) {
                self.outcomes.dropped.inc();
            }
        }
    }

    fn send_one(&self, letter: &DeadLetter, now: Timestamp) -> bool {
        // One is taken in whatever its size.
        let is_full = self.window.free_bytes() < COPY_BYTES;
        let Some(records) = self.records.upgrade().filter(|_| !is_full) else {
            return false;
        };
        let Ok(place) = records.try_reserve() else {
            return false;
        };
        place.send(self.record(letter, now));
        self.in_flight.inc();
        true
    }

    fn record(&self, letter: &DeadLetter, now: Timestamp) -> Rendered {
        let event_id = copy::event_id(letter);
        let bytes = copy::render(letter, event_id, now);
        let mark = Mark {
            sequence_number: letter.sequence_number,
            offset: letter.offset.clone().unwrap_or_else(|| Offset::new("")),
            enqueued_time: letter.enqueued_time.unwrap_or(now),
        };
        let outcomes = self.outcomes.clone();
        let answer = move |settlement| match settlement {
            Settlement::Delivered => outcomes.delivered.inc(),
            Settlement::DeadLettered(_) => outcomes.refused.inc(),
        };
        Rendered {
            held: self.window.hold(bytes.len() + COPY_BYTES),
            bytes: bytes.into(),
            about: About {
                // No kind of Defender: its index, sourcetype or table is that of what is not known.
                kind: Kind::Unknown,
                index: letter.record_index,
                event_id,
                key: letter.key.clone(),
                time: now,
                is_snapshot: false,
                mapping_revision: None,
                details: self.wants_details.then(|| Box::new(Details::default())),
            },
            original: None,
            ticket: Ticket::of_copy(letter.partition.clone(), mark, Box::new(answer)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::letter;
    use super::*;
    use crate::event::RejectReason;

    struct Stage {
        metrics: Metrics,
        forward: Forward,
        records: mpsc::Receiver<Rendered>,
        sender: mpsc::Sender<Rendered>,
    }

    fn stage(places: usize) -> Stage {
        let metrics = Metrics::new();
        let (sender, records) = mpsc::channel(places);
        let forward = Forward::new(&"archive".into(), &sender, false, &metrics);
        Stage {
            metrics,
            forward,
            records,
            sender,
        }
    }

    impl Stage {
        fn outcomes(&self) -> [u64; 3] {
            ["delivered", "refused", "dropped"].map(|outcome| {
                let counter = &self.metrics.dead_letter_forwarded_records_total;
                counter.with_label_values(&[outcome]).get()
            })
        }
    }

    /// Scenario: letters about other targets and about the target of the copies. Guarantees: copies of the former only, with
    /// an id of their own; each outcome is counted.
    #[tokio::test]
    async fn copies_of_others_letters() {
        let mut stage = stage(8);
        let own = DeadLetter {
            target: Some("archive".into()),
            ..letter(2)
        };
        let none = DeadLetter {
            target: None,
            ..letter(3)
        };
        stage.forward.send(&[letter(1), own, none], Timestamp::now());
        let first = stage.records.recv().await.expect("it was sent");
        let second = stage.records.recv().await.expect("it was sent");
        assert!(stage.records.try_recv().is_err());
        assert_ne!(Some(first.about.event_id), letter(1).event_id);
        assert!(first.ticket.is_of_copy());
        assert_eq!(second.ticket.event().position().sequence_number.0, 3);
        first.ticket.settle(Settlement::Delivered);
        second
            .ticket
            .settle(Settlement::DeadLettered(RejectReason::Refused));
        assert_eq!(stage.outcomes(), [1, 1, 0]);
    }

    /// Scenario: a target that takes nothing, by a full queue and by full memory; then one that is gone. Guarantees: nothing
    /// waits, what does not fit is dropped and counted, memory has its bound.
    #[tokio::test]
    async fn a_target_that_is_behind_gets_no_more() {
        let many = vec![letter(1); 100];
        let small = stage(10);
        small.forward.send(&many, Timestamp::now());
        assert_eq!(small.outcomes(), [0, 0, 90]);

        let mut large = stage(100_000);
        let letters = vec![letter(1); 20_000];
        large.forward.send(&letters, Timestamp::now());
        let dropped = large.outcomes()[2];
        assert!(dropped > 10_000 && dropped < 20_000, "{dropped}");
        assert!(large.forward.window.bytes() < MAX_BYTES + 4_096);
        let taken = large.records.recv().await.expect("it was sent");
        taken.ticket.settle(Settlement::Delivered);
        drop((taken.held, taken.bytes));
        let Stage { forward, sender, .. } = large;
        drop(sender);
        forward.send(&[letter(1)], Timestamp::now());
        assert_eq!(forward.outcomes.dropped.get(), dropped + 1);
    }
}
