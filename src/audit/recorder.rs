//! What the checkpointer of a consumer group tells the audit: sums before each checkpoint, and how partitions stand.

use std::path::Path;
use std::sync::{Arc, Mutex};

use uuid::Uuid;

use super::journal::Journal;
use super::line::{Line, Reading, Settled, Standing};
use super::reconciliation::Reconciliation;
use super::{Totals, places};
use crate::acknowledge::{self, Account, InFlight};
use crate::durable::{FileError, line_file};
use crate::event::{SequenceNumber, Timestamp};

/// The recorder of one consumer group.
#[derive(Debug)]
pub struct Recorder {
    run: String,
    journal: Arc<Mutex<Journal>>,
    reconciliation: Mutex<Reconciliation>,
}

/// Up to where a partition's sums are recorded, and its position stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Recorded {
    to: SequenceNumber,
    account: Account,
}

impl Recorded {
    /// What a checkpoint at `standing` has recorded once it is stored.
    pub fn of(standing: &acknowledge::Standing) -> Self {
        Self {
            to: standing.progress.mark.sequence_number,
            account: standing.account.clone(),
        }
    }
}

impl Recorder {
    /// Opens the files below `group`, the directory of a consumer group in the state directory. Blocks.
    pub fn open(group: &Path, consumer_group: Arc<str>) -> Result<Self, FileError> {
        let now = Timestamp::now();
        Ok(Self {
            run: Uuid::new_v4().simple().to_string()[..12].to_owned(),
            journal: Arc::new(Mutex::new(Journal::open(group, now)?)),
            reconciliation: Mutex::new(Reconciliation::new(consumer_group, places::day(now))),
        })
    }

    /// The line of a mark that is about to be stored; `recorded` is the one stored last in this reading. `None` if the
    /// mark did not move, as when only a target that is ahead did.
    pub fn line(
        &self,
        in_flight: &InFlight,
        hub_created_at: Option<Timestamp>,
        standing: &acknowledge::Standing,
        recorded: Option<&Recorded>,
    ) -> Option<Settled> {
        let from = recorded.map_or(standing.from, |recorded| recorded.to);
        let to = standing.progress.mark.sequence_number;
        if to <= from {
            return None;
        }
        let account = match recorded {
            Some(recorded) => standing.account.since(&recorded.account),
            None => standing.account.clone(),
        };
        let begins = recorded.is_none().then(|| in_flight.origin()).flatten();
        Some(Settled {
            time: Timestamp::now(),
            since: None,
            partition: in_flight.partition().clone(),
            reading: self.reading(in_flight),
            hub_created_at,
            begins: begins.map(str::to_owned),
            from,
            to,
            in_flight: standing.in_flight as u64,
            totals: Totals::of(account, in_flight.target_names()),
        })
    }

    /// The line of a reading that ends because another reader has the partition; `recorded` is what was stored last in it.
    pub fn taken(&self, in_flight: &InFlight, recorded: Option<&Recorded>) -> Line {
        // What settled since the last stored position is read again too.
        let passed = |standing: acknowledge::Standing| {
            let stored = recorded.map_or(0, |recorded| recorded.account.events);
            standing.account.events - stored + standing.in_flight as u64
        };
        let unstored = in_flight.standing().map(passed);
        Line::Standing(Standing {
            time: Timestamp::now(),
            partition: in_flight.partition().clone(),
            reading: self.reading(in_flight),
            in_flight: unstored.unwrap_or(in_flight.len() as u64),
            is_stop: false,
            is_taken: true,
        })
    }

    /// Brings lines to disk. After an error the file is as it was.
    pub async fn record(&self, lines: Vec<Line>) -> Result<(), line_file::Error> {
        if lines.is_empty() {
            return Ok(());
        }
        let journal = Arc::clone(&self.journal);
        let append = move || {
            let mut journal = journal.lock().expect("no holder of this lock panics");
            journal.append(&lines, Timestamp::now())
        };
        tokio::task::spawn_blocking(append)
            .await
            .expect("writing a file does not panic and is not cancelled")
    }

    /// The checkpoint that a line belongs to is stored: it counts from here on.
    pub fn stored(&self, line: &Settled) {
        self.reconciliation().add(line);
    }

    /// Whether a day has ended since the last reconciliation.
    pub fn is_day_over(&self) -> bool {
        self.reconciliation().day() != places::day(Timestamp::now())
    }

    /// Writes how each partition stands, and says in the log whether everything adds up since the last time.
    pub async fn reconcile(
        &self,
        partitions: &[Arc<InFlight>],
        is_stop: bool,
    ) -> Result<(), line_file::Error> {
        let time = Timestamp::now();
        let standings = partitions.iter().map(|in_flight| Standing {
            time,
            partition: in_flight.partition().clone(),
            reading: self.reading(in_flight),
            in_flight: in_flight.len() as u64,
            is_stop,
            is_taken: false,
        });
        let standings: Vec<_> = standings.collect();
        let in_flight = standings.iter().map(|standing| standing.in_flight).sum();
        self.reconciliation().end(in_flight, places::day(time), is_stop);
        self.record(standings.into_iter().map(Line::Standing).collect())
            .await
    }

    fn reading(&self, in_flight: &InFlight) -> Reading {
        Reading {
            run: self.run.clone(),
            generation: in_flight.generation(),
        }
    }

    fn reconciliation(&self) -> std::sync::MutexGuard<'_, Reconciliation> {
        self.reconciliation.lock().expect("no holder of this lock panics")
    }
}
