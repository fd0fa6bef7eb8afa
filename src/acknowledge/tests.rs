//! The stage against a naive model that keeps everything and searches it from the start.

use std::sync::Arc;

use bytes::Bytes;
use proptest::prelude::*;
use tokio::sync::Notify;

use super::{EventInFlight, InFlight, Settlement, Ticket, Window};
use crate::event::{Event, Offset, PartitionId, SequenceNumber, Timestamp};

fn event(sequence_number: i64) -> Event {
    Event {
        partition: PartitionId::new("0"),
        sequence_number: SequenceNumber(sequence_number),
        offset: Offset::new(format!("offset-{sequence_number}")),
        enqueued_time: Timestamp::from_millis(sequence_number),
        body: Bytes::new(),
        last_enqueued: None,
    }
}

/// One step; the numbers choose among what is open at that moment.
#[derive(Debug, Clone)]
enum Step {
    Begin { gap: i64 },
    MakeTicket { event: usize },
    Close { event: usize },
    Settle { ticket: usize },
    Abandon { ticket: usize },
    AbandonEvent { event: usize },
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        4 => (1..4_i64).prop_map(|gap| Step::Begin { gap }),
        6 => any::<usize>().prop_map(|event| Step::MakeTicket { event }),
        5 => any::<usize>().prop_map(|event| Step::Close { event }),
        8 => any::<usize>().prop_map(|ticket| Step::Settle { ticket }),
        1 => any::<usize>().prop_map(|ticket| Step::Abandon { ticket }),
        1 => any::<usize>().prop_map(|event| Step::AbandonEvent { event }),
    ]
}

/// What is true of every event so far, in order.
#[derive(Debug, Default)]
struct Model {
    events: Vec<ModelEvent>,
}

#[derive(Debug)]
struct ModelEvent {
    sequence_number: i64,
    /// Tickets and the reader's own obligation that have not settled, abandoned ones included.
    unsettled: usize,
}

impl Model {
    fn passed(&self) -> &[ModelEvent] {
        let count = self
            .events
            .iter()
            .take_while(|event| event.unsettled == 0)
            .count();
        &self.events[..count]
    }

    fn settle(&mut self, sequence_number: i64) {
        let event = self
            .events
            .iter_mut()
            .find(|event| event.sequence_number == sequence_number);
        event.expect("the model knows every event").unsettled -= 1;
    }
}

/// The real thing beside the model.
struct Run {
    in_flight: Arc<InFlight>,
    model: Model,
    open: Vec<Arc<EventInFlight>>,
    tickets: Vec<Ticket>,
}

impl Run {
    fn apply(&mut self, step: Step) {
        match step {
            Step::Begin { gap } => self.begin(gap),
            Step::MakeTicket { event } if !self.open.is_empty() => {
                let event = &self.open[event % self.open.len()];
                self.tickets.push(event.ticket());
                let number = event.position().sequence_number.0;
                let model = self
                    .model
                    .events
                    .iter_mut()
                    .find(|event| event.sequence_number == number);
                model.expect("the model knows every event").unsettled += 1;
            }
            Step::Close { event } if !self.open.is_empty() => {
                let event = self.open.swap_remove(event % self.open.len());
                self.model.settle(event.position().sequence_number.0);
                event.close();
            }
            Step::Settle { ticket } if !self.tickets.is_empty() => {
                let ticket = self.tickets.swap_remove(ticket % self.tickets.len());
                self.model.settle(ticket.event().position().sequence_number.0);
                ticket.settle(Settlement::Delivered);
            }
            Step::Abandon { ticket } if !self.tickets.is_empty() => {
                drop(self.tickets.swap_remove(ticket % self.tickets.len()));
            }
            Step::AbandonEvent { event } if !self.open.is_empty() => {
                drop(self.open.swap_remove(event % self.open.len()));
            }
            _ => {}
        }
    }

    fn begin(&mut self, gap: i64) {
        let newest = self.model.events.last().map_or(0, |event| event.sequence_number);
        let sequence_number = newest + gap;
        self.model.events.push(ModelEvent {
            sequence_number,
            unsettled: 1,
        });
        self.open.push(self.in_flight.begin(&event(sequence_number)));
    }

    fn compare(&self) -> Result<(), TestCaseError> {
        let passed = self.model.passed();
        let mark = self.in_flight.mark();
        prop_assert_eq!(
            mark.as_ref().map(|mark| mark.sequence_number.0),
            passed.last().map(|event| event.sequence_number)
        );
        if let Some(mark) = mark {
            prop_assert_eq!(
                mark.offset,
                Offset::new(format!("offset-{}", mark.sequence_number))
            );
        }
        let left = self.model.events.len() - passed.len();
        prop_assert_eq!(self.in_flight.len(), left);
        prop_assert_eq!(self.in_flight.window().events(), left);
        let settled = self
            .model
            .events
            .iter()
            .filter(|event| event.unsettled == 0)
            .count();
        prop_assert_eq!(self.in_flight.settled(), settled as u64);
        Ok(())
    }
}

