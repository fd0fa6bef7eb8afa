//! Faults that a test switches on and off while the hub runs.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard};

use tokio::sync::watch;

/// Switches for misbehaviour. Each takes effect at once, on connections and links that exist and on later ones.
#[derive(Debug)]
pub struct Faults {
    state: Mutex<State>,
    changes: watch::Sender<u64>,
}

/// Which receivers of a partition get no events, though they have credit and nothing says that anything is wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mute {
    /// None.
    Nobody,
    /// Those on connections that are open, also if they attach there again.
    OpenConnections,
    /// All of them.
    Everybody,
}

/// An AMQP error as it is sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Condition {
    /// The condition's symbol, such as `com.microsoft:server-busy`.
    pub condition: String,
    /// Text for people.
    pub description: String,
}

impl Condition {
    /// A condition with its text.
    pub fn new(condition: impl Into<String>, description: impl Into<String>) -> Self {
        Self {
            condition: condition.into(),
            description: description.into(),
        }
    }
}

#[derive(Debug, Default)]
pub(super) struct State {
    pub drops: u64,
    pub closes: u64,
    pub close_condition: Option<Condition>,
    pub refuse_connects: bool,
    pub silent: bool,
    pub reject_tokens: bool,
    pub rotated_key: Option<String>,
    pub management_status: Option<u16>,
    pub refuse_attach: Option<Condition>,
    pub advertised_message_size: Option<u64>,
    pub repeat_after_attach: i64,
    pub partial_transfer: bool,
    /// Per partition the number of the first connection whose receivers are not mute.
    pub mutes: HashMap<usize, u64>,
    /// Per partition a count of ordered detaches and the newest order.
    pub detaches: HashMap<usize, (u64, Condition)>,
}

impl Faults {
    pub(super) fn new(changes: watch::Sender<u64>) -> Self {
        Self {
            state: Mutex::default(),
            changes,
        }
    }

    /// Ends every connection without a word, as a reset does.
    pub fn drop_connections(&self) {
        self.change(|state| state.drops += 1);
    }

    /// Ends every connection with a close performative, such as `amqp:connection:forced`.
    pub fn close_connections(&self, condition: Condition) {
        self.change(|state| {
            state.closes += 1;
            state.close_condition = Some(condition);
        });
    }

    /// While on, a new connection ends before its first byte.
    pub fn refuse_connects(&self, on: bool) {
        self.change(|state| state.refuse_connects = on);
    }

    /// While on, nothing is read and nothing is written, and connections stay open.
    pub fn silent(&self, on: bool) {
        self.change(|state| state.silent = on);
    }

    /// Sends no events to receivers of a partition on connections before number `first`; everything else goes on, as
    /// heartbeats, requests and other links. 0 ends it.
    pub(super) fn mute_before(&self, partition: usize, first: u64) {
        self.change(|state| *state.mutes.entry(partition).or_default() = first);
    }

    /// Detaches the receivers of one partition with an error.
    pub fn detach(&self, partition: u32, condition: Condition) {
        self.change(|state| {
            let order = state
                .detaches
                .entry(partition as usize)
                .or_insert((0, condition.clone()));
            *order = (order.0 + 1, condition);
        });
    }

    /// While set, every receiver of events is refused at its attach with this error.
    pub fn refuse_attach(&self, condition: Option<Condition>) {
        self.change(|state| state.refuse_attach = condition);
    }

    /// While on, every token is answered with status 401.
    pub fn reject_tokens(&self, on: bool) {
        self.change(|state| state.reject_tokens = on);
    }

    /// The policy of the hub has another key from now on. Tokens that were taken before stay good until they end.
    pub fn rotate_key(&self, key: impl Into<String>) {
        self.change(|state| state.rotated_key = Some(key.into()));
    }

    /// While set, every management request is answered with this status, such as 500 or 503.
    pub fn management_status(&self, status: Option<u16>) {
        self.change(|state| state.management_status = status);
    }

    /// While set, receivers are told this maximum of bytes, and are sent larger events all the same.
    pub fn advertised_message_size(&self, bytes: Option<u64>) {
        self.change(|state| state.advertised_message_size = bytes);
    }

    /// Each later attach starts this many events before the place it asked for; 0 switches the fault off.
    pub fn repeat_after_attach(&self, events: u32) {
        self.change(|state| state.repeat_after_attach = i64::from(events));
    }

    /// While on, the next event of each connection is sent only in part and the connection ends.
    pub fn partial_transfer(&self, on: bool) {
        self.change(|state| state.partial_transfer = on);
    }

    pub(super) fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().expect("no fault switch panics")
    }

    fn change(&self, change: impl FnOnce(&mut State)) {
        change(&mut self.state());
        self.changes.send_modify(|generation| *generation += 1);
    }
}
