//! The one task of a consumer group that stores marks which moved.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use tokio::sync::Notify;
use tokio::time::{Instant, MissedTickBehavior};
use tokio_util::sync::CancellationToken;

use super::{Checkpoint, Error, Store};
use crate::acknowledge::InFlight;
use crate::durable::Retry;
use crate::event::{PartitionId, Timestamp};
use crate::route::last_delivered::Keeper;
use crate::telemetry::Metrics;

/// Marks that moved are stored this often.
pub const INTERVAL: Duration = Duration::from_secs(5);

/// A partition is stored sooner once this many of its events settled: so much a kill may repeat besides the window.
pub const MAX_SETTLED_EVENTS: u64 = 10_000;

/// The same where several instances share the partitions: so much a partition that moves may repeat, and it moves often.
pub const MAX_SETTLED_EVENTS_SHARED: u64 = 500;

/// Tries of the last store before the process ends.
const MAX_FINAL_TRIES: u32 = 3;

/// Stores the marks of one consumer group. Readers come and go through [`Checkpointer::register`].
#[derive(Debug)]
pub struct Checkpointer {
    store: Store,
    consumer_group: Arc<str>,
    interval: Duration,
    settled_events_max: u64,
    last_delivered: Option<Arc<Keeper>>,
    metrics: Arc<Metrics>,
    partitions: Mutex<BTreeMap<PartitionId, Partition>>,
    /// Held while storing, so that a new generation's position is never overwritten by an older one's.
    writing: tokio::sync::Mutex<Retry>,
    due: Arc<Notify>,
}

#[derive(Debug)]
struct Partition {
    in_flight: Arc<InFlight>,
    hub_created_at: Option<Timestamp>,
    stored: Option<Checkpoint>,
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
}

impl Checkpointer {
    /// A checkpointer that knows no partition yet.
    pub fn new(store: Store, consumer_group: Arc<str>, metrics: Arc<Metrics>) -> Self {
        let settled_events_max = match store {
            Store::Blob(_) => MAX_SETTLED_EVENTS_SHARED,
            Store::File(_) | Store::Memory(_) => MAX_SETTLED_EVENTS,
        };
        Self {
            store,
            consumer_group,
            interval: INTERVAL,
            settled_events_max,
            last_delivered: None,
            metrics,
            partitions: Mutex::default(),
            writing: tokio::sync::Mutex::default(),
            due: Arc::default(),
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

    /// Where the checkpoints are; also to load what a start begins from.
    pub fn store(&self) -> &Store {
        &self.store
    }

    /// Watches a partition from here on; an older generation of it is let go. Its generation must be a new one.
    pub fn register(&self, in_flight: Arc<InFlight>, hub_created_at: Option<Timestamp>) {
        in_flight.notify_every(self.settled_events_max, Arc::clone(&self.due));
        let partition = Partition {
            hub_created_at,
            stored: None,
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
                () = stop.cancelled() => return self.finish().await,
                _ = ticks.tick() => Pass::All,
                () = self.due.notified() => Pass::Due,
            };
            // A failure is logged and counted there, and the mark is still newer than what is stored at the next pass.
            let _is_stored = self.store_moved(pass).await.is_ok();
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
            let delay = self.writing.lock().await.failed().delay;
            tokio::time::sleep(delay).await;
        }
        self.store_moved(Pass::All).await
    }

    /// One pass over the partitions. Every one is tried; the last failure is returned.
    async fn store_moved(&self, pass: Pass) -> Result<(), Error> {
        let mut writing = self.writing.lock().await;
        let mut result = Ok(());
        let moved = self.moved(pass);
        // Between taking the marks and storing them: what is noted later came from events that these marks do not pass.
        if let (Some(first), Some(last_delivered)) = (moved.first(), &self.last_delivered)
            && let Err(error) = last_delivered.flush().await
        {
            let error = Error::from(error);
            self.note_failed(&first.partition, &error, &mut writing);
            return Err(error);
        }
        for moved in moved {
            match self.write(&moved.partition, &moved.checkpoint).await {
                Ok(()) => self.note_stored(&moved),
                Err(error) => {
                    self.note_failed(&moved.partition, &error, &mut writing);
                    result = Err(error);
                }
            }
        }
        if pass == Pass::All && result.is_ok() {
            writing.succeeded();
        }
        result
    }

    /// The partitions whose mark is newer than what is stored.
    fn moved(&self, pass: Pass) -> Vec<Moved> {
        let partitions = self.lock();
        partitions
            .values()
            .filter(|partition| pass == Pass::All || partition.is_due(self.settled_events_max))
            .filter_map(Partition::moved)
            .collect()
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

    fn moved(&self) -> Option<Moved> {
        // Read before the mark: counted too low, the partition is due sooner, never later.
        let settled = self.in_flight.settled();
        let progress = self.in_flight.progress()?;
        let checkpoint = Checkpoint::of(progress, self.hub_created_at);
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
        })
    }
}

#[cfg(test)]
mod tests;
