//! The one task of a consumer group that stores marks which moved.

mod auditing;
mod partition;

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use tokio::sync::Notify;
use tokio::time::{Instant, MissedTickBehavior};
use tokio_util::sync::CancellationToken;

use self::partition::{Moved, Partition};
use super::{Checkpoint, Error, Store};
use crate::acknowledge::InFlight;
use crate::audit::recorder::Recorded;
use crate::audit::{Line, Recorder};
use crate::durable::Retry;
use crate::event::{PartitionId, Timestamp};
use crate::route::last_delivered::Keeper;
use crate::telemetry::Metrics;

/// Marks that moved are stored this often.
pub const INTERVAL: Duration = Duration::from_secs(5);

/// A partition is stored sooner once this many of its events settled: so much a kill may repeat besides the window.
pub const MAX_SETTLED_EVENTS: u64 = 10_000;

/// The same while several instances share the partitions: so much a partition that moves may repeat. A divisor of the other.
pub const MAX_SETTLED_EVENTS_SHARED: u64 = 500;

/// Tries of the last store before the process ends.
const MAX_FINAL_TRIES: u32 = 3;

/// Stores the marks of one consumer group. Readers come and go through [`Checkpointer::register`].
#[derive(Debug)]
pub struct Checkpointer {
    store: Store,
    consumer_group: Arc<str>,
    interval: Duration,
    /// After how many settled events of a partition it is looked at.
    settled_events_step: u64,
    last_delivered: Option<Arc<Keeper>>,
    audit: Option<Recorder>,
    metrics: Arc<Metrics>,
    partitions: Mutex<BTreeMap<PartitionId, Partition>>,
    /// What the audit is still to be told of partitions that others have now; the next pass does.
    taken: Mutex<Vec<Line>>,
    /// Held for each write, and while a position to go on from is read: a mark of the time before must not land after that.
    writing: tokio::sync::Mutex<()>,
    /// Held for a pass.
    retries: tokio::sync::Mutex<Retries>,
    due: Arc<Notify>,
    /// Whether partitions may move to other instances.
    is_shared: AtomicBool,
}

/// When to say again what fails.
#[derive(Debug, Default)]
struct Retries {
    checkpoints: Retry,
    audit: Retry,
}

/// Which partitions a pass stores, of those whose mark moved.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Pass {
    All,
    /// Those where much settled since the last store, so that a busy partition does not cost a write of every other.
    Due,
}

impl Checkpointer {
    /// A checkpointer that knows no partition yet.
    pub fn new(store: Store, consumer_group: Arc<str>, metrics: Arc<Metrics>) -> Self {
        let settled_events_step = match store {
            Store::Blob(_) => MAX_SETTLED_EVENTS_SHARED,
            Store::File(_) | Store::Memory(_) => MAX_SETTLED_EVENTS,
        };
        Self {
            store,
            consumer_group,
            interval: INTERVAL,
            settled_events_step,
            last_delivered: None,
            audit: None,
            metrics,
            partitions: Mutex::default(),
            taken: Mutex::default(),
            writing: tokio::sync::Mutex::default(),
            retries: tokio::sync::Mutex::default(),
            due: Arc::default(),
            is_shared: AtomicBool::new(false),
        }
    }

    /// The same, storing marks that moved every `interval` instead of [`INTERVAL`].
    pub fn every(self, interval: Duration) -> Self {
        Self { interval, ..self }
    }

    /// The same, which has the last deliveries written before each mark that passes the events they came from.
    pub fn after(self, last_delivered: Arc<Keeper>) -> Self {
        Self {
            last_delivered: Some(last_delivered),
            ..self
        }
    }

    /// The same, which has the sums up to each mark recorded before the mark is stored.
    pub fn audited_by(self, recorder: Recorder) -> Self {
        Self {
            audit: Some(recorder),
            ..self
        }
    }

    /// Where the checkpoints are; also to load what a start begins from.
    pub fn store(&self) -> &Store {
        &self.store
    }

