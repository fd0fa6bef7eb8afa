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
    released: Notify,
}

impl Window {
    /// A window of `events` events and `bytes` bytes.
    pub fn new(events: usize, bytes: usize) -> Arc<Self> {
        Arc::new(Self {
            events_limit: events,
            bytes_limit: bytes,
            events: AtomicUsize::new(0),
            bytes: AtomicUsize::new(0),
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
        self.events.fetch_sub(events, Ordering::Relaxed);
        self.released.notify_waiters();
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

    /// Events for which there is room now.
    pub fn free_events(&self) -> usize {
        self.events_limit.saturating_sub(self.events())
    }

    /// Bytes for which there is room now.
    pub fn free_bytes(&self) -> usize {
        self.bytes_limit.saturating_sub(self.bytes())
    }

    /// Whether no further event of the usual size has room, so that batches should be sent before their linger ends.
    pub fn is_full(&self) -> bool {
        self.free_events() == 0 || self.free_bytes() == 0
    }

    /// Completes at the next release of room after the future was first polled.
    pub async fn released(&self) {
        self.released.notified().await;
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
            self.window.bytes.fetch_sub(self.bytes - bytes, Ordering::Relaxed);
            self.window.released.notify_waiters();
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
        self.window.bytes.fetch_sub(self.bytes, Ordering::Relaxed);
        self.window.released.notify_waiters();
    }
}
