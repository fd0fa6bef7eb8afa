//! The room of one consumer group: how many events and bytes may be in memory at once.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use tokio::sync::Notify;

/// Counts what a consumer group holds: bodies, rendered records, requests waiting for their acknowledgement.
///
/// Only credit waits for room. Who already holds data books what it adds at once, into debt if need be: a holder that
/// waited for others to let go would be a deadlock.
#[derive(Debug)]
pub struct Window {
    events_limit: usize,
    bytes_limit: usize,
    events: AtomicUsize,
    bytes: AtomicUsize,
    /// Events that may arrive at any moment, because credit for them is out.
    credited: AtomicUsize,
    /// Partitions among which free room is shared.
    sharers: AtomicUsize,
    /// Bytes and events given back since waiters were last told.
    released_bytes: AtomicUsize,
    released_events: AtomicUsize,
    released: Notify,
}

/// Waiters are told when this part of the window was given back, not at every record: a wake-up costs more than it finds.
const RELEASE_FRACTION: usize = 32;

/// A window with less than this part free counts as full: what is free is no room for a partition's next credit.
const FULL_FRACTION: usize = 16;

impl Window {
    /// A window of `events` events and `bytes` bytes.
    pub fn new(events: usize, bytes: usize) -> Arc<Self> {
        Arc::new(Self {
            events_limit: events,
            bytes_limit: bytes,
            events: AtomicUsize::new(0),
            bytes: AtomicUsize::new(0),
            credited: AtomicUsize::new(0),
            sharers: AtomicUsize::new(0),
            released_bytes: AtomicUsize::new(0),
            released_events: AtomicUsize::new(0),
            released: Notify::new(),
        })
    }

    /// Books `bytes` at once, into debt if there is no room.
    pub fn hold(self: &Arc<Self>, bytes: usize) -> Held {
        self.bytes.fetch_add(bytes, Ordering::Relaxed);
        Held {
            window: Arc::clone(self),
            bytes,
        }
    }

    /// Counts one more event in flight.
    pub(super) fn begin_event(&self) {
        self.events.fetch_add(1, Ordering::Relaxed);
    }

    /// Counts `events` events as passed by the mark, or given up.
    pub(super) fn end_events(&self, events: usize) {
        let before = self.events.fetch_sub(events, Ordering::Relaxed);
        let released = self.released_events.fetch_add(events, Ordering::Relaxed) + events;
        if before == events || released >= self.events_limit / RELEASE_FRACTION {
            self.tell_waiters();
        }
    }

    fn release_bytes(&self, bytes: usize) {
        let before = self.bytes.fetch_sub(bytes, Ordering::Relaxed);
        let released = self.released_bytes.fetch_add(bytes, Ordering::Relaxed) + bytes;
        if before == bytes || released >= self.bytes_limit / RELEASE_FRACTION {
            self.tell_waiters();
        }
    }

    /// Wakes who waits for room: because much was given back, or because a partition holds nothing any more.
    pub(super) fn tell_waiters(&self) {
        self.released_bytes.store(0, Ordering::Relaxed);
        self.released_events.store(0, Ordering::Relaxed);
        self.released.notify_waiters();
    }

    pub(super) fn join(&self) {
        self.sharers.fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn leave(&self) {
        self.sharers.fetch_sub(1, Ordering::Relaxed);
    }

    /// Partitions that share the window now, at least 1.
    pub(super) fn sharers(&self) -> usize {
        self.sharers.load(Ordering::Relaxed).max(1)
    }

    pub(super) fn credit(&self, events: usize) {
        self.credited.fetch_add(events, Ordering::Relaxed);
    }

    pub(super) fn uncredit(&self, events: usize) {
        self.credited.fetch_sub(events, Ordering::Relaxed);
    }

    /// Events in flight now.
    pub fn events(&self) -> usize {
        self.events.load(Ordering::Relaxed)
    }

    /// Bytes held now.
    pub fn bytes(&self) -> usize {
        self.bytes.load(Ordering::Relaxed)
    }

    /// The most events that may be in flight.
    pub fn events_limit(&self) -> usize {
        self.events_limit
    }

    /// The most bytes that may be held.
    pub fn bytes_limit(&self) -> usize {
        self.bytes_limit
    }

    /// Events for which there is room now, besides those that credit is out for.
    pub fn free_events(&self) -> usize {
        let taken = self.events() + self.credited.load(Ordering::Relaxed);
        self.events_limit.saturating_sub(taken)
    }

    /// Bytes for which there is room now.
    pub fn free_bytes(&self) -> usize {
        self.bytes_limit.saturating_sub(self.bytes())
    }

    /// Whether further events hardly have room, so that batches should be sent before their linger ends, and what is left is
    /// shared out to nobody who can wait.
    pub fn is_full(&self) -> bool {
        self.free_events() <= self.events_limit / FULL_FRACTION
            || self.free_bytes() <= self.bytes_limit / FULL_FRACTION
    }

    /// Completes when a noticeable part of the window was given back after the future was enabled or first polled.
    pub fn released(&self) -> tokio::sync::futures::Notified<'_> {
        self.released.notified()
    }
}

/// Room taken in a [`Window`]; given back when dropped.
#[derive(Debug)]
pub struct Held {
    window: Arc<Window>,
    bytes: usize,
}

impl Held {
    /// Changes how much is taken.
    pub fn resize(&mut self, bytes: usize) {
        if bytes >= self.bytes {
            self.window.bytes.fetch_add(bytes - self.bytes, Ordering::Relaxed);
        } else {
            self.window.release_bytes(self.bytes - bytes);
        }
        self.bytes = bytes;
    }

    /// Changes how much is promised to who may not need it. Nobody is told of room that was never used.
    pub(super) fn promise(&mut self, bytes: usize) {
        if bytes >= self.bytes {
            self.window.bytes.fetch_add(bytes - self.bytes, Ordering::Relaxed);
        } else {
            self.window.bytes.fetch_sub(self.bytes - bytes, Ordering::Relaxed);
        }
        self.bytes = bytes;
    }

    /// Bytes taken.
    pub fn bytes(&self) -> usize {
        self.bytes
    }

    /// The window the room belongs to.
    pub fn window(&self) -> &Arc<Window> {
        &self.window
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        self.window.release_bytes(self.bytes);
    }
}
