//! What is known of one partition, and whether it is in trouble.

use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};

use crate::acknowledge::InFlight;
use crate::event::{LastEnqueued, SequenceNumber, Timestamp};

/// A partition with lag that settles nothing for this long is in trouble.
const MAX_STANDSTILL_MILLIS: i64 = 60_000;

/// The oldest event that waits for a target in one partition.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Waiting {
    /// When the hub took it in.
    pub enqueued_time: Timestamp,
    /// Older events that the hub keeps and removes before it; `None` until the hub has said what its oldest is.
    pub kept_before: Option<u64>,
}

/// The state of one partition in one consumer group, kept by its reader.
#[derive(Debug)]
pub struct PartitionStatus {
    attached: AtomicBool,
    attached_once: AtomicBool,
    /// Whether the last link ended for a reason that does not pass by itself.
    needs_operator: AtomicBool,
    last_enqueued: AtomicI64,
    /// Number of the oldest event the hub keeps, as it last said.
    first_kept: AtomicI64,
    settled: AtomicI64,
    settled_time: AtomicI64,
    progress: AtomicI64,
    in_flight: Mutex<Option<Arc<InFlight>>>,
    trouble: Mutex<Option<String>>,
    /// Time of the newest event the hub has said that it took in.
    newest_enqueued: AtomicI64,
    /// That the link brings nothing although there is something.
    stuck: Mutex<Option<String>>,
    /// That the hub has no such partition any more.
    gone: Mutex<Option<String>>,
}

impl PartitionStatus {
    pub(super) fn new() -> Self {
        Self {
            attached: AtomicBool::new(false),
            attached_once: AtomicBool::new(false),
            needs_operator: AtomicBool::new(false),
            last_enqueued: AtomicI64::new(i64::MIN),
            first_kept: AtomicI64::new(i64::MIN),
            settled: AtomicI64::new(-1),
            settled_time: AtomicI64::new(i64::MIN),
            progress: AtomicI64::new(Timestamp::now().as_millis()),
            in_flight: Mutex::default(),
            trouble: Mutex::default(),
            newest_enqueued: AtomicI64::new(i64::MIN),
            stuck: Mutex::default(),
            gone: Mutex::default(),
        }
    }

    /// The link is attached.
    pub fn attached(&self) {
        self.attached.store(true, Ordering::Relaxed);
        self.attached_once.store(true, Ordering::Relaxed);
        self.needs_operator.store(false, Ordering::Relaxed);
        *lock(&self.trouble) = None;
    }

    /// The link is gone; `cause` in words for an operator, who must act if it does not pass by itself.
    pub fn detached(&self, cause: String, needs_operator: bool) {
        self.attached.store(false, Ordering::Relaxed);
        self.needs_operator.store(needs_operator, Ordering::Relaxed);
        *lock(&self.trouble) = Some(cause);
    }

    /// The tracker whose mark tells how far the partition is settled, and where it started.
    pub fn tracks(&self, in_flight: &Arc<InFlight>, start: Option<i64>) {
        *lock(&self.in_flight) = Some(Arc::clone(in_flight));
        if let Some(start) = start {
            self.settled.store(start, Ordering::Relaxed);
        }
    }

    /// The link brings nothing although the hub has more, in words for an operator; `None` ends that.
    pub fn stuck(&self, problem: Option<String>) {
        *lock(&self.stuck) = problem;
    }

    /// The hub has no such partition any more, in words for an operator; `None` ends that.
    pub fn gone(&self, notice: Option<String>) {
        *lock(&self.gone) = notice;
    }

    /// That the hub has no such partition any more. It is then no problem that it is not read.
    pub(super) fn is_gone(&self) -> Option<String> {
        lock(&self.gone).clone()
    }

    /// An event came that the hub took in at this time.
    pub fn enqueued(&self, moment: Timestamp) {
        self.newest_enqueued
            .fetch_max(moment.as_millis(), Ordering::Relaxed);
    }

    /// When the hub took in its newest event here, as far as it has said.
    pub(super) fn newest_enqueued(&self) -> Option<Timestamp> {
        let newest = self.newest_enqueued.load(Ordering::Relaxed);
        (newest != i64::MIN).then(|| Timestamp::from_millis(newest))
    }

    /// The hub said what its newest event is.
    pub fn last_enqueued(&self, last: &LastEnqueued) {
        if last.sequence_number >= SequenceNumber(0) {
            self.enqueued(last.enqueued_time);
        }
        if last.sequence_number.0 == self.last_enqueued.load(Ordering::Relaxed) {
            return;
        }
        // Time without lag is no standstill, also when nobody looked meanwhile.
        self.update();
        self.last_enqueued
            .store(last.sequence_number.0, Ordering::Relaxed);
    }

    /// The hub said what its oldest event is.
    pub fn first_kept(&self, number: SequenceNumber) {
        self.first_kept.store(number.0, Ordering::Relaxed);
    }

    /// The oldest event that waits for a target; `None` where none does.
    pub(super) fn waiting_for(&self, target: &str) -> Option<Waiting> {
        let owed = lock(&self.in_flight).as_ref()?.first_owed(target)?;
        let first = self.first_kept.load(Ordering::Relaxed);
        let kept_before = owed.sequence_number.0.saturating_sub(first);
        Some(Waiting {
            enqueued_time: owed.enqueued_time,
            kept_before: (first != i64::MIN).then_some(kept_before.max(0) as u64),
        })
    }

