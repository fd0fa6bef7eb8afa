//! What one target last delivered, shared by the readers that ask and the workers that deliver.

use std::sync::{Arc, Mutex, MutexGuard};

use prometheus::{IntCounter, IntGauge};

use super::items::{Changes, Items};
use super::remembered::{Content, ItemKey};
use crate::acknowledge::{Held, Window};
use crate::event::Timestamp;
use crate::telemetry::Metrics;

/// The part of a window that the memory may take: the rest is for events.
const WINDOW_FRACTION: usize = 2;

/// The memory of one target.
#[derive(Debug)]
pub struct LastDelivered {
    state: Mutex<State>,
    began_new: bool,
    items: IntGauge,
    bytes: IntGauge,
    evicted: IntCounter,
}

#[derive(Debug)]
struct State {
    items: Items,
    window: Option<Arc<Window>>,
    held: Option<Held>,
}

/// An update of an item on its way to a target. While one is, snapshots of the item are forwarded.
///
/// Dropped without an outcome, it stays on its way for ever: the process is ending then, and nobody knows what the target
/// has.
#[derive(Debug)]
#[must_use = "an update without an outcome keeps every snapshot of its item from being suppressed"]
pub struct PendingUpdate {
    last_delivered: Arc<LastDelivered>,
    key: ItemKey,
    enqueued_time: Timestamp,
    content: Option<Content>,
}

impl LastDelivered {
    pub(super) fn new(items: Items, metrics: &Metrics, target: &str) -> Self {
        let this = Self {
            began_new: items.is_new(),
            state: Mutex::new(State {
                items,
                window: None,
                held: None,
            }),
            items: metrics.route_remembered_items.with_label_values(&[target]),
            bytes: metrics.route_remembered_bytes.with_label_values(&[target]),
            evicted: metrics.route_evicted_items_total.with_label_values(&[target]),
        };
        this.observe(&mut this.lock());
        this
    }

    /// Whether nothing was known at the start of what the target got before.
    pub fn began_new(&self) -> bool {
        self.began_new
    }

    /// Books the memory's bytes in the window of the target's group from here on, at most half of it.
    pub fn book_in(&self, window: &Arc<Window>) {
        let mut state = self.lock();
        state.window = Some(Arc::clone(window));
        state.held = None;
        self.observe(&mut state);
    }

    /// Asks `is_wanted` with what was last delivered of an item, `None` where that is not known for sure. If it says yes,
    /// the update is on its way from here on; `content` is that of a record taken in at `enqueued_time`, `None` for a
    /// Delete.
    pub fn begin_if(
        self: &Arc<Self>,
        key: ItemKey,
        enqueued_time: Timestamp,
        content: Option<Content>,
        is_wanted: impl FnOnce(Option<Content>) -> bool,
    ) -> Option<PendingUpdate> {
        let mut state = self.lock();
        if !is_wanted(state.items.last_delivered(key, enqueued_time)) {
            return None;
        }
        state.items.begin(key);
        Some(PendingUpdate {
            last_delivered: Arc::clone(self),
            key,
            enqueued_time,
            content,
        })
    }

    pub(super) fn take_changed(&self, most: usize) -> Changes {
        self.lock().items.take_changed(most)
    }

    pub(super) fn change_all(&self) {
        self.lock().items.change_all();
    }

    fn end(&self, key: ItemKey, enqueued_time: Timestamp, content: Option<Content>) {
        let mut state = self.lock();
        let evicted = state.items.end(key, enqueued_time, content);
        self.evicted.inc_by(evicted as u64);
        self.observe(&mut state);
    }

    fn observe(&self, state: &mut State) {
        let bytes = state.items.bytes();
        self.items.set(state.items.len() as i64);
        self.bytes.set(bytes as i64);
        if let Some(window) = &state.window {
            let bytes = bytes.min(window.bytes_limit() / WINDOW_FRACTION);
            if state.held.as_ref().is_none_or(|held| held.bytes() != bytes) {
                state.held = Some(window.hold(bytes));
            }
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().expect("no holder of this lock panics")
    }
}

impl PendingUpdate {
    /// The target confirmed the record.
    pub fn delivered(self) {
        self.last_delivered
            .end(self.key, self.enqueued_time, self.content);
    }

    /// The record became a dead letter: what the target has is not known any more.
    pub fn rejected(self) {
        self.last_delivered.end(self.key, self.enqueued_time, None);
    }
}
