//! What has become of a replay so far: counted while it runs, for whoever looks and for the report at the end.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};

use super::range::{self, Range};
use super::rejected::{MAX_LISTED_REFUSALS, Refusal};
use crate::acknowledge::{InFlight, Window};
use crate::deliver::DeadLetter;
use crate::event::{Event, PartitionId, SequenceNumber, Timestamp};
use crate::telemetry::TargetHealth;

/// A replay as it goes on.
#[derive(Debug)]
pub struct Progress {
    /// One for each partition, in their order.
    pub(super) partitions: Vec<Arc<Account>>,
    refusals: Mutex<Refusals>,
    health: Arc<TargetHealth>,
}

/// What was refused.
#[derive(Debug, Default, Clone)]
pub(super) struct Refusals {
    /// Records by reason.
    pub(super) reasons: BTreeMap<&'static str, u64>,
    /// The first of them.
    pub(super) listed: Vec<Refusal>,
}

/// Totals at one moment.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Totals {
    /// Events read.
    pub events: u64,
    /// Events there are to read, as far as it is known.
    pub events_expected: u64,
    /// Records that the target confirmed.
    pub delivered: u64,
    /// Records refused for good.
    pub rejected: u64,
    /// Why the target takes nothing, if that is so.
    pub blocked: Option<String>,
}

/// What has become of one partition's range.
#[derive(Debug)]
pub(super) struct Account {
    pub(super) range: Range,
    /// The events on their way.
    pub(super) in_flight: Arc<InFlight>,
    pub(super) events: AtomicU64,
    pub(super) records: AtomicU64,
    pub(super) filtered: AtomicU64,
    pub(super) rejected: AtomicU64,
    pub(super) gone: AtomicU64,
    /// Number of the first event read; -1 before it.
    first_read: AtomicI64,
    /// Whether every event of the range is read, or known to be gone.
    is_read: AtomicBool,
    /// Whether the hub may have removed events of the range whose numbers are not known.
    pub(super) may_begin_late: AtomicBool,
}

impl Progress {
    pub(super) fn new(ranges: Vec<Range>, window: &Arc<Window>, health: Arc<TargetHealth>) -> Arc<Self> {
        let accounts = ranges.into_iter().map(|range| Account::new(range, window));
        Arc::new(Self {
            partitions: accounts.map(Arc::new).collect(),
            refusals: Mutex::default(),
            health,
        })
    }

    /// Where it stands.
    pub fn totals(&self) -> Totals {
        let mut totals = Totals {
            blocked: self
                .health
                .blocked()
                .map(|blocked| format!("{}: {}", blocked.reason.as_str(), blocked.detail)),
            ..Totals::default()
        };
        for account in &self.partitions {
            totals.events += get(&account.events);
            totals.events_expected += account.events_expected();
            totals.delivered += account.in_flight.delivered_records();
            totals.rejected += get(&account.rejected);
        }
        totals
    }

    /// Counts a record that was refused for good.
    pub(super) fn refused(&self, letter: &DeadLetter) {
        if let Some(account) = self.account(&letter.partition) {
            account.rejected.fetch_add(1, Ordering::Relaxed);
        }
        let mut refusals = self.lock();
        *refusals.reasons.entry(letter.reason.as_str()).or_default() += 1;
        if refusals.listed.len() < MAX_LISTED_REFUSALS {
            refusals.listed.push(Refusal::of(letter));
        }
    }

    pub(super) fn refusals(&self) -> Refusals {
        self.lock().clone()
    }

    fn account(&self, partition: &PartitionId) -> Option<&Arc<Account>> {
        let mut accounts = self.partitions.iter();
        accounts.find(|account| account.range.partition == *partition)
    }

    fn lock(&self) -> MutexGuard<'_, Refusals> {
        self.refusals.lock().expect("no holder of this lock panics")
    }
}

impl Account {
    fn new(range: Range, window: &Arc<Window>) -> Self {
        Self {
            in_flight: InFlight::new(range.partition.clone(), 0, Arc::clone(window)),
            events: AtomicU64::default(),
            records: AtomicU64::default(),
            filtered: AtomicU64::default(),
            rejected: AtomicU64::default(),
            gone: AtomicU64::new(range.gone),
            first_read: AtomicI64::new(-1),
            is_read: AtomicBool::new(range.start.is_none()),
            may_begin_late: AtomicBool::default(),
            range,
        }
    }

    /// One more event of the range.
    pub(super) fn event(&self, number: SequenceNumber) {
        self.events.fetch_add(1, Ordering::Relaxed);
        // Only the first one is kept; the reader of the partition is the only one that counts.
        let _ = self
            .first_read
            .compare_exchange(-1, number.0, Ordering::Relaxed, Ordering::Relaxed);
    }

    /// Whether `event`, the first one that came, is the oldest one the hub has kept, though older ones are wanted.
    pub(super) fn begins_late(&self, event: &Event, from: Timestamp) -> bool {
        let is_oldest = event.sequence_number == self.range.oldest && event.sequence_number.0 > 0;
        is_oldest && event.enqueued_time > from
    }

    /// Every event of the range is read, or known to be gone.
    pub(super) fn read(&self) {
        self.is_read.store(true, Ordering::Relaxed);
    }

    /// Whether the range is read and everything of it is settled.
    pub(super) fn is_complete(&self) -> bool {
        self.is_read.load(Ordering::Relaxed) && self.in_flight.is_empty()
    }

    pub(super) fn first_read(&self) -> Option<SequenceNumber> {
        let number = self.first_read.load(Ordering::Relaxed);
        (number >= 0).then_some(SequenceNumber(number))
    }

    fn events_expected(&self) -> u64 {
        if self.is_read.load(Ordering::Relaxed) {
            return get(&self.events);
        }
        let first = self
            .first_read()
            .map(|first| range::count(first, self.range.last));
        first.unwrap_or_else(|| self.range.events_max())
    }
}

pub(super) fn get(counter: &AtomicU64) -> u64 {
    counter.load(Ordering::Relaxed)
}
