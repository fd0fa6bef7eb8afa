//! Who is in trouble, for `/readyz` and the log.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, OnceLock};

use prometheus::{IntGauge, IntGaugeVec};

use super::Metrics;

/// Why a target takes nothing until an operator acts. A closed set: it is a metric label.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum BlockReason {
    /// The peer refuses who we are: token missing, wrong, disabled.
    Authorization,
    /// The peer does not give the acknowledgement that the configuration demands.
    Acknowledgement,
    /// The peer refuses where the records should go: an index, a topic.
    Destination,
    /// The peer's certificate is not trusted, or ours is not.
    Tls,
    /// A disk is full or cannot be written.
    Storage,
    /// The peer refuses how we ask; most likely its configuration or ours.
    Configuration,
}

impl BlockReason {
    /// All reasons, for metric labels and documentation.
    pub const ALL: [BlockReason; 6] = [
        BlockReason::Authorization,
        BlockReason::Acknowledgement,
        BlockReason::Destination,
        BlockReason::Tls,
        BlockReason::Storage,
        BlockReason::Configuration,
    ];

    /// The word in labels.
    pub fn as_str(self) -> &'static str {
        match self {
            BlockReason::Authorization => "authorization",
            BlockReason::Acknowledgement => "acknowledgement",
            BlockReason::Destination => "destination",
            BlockReason::Tls => "tls",
            BlockReason::Storage => "storage",
            BlockReason::Configuration => "configuration",
        }
    }
}

/// Whether one target is blocked, and by what.
#[derive(Debug)]
pub struct TargetHealth {
    target: String,
    gauge: IntGaugeVec,
    blocked: Mutex<Option<Blocked>>,
    given_up_gauge: IntGauge,
    /// Records that went to the dead letters in place of the target, once it is given up.
    given_up: OnceLock<AtomicU64>,
}

/// A target that takes nothing until an operator acts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Blocked {
    /// The class.
    pub reason: BlockReason,
    /// The peer's own words.
    pub detail: String,
}

impl TargetHealth {
    /// A target that is not blocked.
    pub fn new(target: &str, metrics: &Metrics) -> Self {
        Self {
            target: target.to_owned(),
            gauge: metrics.deliver_blocked.clone(),
            blocked: Mutex::default(),
            given_up_gauge: metrics.deliver_given_up.with_label_values(&[target]),
            given_up: OnceLock::new(),
        }
    }

    /// Says that the target is blocked. Logs the change; repeating it is silent.
    pub fn block(&self, reason: BlockReason, detail: &str) {
        let blocked = Blocked {
            reason,
            detail: detail.to_owned(),
        };
        let mut state = self.lock();
        if state.as_ref() == Some(&blocked) {
            return;
        }
        if let Some(before) = state.replace(blocked) {
            self.gauge
                .with_label_values(&[&*self.target, before.reason.as_str()])
                .set(0);
        }
        self.gauge
            .with_label_values(&[&*self.target, reason.as_str()])
            .set(1);
        tracing::error!(
            target_name = self.target,
            reason = reason.as_str(),
            detail,
            "target is blocked until its configuration or ours is mended; nothing is lost meanwhile"
        );
    }

    /// Says that the target took something.
    pub fn unblock(&self) {
        if let Some(before) = self.lock().take() {
            self.gauge
                .with_label_values(&[&*self.target, before.reason.as_str()])
                .set(0);
            tracing::info!(target_name = self.target, "target takes records again");
        }
    }

    /// Says that so many further records went to the dead letters because the operator gave the target up. The first
    /// call, which may be for none, is the begin of that.
    pub fn given_up(&self, records: u64) {
        self.given_up_gauge.set(1);
        self.given_up
            .get_or_init(AtomicU64::default)
            .fetch_add(records, Ordering::Relaxed);
    }

    /// Records that went to the dead letters in place of the target since the start; `None` if it is not given up.
    pub fn given_up_records(&self) -> Option<u64> {
        Some(self.given_up.get()?.load(Ordering::Relaxed))
    }

    /// What blocks the target now.
    pub fn blocked(&self) -> Option<Blocked> {
        self.lock().clone()
    }

    fn lock(&self) -> MutexGuard<'_, Option<Blocked>> {
        self.blocked.lock().expect("no holder of this lock panics")
    }
}
