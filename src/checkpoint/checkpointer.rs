//! The one task of a consumer group that stores marks which moved.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use tokio::sync::Notify;
use tokio::time::{Instant, MissedTickBehavior};
use tokio_util::sync::CancellationToken;

use super::{Checkpoint, Error, Store};
use crate::acknowledge::{InFlight, Standing};
use crate::audit::line::Settled;
use crate::audit::recorder::Recorded;
use crate::audit::{Line, Recorder};
use crate::durable::{Retry, line_file};
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
    /// Held while storing, so that a new generation's position is never overwritten by an older one's.
    writing: tokio::sync::Mutex<Retries>,
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

#[derive(Debug)]
struct Partition {
    in_flight: Arc<InFlight>,
    hub_created_at: Option<Timestamp>,
    stored: Option<Checkpoint>,
    recorded: Option<Recorded>,
    stored_at: Instant,
    /// Events that had settled when the stored mark was taken.
    settled_when_stored: u64,
}

/// Which partitions a pass stores, of those whose mark moved.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Pass {
    All,
    /// Those where much settled since the last store, so that a busy partition does not cost a write of every other.
    Due,
}

/// A mark that is newer than what is stored.
#[derive(Debug)]
struct Moved {
    partition: PartitionId,
    generation: u64,
    settled: u64,
    checkpoint: Checkpoint,
    standing: Standing,
    /// What the audit says of it; `None` without an audit, and if it could not be recorded.
    line: Option<Settled>,
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
            writing: tokio::sync::Mutex::default(),
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
        let partition = Partition {
            hub_created_at,
            stored: None,
            recorded: None,
            stored_at: Instant::now(),
            settled_when_stored: 0,
            in_flight,
        };
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
        if let Some(lost) = self.lock().remove(partition) {
            lost.in_flight.retire();
        }
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
            let delay = self.writing.lock().await.checkpoints.failed().delay;
            tokio::time::sleep(delay).await;
        }
        self.store_moved(Pass::All).await
    }

    /// One pass over the partitions. Every one is tried, unless the store is away; the last failure is returned.
    async fn store_moved(&self, pass: Pass) -> Result<(), Error> {
        let mut writing = self.writing.lock().await;
        let mut result = Ok(());
        let mut moved = self.moved(pass);
        // Between taking the marks and storing them: what is noted later came from events that these marks do not pass.
        if let (Some(first), Some(last_delivered)) = (moved.first(), &self.last_delivered)
            && let Err(error) = last_delivered.flush().await
        {
            let error = Error::from(error);
            self.note_failed(&first.partition, &error, &mut writing.checkpoints);
            return Err(error);
        }
        self.record(&mut moved, &mut writing.audit).await;
        for moved in moved {
            match self.write(&moved.partition, &moved.checkpoint).await {
                Ok(()) => self.note_stored(&moved),
                Err(Error::Lost { partition }) => {
                    tracing::info!(
                        %partition, consumer_group = &*self.consumer_group, sequence_number = %moved.checkpoint.sequence_number,
                        "position is not stored: another instance owns the partition and goes on from its checkpoint"
                    );
                    self.lose(&partition);
                }
                Err(error) => {
                    self.note_failed(&moved.partition, &error, &mut writing.checkpoints);
                    let is_away = error.is_store_away();
                    result = Err(error);
                    // Each further one would wait just as long, and a stop with it.
                    if is_away {
                        break;
                    }
                }
            }
        }
        if pass == Pass::All && result.is_ok() {
            writing.checkpoints.succeeded();
        }
        result
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

    /// Records the sums up to marks that are about to be stored. If that fails the marks are stored all the same, for the
    /// audit must not hold up delivery; the sums are then recorded with the next mark.
    async fn record(&self, moved: &mut [Moved], retry: &mut Retry) {
        let Some(audit) = &self.audit else { return };
        let lines = moved.iter().filter_map(|moved| moved.line.clone());
        match audit.record(lines.map(Line::Settled).collect()).await {
            Ok(()) => retry.succeeded(),
            Err(error) => {
                moved.iter_mut().for_each(|moved| moved.line = None);
                self.note_unrecorded(&error, retry);
            }
        }
    }

    /// Records how the partitions stand, and says in the log whether everything adds up.
    async fn reconcile(&self, is_stop: bool) {
        let Some(audit) = &self.audit else { return };
        let partitions: Vec<_> = {
            let partitions = self.lock();
            let partitions = partitions.values();
            partitions
                .map(|partition| Arc::clone(&partition.in_flight))
                .collect()
        };
        let mut writing = self.writing.lock().await;
        if let Err(error) = audit.reconcile(&partitions, is_stop).await {
            self.note_unrecorded(&error, &mut writing.audit);
        }
    }

    fn note_unrecorded(&self, error: &line_file::Error, retry: &mut Retry) {
        self.metrics.audit_errors_total.inc();
        let failure = retry.failed();
        if failure.is_to_be_logged {
            tracing::error!(
                consumer_group = &*self.consumer_group,
                error = error as &dyn std::error::Error,
                failures = failure.failures,
                "the audit cannot be written; a kill now would leave a hole in it, nothing else"
            );
        }
    }

    async fn write(&self, partition: &PartitionId, checkpoint: &Checkpoint) -> Result<(), Error> {
        let started = Instant::now();
        self.store.store(partition, checkpoint).await?;
        self.metrics
            .checkpoint_seconds
            .observe(started.elapsed().as_secs_f64());
        let labels = [partition.as_str(), &self.consumer_group];
        self.metrics
            .checkpoint_sequence_number
            .with_label_values(&labels)
            .set(checkpoint.sequence_number.0);
        self.metrics
            .checkpoint_age_seconds
            .with_label_values(&labels)
            .set(0.0);
        Ok(())
    }

    fn note_stored(&self, moved: &Moved) {
        // A newer generation may have been registered meanwhile; what was stored says nothing about it.
        if let Some(partition) = self.lock().get_mut(&moved.partition)
            && partition.in_flight.generation() == moved.generation
        {
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

impl Partition {
    /// Whether the number of settled events passed a multiple of the limit, which is when its tracker wakes us.
    fn is_due(&self, settled_events_max: u64) -> bool {
        self.in_flight.settled() / settled_events_max > self.settled_when_stored / settled_events_max
    }

    fn moved(&self, audit: Option<&Recorder>) -> Option<Moved> {
        // Read before the mark: counted too low, the partition is due sooner, never later.
        let settled = self.in_flight.settled();
        let standing = self.in_flight.standing()?;
        let checkpoint = Checkpoint::of(standing.progress.clone(), self.hub_created_at);
        let stored = self.stored.as_ref();
        assert!(
            stored.is_none_or(|stored| stored.sequence_number <= checkpoint.sequence_number),
            "a mark never moves backwards within a generation"
        );
        (stored != Some(&checkpoint)).then(|| Moved {
            partition: self.in_flight.partition().clone(),
            generation: self.in_flight.generation(),
            settled,
            checkpoint,
            line: audit.and_then(|audit| {
                let recorded = self.recorded.as_ref();
                audit.line(&self.in_flight, self.hub_created_at, &standing, recorded)
            }),
            standing,
        })
    }
}

#[cfg(test)]
mod tests;
