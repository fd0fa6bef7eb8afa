//! Where the threads of the client library leave what they have to tell, until the worker comes for all of it.

use std::sync::{Mutex, MutexGuard};

use rdkafka::types::RDKafkaErrorCode;
use tokio::sync::Notify;

/// Troubles that are kept until the worker comes; further ones say nothing new.
const MAX_TROUBLES: usize = 16;

/// What arrived and was not fetched. Bounded by the messages under way.
#[derive(Debug, Default)]
pub struct Inbox {
    arrived: Mutex<Arrived>,
    told: Notify,
}

/// What arrived since the last fetch.
#[derive(Debug, Default)]
pub struct Arrived {
    /// Ends of messages, those of one partition in their order.
    pub reports: Vec<Report>,
    /// Troubles of connections.
    pub troubles: Vec<Trouble>,
    /// Whether a connection is up, so that who we are was taken there, if that was told.
    pub is_connected: Option<bool>,
}

/// How a message ended.
#[derive(Debug, Clone, Copy)]
pub struct Report {
    /// The number it was handed over with.
    pub token: usize,
    /// Whether it is in the log of all replicas in sync.
    pub result: Result<(), RDKafkaErrorCode>,
}

/// Trouble of a connection.
#[derive(Debug, Clone)]
pub struct Trouble {
    /// Its class.
    pub code: RDKafkaErrorCode,
    /// The library's own words.
    pub detail: String,
}

impl Inbox {
    /// Leaves the end of a message.
    pub fn report(&self, report: Report) {
        self.tell(|arrived| arrived.reports.push(report));
    }

    /// Leaves a trouble.
    pub fn trouble(&self, trouble: Trouble) {
        self.tell(|arrived| {
            if arrived.troubles.len() < MAX_TROUBLES {
                arrived.troubles.push(trouble);
            }
        });
    }

    /// Says whether a connection is up.
    pub fn connected(&self, is_connected: bool) {
        self.tell(|arrived| arrived.is_connected = Some(is_connected));
    }

    /// Fetches everything; `arrived` is empty, and its room is used for what comes next.
    pub fn take(&self, arrived: &mut Arrived) {
        std::mem::swap(&mut *self.lock(), arrived);
    }

    /// Completes when something arrived since the last time it completed.
    pub async fn heard(&self) {
        self.told.notified().await;
    }

    fn tell(&self, what: impl FnOnce(&mut Arrived)) {
        let was_empty = {
            let mut arrived = self.lock();
            let was_empty = arrived.is_empty();
            what(&mut arrived);
            was_empty
        };
        // Who was told and did not come yet finds this too.
        if was_empty {
            self.told.notify_one();
        }
    }

    fn lock(&self) -> MutexGuard<'_, Arrived> {
        self.arrived.lock().expect("no holder of this lock panics")
    }
}

impl Arrived {
    fn is_empty(&self) -> bool {
        self.reports.is_empty() && self.troubles.is_empty() && self.is_connected.is_none()
    }
}
