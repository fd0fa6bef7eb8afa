//! Which receivers are attached to which partition, and who must give way to whom.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, OnceLock};

use tokio::sync::watch;

/// Receivers without an owner level that one partition and consumer group take at a time.
const RECEIVERS_WITHOUT_EPOCH_MAX: usize = 5;

/// The attached receivers of a hub.
#[derive(Debug)]
pub(super) struct Receivers {
    entries: Mutex<BTreeMap<u64, Entry>>,
    changes: watch::Sender<u64>,
}

/// Who wants to receive what.
#[derive(Debug, Clone)]
pub(super) struct Claim {
    pub group: String,
    pub partition: usize,
    pub epoch: Option<i64>,
    pub name: String,
}

#[derive(Debug)]
struct Entry {
    claim: Claim,
    evicted: Arc<OnceLock<String>>,
}

/// Membership of one attached receiver; it ends when this is dropped.
#[derive(Debug)]
pub(super) struct Membership {
    receivers: Arc<Receivers>,
    id: u64,
    evicted: Arc<OnceLock<String>>,
}

/// Why a receiver may not attach.
#[derive(Debug)]
pub(super) enum Refusal {
    /// Another receiver has a higher owner level, or one where this has none.
    Stolen(String),
    /// Too many receivers without an owner level.
    TooMany(String),
}

impl Receivers {
    pub fn new(changes: watch::Sender<u64>) -> Arc<Self> {
        Arc::new(Self {
            entries: Mutex::default(),
            changes,
        })
    }

    /// Attaches a receiver and evicts those it outranks. The last of equal owner levels wins.
    pub fn attach(self: &Arc<Self>, claim: Claim) -> Result<Membership, Refusal> {
        let mut entries = self.entries.lock().expect("no claim panics");
        let rivals = || {
            entries.values().filter(|entry| {
                entry.claim.group == claim.group
                    && entry.claim.partition == claim.partition
                    && entry.evicted.get().is_none()
            })
        };
        let highest = rivals().filter_map(|entry| entry.claim.epoch).max();
        match (claim.epoch, highest) {
            (None, Some(other)) => {
                return Err(Refusal::Stolen(format!(
                    "At least one receiver for the endpoint is created with epoch of '{other}', and so non-epoch receiver is not allowed. Either reconnect with a higher epoch, or make sure all epoch receivers are closed or disconnected."
                )));
            }
            (Some(own), Some(other)) if own < other => {
                return Err(Refusal::Stolen(format!(
                    "Receiver '{}' with a higher epoch of '{other}' already exists. Receiver '{}' with epoch {own} cannot be created.",
                    rivals().next().map_or("nil", |entry| entry.claim.name.as_str()),
                    claim.name
                )));
            }
            (None, None) if rivals().count() >= RECEIVERS_WITHOUT_EPOCH_MAX => {
                return Err(Refusal::TooMany(format!(
                    "Exceeded the maximum number of allowed receivers per partition in a consumer group which is {RECEIVERS_WITHOUT_EPOCH_MAX}."
                )));
            }
            (None, None) => {}
            (Some(own), _) => {
                for rival in rivals() {
                    let other = rival
                        .claim
                        .epoch
                        .map_or("nil".to_owned(), |epoch| epoch.to_string());
                    // Set only once: whoever evicted first is the one named.
                    let _ = rival.evicted.set(format!(
                        "New receiver '{}' with higher epoch of '{own}' is created hence current receiver '{}' with epoch '{other}' is getting disconnected.",
                        claim.name, rival.claim.name
                    ));
                }
            }
        }
        let evicted = Arc::new(OnceLock::new());
        let id = entries.keys().next_back().map_or(0, |id| id + 1);
        let entry = Entry {
            claim,
            evicted: Arc::clone(&evicted),
        };
        entries.insert(id, entry);
        drop(entries);
        self.changes.send_modify(|generation| *generation += 1);
        Ok(Membership {
            receivers: Arc::clone(self),
            id,
            evicted,
        })
    }

    /// Number of receivers attached to a partition, over all consumer groups.
    pub fn attached(&self, partition: usize) -> usize {
        let entries = self.entries.lock().expect("no claim panics");
        entries
            .values()
            .filter(|entry| entry.claim.partition == partition && entry.evicted.get().is_none())
            .count()
    }
}

impl Membership {
    /// The text of the eviction, if another receiver took the partition over.
    pub fn evicted(&self) -> Option<&str> {
        self.evicted.get().map(String::as_str)
    }
}

impl Drop for Membership {
    fn drop(&mut self) {
        self.receivers
            .entries
            .lock()
            .expect("no claim panics")
            .remove(&self.id);
        self.receivers.changes.send_modify(|generation| *generation += 1);
    }
}
