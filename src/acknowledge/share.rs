//! What one event owes to its targets, and what became of its records there.

use std::sync::Mutex;
use std::sync::atomic::{AtomicU32, Ordering};

use super::account::{Account, Gaps};
use crate::event::RejectReason;

/// What is counted for one event until it settles. Beside the counters, which every event needs, what is rare.
#[derive(Debug)]
pub(super) struct Shares {
    records: AtomicU32,
    /// Most groups have one target, which then costs no allocation.
    first: Share,
    further: Box<[Share]>,
    notes: Mutex<Vec<Note>>,
}

/// One event at one target.
#[derive(Debug, Default)]
pub(super) struct Share {
    /// Records that are not settled, and the reader's own share; used only where the target is followed.
    pub(super) unsettled: AtomicU32,
    delivered: AtomicU32,
    /// These three are written by the reader alone.
    filtered: AtomicU32,
    suppressed: AtomicU32,
    repeated: AtomicU32,
}

/// What happens to few events.
#[derive(Debug)]
enum Note {
    DeadLettered(Option<u16>, RejectReason),
    Unrouted,
    Gaps(Gaps),
}

impl Shares {
    /// Nothing counted, for so many targets, each with the reader's own share.
    pub(super) fn new(targets: usize, gaps: Gaps) -> Self {
        let notes = match gaps == Gaps::default() {
            true => Vec::new(),
            false => vec![Note::Gaps(gaps)],
        };
        Self {
            records: AtomicU32::new(0),
            first: Share::begun(),
            further: (1..targets).map(|_| Share::begun()).collect(),
            notes: Mutex::new(notes),
        }
    }

    /// The share of a target, by its index in its group. An event that was sent alone has one target for all.
    pub(super) fn get(&self, target: usize) -> &Share {
        match target {
            0 => &self.first,
            further => self.further.get(further - 1).unwrap_or(&self.first),
        }
    }

    pub(super) fn records(&self, count: u32) {
        self.records.store(count, Ordering::Relaxed);
    }

    pub(super) fn dead_lettered(&self, target: Option<u16>, reason: RejectReason) {
        self.note(Note::DeadLettered(target, reason));
    }

    pub(super) fn unrouted(&self) {
        self.note(Note::Unrouted);
    }

    fn note(&self, note: Note) {
        let mut notes = self.notes.lock().expect("no holder of this lock panics");
        notes.push(note);
    }

    /// Adds the event, all of whose tickets are settled, to the sums of its partition.
    pub(super) fn add_to(&self, account: &mut Account) {
        account.events += 1;
        account.records += u64::from(self.records.load(Ordering::Relaxed));
        for (index, target) in account.targets.iter_mut().enumerate() {
            let share = self.get(index);
            target.delivered += u64::from(share.delivered.load(Ordering::Relaxed));
            target.filtered += u64::from(share.filtered.load(Ordering::Relaxed));
            target.suppressed += u64::from(share.suppressed.load(Ordering::Relaxed));
            target.repeated += u64::from(share.repeated.load(Ordering::Relaxed));
        }
        for note in &*self.notes.lock().expect("no holder of this lock panics") {
            note.add_to(account);
        }
    }
}

impl Share {
    fn begun() -> Self {
        Self {
            unsettled: AtomicU32::new(1),
            ..Self::default()
        }
    }

    pub(super) fn delivered(&self) {
        self.delivered.fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn filtered(&self) {
        count(&self.filtered);
    }

    pub(super) fn suppressed(&self) {
        count(&self.suppressed);
    }

    pub(super) fn repeated(&self) {
        count(&self.repeated);
    }
}

/// One more, where nobody else writes: cheaper than an addition that is atomic as a whole.
fn count(counter: &AtomicU32) {
    counter.store(counter.load(Ordering::Relaxed) + 1, Ordering::Relaxed);
}

impl Note {
    fn add_to(&self, account: &mut Account) {
        match self {
            Note::DeadLettered(Some(target), reason) => {
                if let Some(target) = account.targets.get_mut(usize::from(*target)) {
                    *target.letters.entry(*reason).or_default() += 1;
                }
            }
            Note::DeadLettered(None, reason) => *account.letters.entry(*reason).or_default() += 1,
            Note::Unrouted => account.unrouted += 1,
            Note::Gaps(gaps) => account.gaps.add(*gaps),
        }
    }
}