proptest! {
    /// Scenario: events begin, get tickets, settle and are let go in any order.
    /// Guarantees: after every step the mark is the last event before the first unsettled one; the window counts what
    /// the mark has not passed, and returns to zero with the last reference.
    #[test]
    fn agrees_with_a_naive_model(steps in proptest::collection::vec(step(), 0..200)) {
        let window = Window::new(1_000, 1_000);
        let mut run = Run {
            in_flight: InFlight::new(PartitionId::new("0"), 0, Arc::clone(&window)),
            model: Model::default(),
            open: Vec::new(),
            tickets: Vec::new(),
        };
        for step in steps {
            run.apply(step);
            run.compare()?;
        }
        drop(run);
        prop_assert_eq!(window.events(), 0);
    }

    /// Scenario: room is taken, resized and given back in any order.
    /// Guarantees: the window counts exactly what is held, into debt too.
    #[test]
    fn counts_what_is_held(sizes in proptest::collection::vec((0..5_000_usize, 0..5_000_usize), 0..50)) {
        let window = Window::new(10, 10_000);
        let mut held: Vec<_> = sizes.iter().map(|(first, _)| window.hold(*first)).collect();
        for (held, (_, second)) in held.iter_mut().zip(&sizes) {
            held.resize(*second);
        }
        let expected: usize = sizes.iter().map(|(_, second)| second).sum();
        prop_assert_eq!(window.bytes(), expected);
        prop_assert_eq!(window.free_bytes(), 10_000_usize.saturating_sub(expected));
        drop(held);
        prop_assert_eq!(window.bytes(), 0);
    }
}

/// Scenario: four threads settle the tickets of the same events at once.
/// Guarantees: the mark ends at the last event, and nothing is counted twice.
#[test]
fn settles_from_many_threads() {
    const EVENTS: i64 = 500;
    const TARGETS: usize = 4;
    let in_flight = InFlight::new(PartitionId::new("0"), 0, Window::new(1_000, 1_000));
    let mut shares: Vec<Vec<Ticket>> = (0..TARGETS).map(|_| Vec::new()).collect();
    for number in 0..EVENTS {
        let event = in_flight.begin(&event(number));
        shares.iter_mut().for_each(|share| share.push(event.ticket()));
        event.close();
    }
    std::thread::scope(|scope| {
        for share in shares {
            scope.spawn(|| {
                share
                    .into_iter()
                    .rev()
                    .for_each(|ticket| ticket.settle(Settlement::Delivered))
            });
        }
    });
    assert_eq!(
        in_flight.mark().map(|mark| mark.sequence_number.0),
        Some(EVENTS - 1)
    );
    assert_eq!((in_flight.len(), in_flight.settled()), (0, EVENTS as u64));
}

#[test]
fn a_retired_generation_gives_no_mark() {
    let in_flight = InFlight::new(PartitionId::new("0"), 0, Window::new(10, 10));
    in_flight.begin(&event(1)).close();
    assert!(in_flight.mark().is_some());
    in_flight.retire();
    in_flight.begin(&event(2)).close();
    assert_eq!(in_flight.mark(), None);
    assert_eq!(in_flight.window().events(), 0);
}

#[tokio::test(start_paused = true)]
async fn wakes_after_every_so_many_settled_events() {
    let in_flight = InFlight::new(PartitionId::new("0"), 0, Window::new(10, 10));
    let due = Arc::new(Notify::new());
    in_flight.notify_every(3, Arc::clone(&due));
    for number in 1..=6 {
        in_flight.begin(&event(number)).close();
        let woken = tokio::time::timeout(std::time::Duration::from_millis(1), due.notified()).await;
        assert_eq!(woken.is_ok(), number % 3 == 0, "{number}");
    }
}

#[test]
#[should_panic(expected = "an event is closed once")]
fn a_second_close_is_our_own_bug() {
    let in_flight = InFlight::new(PartitionId::new("0"), 0, Window::new(10, 10));
    let event = in_flight.begin(&event(1));
    let _ticket = event.ticket();
    event.close();
    event.close();
}

#[test]
#[should_panic(expected = "gets no further tickets")]
fn a_ticket_after_the_settlement_is_our_own_bug() {
    let in_flight = InFlight::new(PartitionId::new("0"), 0, Window::new(10, 10));
    let event = in_flight.begin(&event(1));
    event.close();
    drop(event.ticket());
}

#[test]
#[should_panic(expected = "begin in rising order")]
fn an_event_that_begins_twice_is_our_own_bug() {
    let in_flight = InFlight::new(PartitionId::new("0"), 0, Window::new(10, 10));
    in_flight.begin(&event(1)).close();
    in_flight.begin(&event(1)).close();
}

/// Scenario: three events; the first has a ticket of a target and one of a dead letter, the second none, the third one.
/// Guarantees: an event owes only what its holder holds once everything else of it is settled and the reader has closed it;
/// the mark with what a holder has passes settled events on the way and behind, and stops at the first that is neither.
#[test]
fn a_mark_passes_what_is_taken() {
    let window = Window::new(100, 100_000);
    let tracker = InFlight::new(PartitionId::new("0"), 0, window);
    let number = |mark: Option<super::Mark>| mark.map(|mark| mark.sequence_number.0);
    let first = tracker.begin(&event(1));
    let (held, letter) = (first.ticket_for(0), first.ticket());
    assert!(!first.owes_only(1), "the reader has not closed it");
    first.close();
    assert!(!first.owes_only(1), "a dead letter is on its way");
    tracker.begin(&event(2)).close();
    let third = tracker.begin(&event(3));
    let waiting = third.ticket_for(0);
    third.close();
    tracker.begin(&event(4)).close();

    assert_eq!(number(tracker.mark_with(|_| false)), None);
    assert_eq!(number(tracker.mark_with(|number| number.0 == 1)), Some(2));
    assert_eq!(number(tracker.mark_with(|_| true)), Some(4));
    letter.settle(Settlement::DeadLettered(crate::event::RejectReason::Refused));
    assert!(first.owes_only(1));
    held.settle(Settlement::Delivered);
    assert_eq!(number(tracker.mark_with(|_| false)), Some(2));
    waiting.settle(Settlement::Delivered);
    assert_eq!(number(tracker.mark_with(|_| false)), Some(4));
}
