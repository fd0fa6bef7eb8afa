//! Lanes without a broker.

use tokio::time::Duration;

use super::*;
use crate::acknowledge::{Settlement, Window};
use crate::deliver::kafka::tests::{begin, record_in, record_of};
use crate::event::PartitionId;

const LIMITS: Limits = Limits {
    records: 2,
    bytes: 1000,
    linger: Duration::from_secs(1),
};

fn tracker(generation: u64) -> Arc<InFlight> {
    let tracker = InFlight::new(PartitionId::new("3"), generation, Window::new(100, 1 << 20));
    tracker.set_hub_created_at(Timestamp::from_millis(7));
    tracker
}

/// A lane whose reader waits for `generation`, with records of these events.
fn lane(tracker: &Arc<InFlight>, numbers: &[i64]) -> Lane {
    let now = Instant::now();
    let mut lane = Lane::new(Duration::from_secs(30), now);
    lane.want(tracker.generation(), oneshot::channel().0);
    lane.read(Arc::clone(tracker));
    for number in numbers {
        lane.push(record_in(tracker, *number, "k"), now)
            .expect("it is of the generation");
    }
    lane
}

fn taken(lane: &mut Lane) -> Option<(usize, i64)> {
    let batch = lane.gather(&LIMITS)?;
    Some((batch.len(), batch.position.sequence_number.0))
}

/// Scenario: three events of one record each, and a limit of two records.
/// Guarantees: a transaction takes whole events up to the limit with the position of the last, and the next one the rest;
/// what is taken back goes first again.
#[test]
fn takes_whole_events_up_to_the_limits() {
    let tracker = tracker(1);
    let mut lane = lane(&tracker, &[10, 11, 12]);
    let batch = lane.gather(&LIMITS).expect("two are whole");
    assert_eq!((batch.len(), batch.position.sequence_number.0), (2, 11));
    lane.take_back(batch);
    assert_eq!(taken(&mut lane), Some((2, 11)));
    assert_eq!(
        taken(&mut lane),
        None,
        "what is before it is neither settled nor here"
    );
}

/// Scenario: a record is dropped by its generation, and a claim is lost.
/// Guarantees: nothing of an ended generation is taken in, and losing retires what was read.
#[test]
fn lets_go_of_ended_generations() {
    let (old, new) = (tracker(1), tracker(2));
    let mut lane = lane(&new, &[5]);
    let now = Instant::now();
    assert!(lane.push(record_in(&old, 4, "k"), now).is_err());
    assert_eq!(lane.lose(Lost::Fenced), 1);
    assert!(new.is_retired() && lane.is_lost());
    assert!(lane.push(record_in(&new, 6, "k"), now).is_err());
}

/// Scenario: all events are settled without a record for the target.
/// Guarantees: the position moves behind them, once.
#[test]
fn moves_the_position_alone() {
    let tracker = tracker(1);
    let mut lane = lane(&tracker, &[]);
    assert_eq!(taken(&mut lane), None);
    let record = record_in(&tracker, 8, "k");
    record
        .ticket
        .settle(Settlement::DeadLettered(crate::event::RejectReason::Refused));
    let batch = lane.gather(&LIMITS).expect("it moved");
    assert_eq!((batch.len(), batch.position.sequence_number.0), (0, 8));
    lane.committed(&batch.position, Instant::now());
    assert_eq!(taken(&mut lane), None);
    assert!(lane.is_done(Instant::now()));
}

/// Scenario: an event has a record for the target and a dead letter on its way to the disk; another event is behind it.
/// Guarantees: neither is taken until the letter is on disk: a position that passed it would lose it to a kill.
#[test]
fn waits_for_a_dead_letter() {
    let tracker = tracker(1);
    let mut lane = lane(&tracker, &[]);
    let now = Instant::now();
    let event = begin(&tracker, 20);
    let letter = event.ticket();
    let record = record_of(&event, "k");
    event.close();
    lane.push(record, now).expect("it is of the generation");
    lane.push(record_in(&tracker, 21, "k"), now)
        .expect("it is of the generation");
    assert_eq!(taken(&mut lane), None);
    letter.settle(Settlement::DeadLettered(crate::event::RejectReason::Refused));
    assert_eq!(taken(&mut lane), Some((2, 21)));
}

/// Scenario: of an event's two records one has not arrived.
/// Guarantees: it is taken once both are here.
#[test]
fn never_divides_an_event() {
    let tracker = tracker(1);
    let mut lane = lane(&tracker, &[]);
    let now = Instant::now();
    let event = begin(&tracker, 30);
    let (first, second) = (record_of(&event, "k"), record_of(&event, "k"));
    event.close();
    lane.push(first, now).expect("it is of the generation");
    assert_eq!(taken(&mut lane), None);
    lane.push(second, now).expect("it is of the generation");
    assert_eq!(taken(&mut lane), Some((2, 30)));
}