    /// Watches a partition from here on; an older generation of it is let go. Its generation must be a new one.
    pub fn register(&self, in_flight: Arc<InFlight>, hub_created_at: Option<Timestamp>) {
        in_flight.notify_every(self.settled_events_step, Arc::clone(&self.due));
        let partition = Partition::new(in_flight, hub_created_at);
        let name = partition.in_flight.partition().clone();
        let generation = partition.in_flight.generation();
        let before = self.lock().insert(name, partition);
        assert!(
            before.is_none_or(|before| before.in_flight.generation() < generation),
            "generations of a partition grow"
        );
    }

    /// Lets go of a partition: nothing is stored for it until it is registered anew.
    pub fn forget(&self, partition: &PartitionId) {
        self.lock().remove(partition);
    }

    /// Lets go of a partition that is another's now: what is in flight of it may finish, but moves no position any more.
    pub fn lose(&self, partition: &PartitionId) {
        let Some(lost) = self.lock().remove(partition) else {
            return;
        };
        self.note_taken(&lost);
        lost.in_flight.retire();
    }

    /// Where a partition that was just claimed goes on: what stands in the store. What an earlier reading of it left here
    /// moves no position any more, also where a pass has its mark in hand already.
    pub async fn resume(&self, partition: &PartitionId) -> Result<Option<Checkpoint>, Error> {
        let _writing = self.writing.lock().await;
        self.lose(partition);
        self.store.load(partition).await
    }

    /// Says whether other instances share the partitions now; marks are stored sooner then.
    pub fn share(&self, is_shared: bool) {
        self.is_shared.store(is_shared, Ordering::Relaxed);
    }

    /// Stores a position that was resolved before any event, so that `latest` is resolved once only.
    pub async fn store_initial(&self, partition: &PartitionId, checkpoint: &Checkpoint) -> Result<(), Error> {
        let _writing = self.writing.lock().await;
        self.write(partition, checkpoint).await
    }

