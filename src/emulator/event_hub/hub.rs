//! What all connections of one emulated hub share.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};

use tokio::sync::watch;

use crate::event::Timestamp;

use super::faults::Faults;
use super::log::Log;
use super::options::{Options, SharedAccessKey};
use super::receivers::Receivers;

/// The state behind every connection.
#[derive(Debug)]
pub(super) struct Hub {
    pub options: Options,
    pub receivers: Arc<Receivers>,
    pub faults: Faults,
    pub counters: Counters,
    /// Counts up whenever a connection may have something to do: events, faults, evictions.
    pub changes: watch::Sender<u64>,
    /// Counts up whenever events were sent, for those who wait for that.
    pub progress: watch::Sender<u64>,
    log: Mutex<Log>,
}

/// Totals since the start.
#[derive(Debug, Default)]
pub(super) struct Counters {
    pub connections: AtomicU64,
    pub open_connections: AtomicU64,
    pub tokens: AtomicU64,
    pub management_requests: AtomicU64,
    pub attaches: AtomicU64,
    pub events_received: AtomicU64,
    /// Events sent to receivers, per partition.
    pub events_sent: Mutex<Vec<u64>>,
}

impl Hub {
    pub fn new(options: Options) -> Self {
        let changes = watch::Sender::new(0);
        let log = Log::new(options.partitions, options.retention, Timestamp::now());
        Self {
            receivers: Receivers::new(changes.clone()),
            faults: Faults::new(changes.clone()),
            counters: Counters::default(),
            log: Mutex::new(log),
            changes,
            progress: watch::Sender::new(0),
            options,
        }
    }

    /// The policy that lets clients in, with its key of this moment.
    pub fn key(&self) -> Option<SharedAccessKey> {
        let mut policy = self.options.key.clone()?;
        if let Some(key) = &self.faults.state().rotated_key {
            policy.key.clone_from(key);
        }
        Some(policy)
    }

    /// The events; hold it only for the time of one step.
    pub fn log(&self) -> MutexGuard<'_, Log> {
        self.log.lock().expect("no access to the log panics")
    }

    /// Changes the events and wakes every connection.
    pub fn change_log<T>(&self, change: impl FnOnce(&mut Log) -> T) -> T {
        let result = change(&mut self.log());
        self.wake();
        result
    }

    /// Wakes every connection and everyone who waits for a state.
    pub fn wake(&self) {
        self.changes.send_modify(|generation| *generation += 1);
    }

    /// Counts events sent to receivers of a partition.
    pub fn count_sent(&self, partition: usize, events: u64) {
        let mut sent = self.counters.events_sent.lock().expect("no counting panics");
        if sent.len() <= partition {
            sent.resize(partition + 1, 0);
        }
        sent[partition] += events;
        drop(sent);
        self.progress.send_modify(|generation| *generation += 1);
    }

    /// Adds one to a counter.
    pub fn count(&self, counter: impl FnOnce(&Counters) -> &AtomicU64) {
        counter(&self.counters).fetch_add(1, Ordering::Relaxed);
    }
}