    /// Whether a target holds the partition: it owes something of the oldest event in flight.
    pub(super) fn is_held_by(&self, target: &str) -> bool {
        let in_flight = lock(&self.in_flight).clone();
        in_flight.is_some_and(|in_flight| in_flight.is_held_by(target))
    }

    /// Whether the link is attached now.
    pub fn is_attached(&self) -> bool {
        self.attached.load(Ordering::Relaxed)
    }

    /// Events not settled yet; `None` until the hub said what its newest event is.
    pub fn lag_events(&self) -> Option<i64> {
        self.update();
        let last = self.last_enqueued.load(Ordering::Relaxed);
        (last != i64::MIN).then(|| last.saturating_sub(self.settled.load(Ordering::Relaxed)).max(0))
    }

    pub(super) fn lag_seconds(&self, lag_events: i64) -> f64 {
        let settled_time = self.settled_time.load(Ordering::Relaxed);
        if lag_events == 0 || settled_time == i64::MIN {
            return 0.0;
        }
        Timestamp::now()
            .millis_since(Timestamp::from_millis(settled_time))
            .max(0) as f64
            / 1000.0
    }

    /// Why no event arrives, where that does not pass by itself or was always so.
    pub(super) fn detachment(&self) -> Option<String> {
        let needs_operator = self.needs_operator.load(Ordering::Relaxed);
        (!self.attached_once.load(Ordering::Relaxed) || needs_operator).then(|| {
            let cause = lock(&self.trouble).clone();
            cause.unwrap_or_else(|| "not attached yet".to_owned())
        })
    }

    /// That events wait in the hub and the link brings none.
    pub fn stuck_link(&self) -> Option<String> {
        lock(&self.stuck).clone()
    }

    /// That events wait and none is settled.
    pub(super) fn standstill(&self) -> Option<String> {
        let lag = self.lag_events()?;
        let standstill = Timestamp::now().as_millis() - self.progress.load(Ordering::Relaxed);
        (lag > 0 && standstill > MAX_STANDSTILL_MILLIS).then(|| {
            format!(
                "{lag} events wait and none was settled for {} seconds",
                standstill / 1000
            )
        })
    }

    /// Takes over the tracker's mark; a mark that moved, or no lag, is progress.
    fn update(&self) {
        let mark = lock(&self.in_flight)
            .as_ref()
            .and_then(|in_flight| in_flight.mark());
        let now = Timestamp::now().as_millis();
        if let Some(mark) = mark {
            let before = self.settled.swap(mark.sequence_number.0, Ordering::Relaxed);
            self.settled_time
                .store(mark.enqueued_time.as_millis(), Ordering::Relaxed);
            if before != mark.sequence_number.0 {
                self.progress.store(now, Ordering::Relaxed);
            }
        }
        if self.last_enqueued.load(Ordering::Relaxed) <= self.settled.load(Ordering::Relaxed) {
            self.progress.store(now, Ordering::Relaxed);
        }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().expect("no holder of this lock panics")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::acknowledge::{Targets, Window};
    use crate::event::{Event, Offset, PartitionId};

    /// Scenario: of two targets one has not settled event 41; the hub keeps events from 33 on, later only from 50 on.
    /// Guarantees: the events it would remove first are those from 33 to 40; there are never less than none; nothing waits
    /// for the other target.
    #[test]
    fn counts_what_the_hub_removes_first() {
        let status = PartitionStatus::new();
        assert_eq!(status.waiting_for("slow"), None, "nothing is known");
        let targets = Targets::new(["quick", "slow"].map(Arc::from));
        let (partition, window) = (PartitionId::new("0"), Window::new(10, 10));
        let in_flight = InFlight::following(partition.clone(), 0, window, targets, None);
        let event = in_flight.begin(&Event {
            partition,
            sequence_number: SequenceNumber(41),
            offset: Offset::new("o41"),
            enqueued_time: Timestamp::from_millis(7),
            body: bytes::Bytes::new(),
            last_enqueued: None,
        });
        let _owed = event.ticket_for(1);
        event.close();
        status.tracks(&in_flight, None);
        let waiting = |kept_before| {
            Some(Waiting {
                enqueued_time: Timestamp::from_millis(7),
                kept_before,
            })
        };
        assert_eq!(status.waiting_for("slow"), waiting(None), "the hub has not said");
        status.first_kept(SequenceNumber(33));
        assert_eq!(status.waiting_for("slow"), waiting(Some(8)));
        assert_eq!(status.waiting_for("quick"), None);
        assert!(status.is_held_by("slow") && !status.is_held_by("quick"));
        assert_eq!(
            status.standstill(),
            None,
            "the hub has not said that anything waits"
        );
        status.last_enqueued(&LastEnqueued {
            sequence_number: SequenceNumber(50),
            enqueued_time: Timestamp::from_millis(0),
        });
        status.settled.store(40, Ordering::Relaxed);
        let long_ago = Timestamp::now().as_millis() - MAX_STANDSTILL_MILLIS - 1000;
        status.progress.store(long_ago, Ordering::Relaxed);
        let sentence = "10 events wait and none was settled for 61 seconds";
        assert_eq!(status.standstill().as_deref(), Some(sentence));
        status.first_kept(SequenceNumber(50));
        assert_eq!(status.waiting_for("slow"), waiting(Some(0)));
    }
}