    /// Stores what moved every interval, sooner where much settled, until `stop`; then as [`Checkpointer::finish`].
    ///
    /// Cancel `stop` when everything has settled that will: what settles later is not stored and is sent again.
    pub async fn run(&self, stop: CancellationToken) -> Result<(), Error> {
        let mut ticks = tokio::time::interval(self.interval);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            let pass = tokio::select! {
                biased;
                () = stop.cancelled() => {
                    self.finish().await?;
                    self.reconcile(true).await;
                    return Ok(());
                }
                _ = ticks.tick() => Pass::All,
                () = self.due.notified() => Pass::Due,
            };
            // A failure is logged and counted there, and the mark is still newer than what is stored at the next pass.
            let _is_stored = self.store_moved(pass).await.is_ok();
            if self.audit.as_ref().is_some_and(Recorder::is_day_over) {
                self.reconcile(false).await;
            }
        }
    }

    /// Stores what moved a last time, with a few tries.
    ///
    /// Errors: of the last try; what it did not store is sent again after a restart.
    pub async fn finish(&self) -> Result<(), Error> {
        for _ in 1..MAX_FINAL_TRIES {
            if self.store_moved(Pass::All).await.is_ok() {
                return Ok(());
            }
            let delay = self.retries.lock().await.checkpoints.failed().delay;
            tokio::time::sleep(delay).await;
        }
        self.store_moved(Pass::All).await
    }

    /// One pass over the partitions. Every one is tried, unless the store is away; the last failure is returned.
    async fn store_moved(&self, pass: Pass) -> Result<(), Error> {
        let mut retries = self.retries.lock().await;
        let mut result = Ok(());
        let mut moved = self.moved(pass);
        // Between taking the marks and storing them: what is noted later came from events that these marks do not pass.
        if let (Some(first), Some(last_delivered)) = (moved.first(), &self.last_delivered)
            && let Err(error) = last_delivered.flush().await
        {
            let error = Error::from(error);
            self.note_failed(&first.partition, &error, &mut retries.checkpoints);
            return Err(error);
        }
        self.record(&mut moved, &mut retries.audit).await;
        for moved in moved {
            let Err(error) = self.store_one(&moved).await else {
                continue;
            };
            self.note_failed(&moved.partition, &error, &mut retries.checkpoints);
            let is_away = error.is_store_away();
            result = Err(error);
            // Each further one would wait just as long, and a stop with it.
            if is_away {
                break;
            }
        }
        if pass == Pass::All && result.is_ok() {
            retries.checkpoints.succeeded();
        }
        result
    }

    /// Stores one mark, unless its reading has ended since the mark was taken: whoever goes on may have stored a later one.
    async fn store_one(&self, moved: &Moved) -> Result<(), Error> {
        let _writing = self.writing.lock().await;
        if !self.is_current(moved) {
            return Ok(());
        }
        match self.write(&moved.partition, &moved.checkpoint).await {
            Ok(()) => self.note_stored(moved),
            Err(Error::Lost { partition }) => {
                tracing::info!(
                    %partition, consumer_group = &*self.consumer_group, sequence_number = %moved.checkpoint.sequence_number,
                    "position is not stored: another instance owns the partition and goes on from its checkpoint"
                );
                self.lose(&partition);
            }
            Err(error) => return Err(error),
        }
        Ok(())
    }

    /// Whether a mark is of the reading that goes on now.
    fn is_current(&self, moved: &Moved) -> bool {
        let partitions = self.lock();
        let current = partitions
            .get(&moved.partition)
            .map(|partition| &partition.in_flight);
        current.is_some_and(|current| current.generation() == moved.generation && !current.is_retired())
    }

    /// The partitions whose mark is newer than what is stored.
    fn moved(&self, pass: Pass) -> Vec<Moved> {
        let settled_events_max = match self.is_shared.load(Ordering::Relaxed) {
            true => MAX_SETTLED_EVENTS_SHARED,
            false => MAX_SETTLED_EVENTS,
        };
        let partitions = self.lock();
        partitions
            .values()
            .filter(|partition| pass == Pass::All || partition.is_due(settled_events_max))
            .filter_map(|partition| partition.moved(self.audit.as_ref()))
            .collect()
    }

    async fn write(&self, partition: &PartitionId, checkpoint: &Checkpoint) -> Result<(), Error> {
        let started = Instant::now();
        self.store.store(partition, checkpoint).await?;
        self.metrics
            .checkpoint_seconds
            .observe(started.elapsed().as_secs_f64());
        Ok(())
    }

    fn show_stored(&self, partition: &PartitionId, checkpoint: &Checkpoint) {
        let labels = [partition.as_str(), &self.consumer_group];
        self.metrics
            .checkpoint_sequence_number
            .with_label_values(&labels)
            .set(checkpoint.sequence_number.0);
        self.metrics
            .checkpoint_age_seconds
            .with_label_values(&labels)
            .set(0.0);
    }

    fn note_stored(&self, moved: &Moved) {
        // It may have been lost meanwhile, or a newer generation registered; what was stored says nothing about either.
        if let Some(partition) = self.lock().get_mut(&moved.partition)
            && partition.in_flight.generation() == moved.generation
        {
            self.show_stored(&moved.partition, &moved.checkpoint);
            partition.stored = Some(moved.checkpoint.clone());
            partition.stored_at = Instant::now();
            partition.settled_when_stored = moved.settled;
            if let (Some(audit), Some(line)) = (&self.audit, &moved.line) {
                audit.stored(line);
                partition.recorded = Some(Recorded::of(&moved.standing));
            }
        }
    }

    fn note_failed(&self, name: &PartitionId, error: &Error, retry: &mut Retry) {
        self.metrics.checkpoint_errors_total.inc();
        if let Some(partition) = self.lock().get(name) {
            self.metrics
                .checkpoint_age_seconds
                .with_label_values(&[name.as_str(), &self.consumer_group])
                .set(partition.stored_at.elapsed().as_secs_f64());
        }
        let failure = retry.failed();
        if failure.is_to_be_logged {
            tracing::error!(
                partition = %name,
                consumer_group = &*self.consumer_group,
                error = error as &dyn std::error::Error,
                failures = failure.failures,
                hint = error.hint(),
                "checkpoint cannot be stored; a restart now would repeat what settled since the last one"
            );
        }
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<PartitionId, Partition>> {
        self.partitions.lock().expect("no holder of this lock panics")
    }
}

#[cfg(test)]
mod tests;
