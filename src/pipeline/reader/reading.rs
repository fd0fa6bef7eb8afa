//! The state of a reader that changes from event to event.

use std::sync::Arc;
use std::time::Instant;

use prometheus::{IntCounter, IntGauge};

use super::Ended;
use super::watch::Watch;
use crate::acknowledge::{CreditBudget, InFlight};
use crate::deliver::kafka::exactly_once::Claim;
use crate::event::{Event, PartitionId};
use crate::eventhub::{End, PartitionProperties};
use crate::pipeline::edition::InUse;
use crate::pipeline::workspace::Workspace;
use crate::telemetry::Metrics;
use crate::telemetry::repeated::Repeated;

/// What changes while one partition is read.
pub(super) struct Reading {
    pub(super) credit: CreditBudget,
    pub(super) in_flight: Arc<InFlight>,
    pub(super) generation: u64,
    /// What the partition is read by.
    pub(super) claim: Claim,
    /// Why reading ends, if not because it was told to stop.
    pub(super) ended: Ended,
    /// Whether another reader took the partition, and it was not attached since.
    pub(super) is_stolen: bool,
    /// Whether the checkpointer knows `in_flight`; it learns of it at the first attach, with the age of the hub.
    pub(super) is_registered: bool,
    pub(super) workspace: Workspace,
    /// The edition of the configuration that the next event goes by, unless there is a newer one then.
    pub(super) dispatch: InUse,
    pub(super) last_event: Instant,
    /// When the hub was last asked for its oldest and newest event.
    pub(super) last_asked: Instant,
    /// What it answered, until that is judged.
    pub(super) asked: Option<Asked>,
    /// Whether a silent link is well.
    pub(super) watch: Watch,
    /// Events that cannot be read, for the log.
    pub(super) unreadable: Repeated,
    pub(super) counters: Counters,
}

/// What came of asking the hub for a partition's oldest and newest event.
pub(super) enum Asked {
    /// What it said, and when it was asked.
    Told(PartitionProperties, Instant),
    /// Why it did not.
    Failed(End),
}

/// Counters that every event touches, looked up once.
pub(super) struct Counters {
    events: IntCounter,
    bytes: IntCounter,
    last_sequence_number: IntGauge,
}

impl Counters {
    pub(super) fn new(metrics: &Metrics, partition: &PartitionId, consumer_group: &str) -> Self {
        let labels = [partition.as_str(), consumer_group];
        Self {
            events: metrics.eventhub_received_events_total.with_label_values(&labels),
            bytes: metrics
                .eventhub_received_bytes_total
                .with_label_values(&[consumer_group]),
            last_sequence_number: metrics.eventhub_last_sequence_number.with_label_values(&labels),
        }
    }

    pub(super) fn count(&self, event: &Event) {
        self.events.inc();
        self.bytes.inc_by(event.body.len() as u64);
        self.last_sequence_number.set(event.sequence_number.0);
    }
}
