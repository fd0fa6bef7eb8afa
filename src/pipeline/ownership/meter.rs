//! What the metrics say of the ownership.

use std::sync::Arc;

use super::plan::{Origin, Plan};
use crate::event::PartitionId;
use crate::telemetry::Metrics;

/// The metrics of one consumer group.
#[derive(Debug)]
pub(super) struct Meter {
    metrics: Arc<Metrics>,
    consumer_group: Arc<str>,
}

impl Meter {
    pub(super) fn new(metrics: &Arc<Metrics>, consumer_group: &Arc<str>) -> Self {
        Self {
            metrics: Arc::clone(metrics),
            consumer_group: Arc::clone(consumer_group),
        }
    }

    /// What a look found.
    pub(super) fn looked(&self, plan: &Plan) {
        let group = [&*self.consumer_group];
        let instances = self.metrics.eventhub_instances.with_label_values(&group);
        instances.set(plan.instances as i64);
        let unowned = self.metrics.eventhub_unowned_partitions.with_label_values(&group);
        unowned.set(plan.unowned as i64);
    }

    /// How long a cycle took, and whether it came to its end.
    pub(super) fn cycle(&self, seconds: f64, is_well: bool) {
        let group = [&*self.consumer_group];
        let cycles = self
            .metrics
            .eventhub_ownership_cycle_seconds
            .with_label_values(&group);
        cycles.observe(seconds);
        let errors = self
            .metrics
            .eventhub_ownership_errors_total
            .with_label_values(&group);
        errors.inc_by(u64::from(!is_well));
    }

    /// A partition became ours.
    pub(super) fn claimed(&self, partition: &PartitionId, origin: &Origin) {
        self.claim(word(origin));
        let labels = [partition.as_str(), &self.consumer_group];
        self.metrics.eventhub_owned.with_label_values(&labels).set(1);
    }

    /// Another instance was first.
    pub(super) fn refused(&self) {
        self.claim("refused");
    }

    /// A partition is ours no more. What was said of it from here would only grow old.
    pub(super) fn lost(&self, partition: &PartitionId, reason: &str) {
        let labels = [&*self.consumer_group, reason];
        self.metrics
            .eventhub_ownership_losses_total
            .with_label_values(&labels)
            .inc();
        let labels = [partition.as_str(), &self.consumer_group];
        self.metrics.eventhub_owned.with_label_values(&labels).set(0);
        let Metrics {
            eventhub_attached: attached,
            eventhub_lag_events: lag_events,
            eventhub_lag_seconds: lag_seconds,
            eventhub_last_sequence_number: last,
            checkpoint_sequence_number: stored,
            checkpoint_age_seconds: age,
            ..
        } = &*self.metrics;
        // What was never shown cannot be taken away, and need not.
        for gauge in [attached, lag_events, last, stored] {
            let _ = gauge.remove_label_values(&labels);
        }
        for gauge in [lag_seconds, age] {
            let _ = gauge.remove_label_values(&labels);
        }
    }

    fn claim(&self, origin: &str) {
        let labels = [&*self.consumer_group, origin];
        self.metrics
            .eventhub_ownership_claims_total
            .with_label_values(&labels)
            .inc();
    }
}

/// The word in the label.
pub(super) fn word(origin: &Origin) -> &'static str {
    match origin {
        Origin::Nobody => "nobody",
        Origin::Expired(_) => "expired",
        Origin::Ourselves => "ourselves",
        Origin::Instance(_) => "instance",
    }
}
