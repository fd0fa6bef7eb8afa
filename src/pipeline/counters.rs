//! What is counted while an event is dispatched; every counter is looked up once.

use std::sync::Arc;

use prometheus::IntCounter;

use crate::decode::unknown_fields;
use crate::event::{Kind, Record};
use crate::map::set::Rendering;
use crate::route::Suppression;
use crate::telemetry::Metrics;

/// Counters of one target's route.
#[derive(Debug)]
pub struct Decisions {
    accepted: IntCounter,
    filtered: IntCounter,
    repeated: IntCounter,
    suppressed: IntCounter,
    suppressed_snapshots: [IntCounter; Suppression::ALL.len()],
    cut_values: IntCounter,
    left_out_values: IntCounter,
}

/// Counters that every event touches.
#[derive(Debug)]
pub struct Counters {
    records: [[IntCounter; 2]; Kind::COUNT],
    metrics: Arc<Metrics>,
}

impl Decisions {
    /// The counters of `target`.
    pub fn new(metrics: &Metrics, target: &str) -> Self {
        let counter = |decision| metrics.route_records_total.with_label_values(&[target, decision]);
        Self {
            accepted: counter("accepted"),
            filtered: counter("filtered"),
            repeated: counter("repeated"),
            suppressed: counter("suppressed"),
            suppressed_snapshots: Suppression::ALL.map(|reason| {
                let labels = [target, reason.as_str()];
                metrics
                    .route_suppressed_snapshots_total
                    .with_label_values(&labels)
            }),
            cut_values: metrics.map_cut_values_total.with_label_values(&[target]),
            left_out_values: metrics.map_left_out_values_total.with_label_values(&[target]),
        }
    }

    /// What a mapped record could not carry.
    pub(super) fn mapped(&self, rendering: &Rendering) {
        if rendering.cut_values > 0 {
            self.cut_values.inc_by(u64::from(rendering.cut_values));
        }
        if rendering.left_out_values > 0 {
            self.left_out_values.inc_by(u64::from(rendering.left_out_values));
        }
    }

    /// The route took a record, and it is on its way.
    pub(super) fn accepted(&self) {
        self.accepted.inc();
    }

    /// The route left a record.
    pub(super) fn filtered(&self) {
        self.filtered.inc();
    }

    /// The target confirmed the record in an earlier run, which another target of its group had not.
    pub(super) fn repeated(&self) {
        self.repeated.inc();
    }

    /// A snapshot the target does not want.
    pub(super) fn suppress(&self, reason: Suppression) {
        self.suppressed.inc();
        self.suppressed_snapshots[reason as usize].inc();
    }
}

impl Counters {
    /// Looks every counter up.
    pub fn new(metrics: &Arc<Metrics>) -> Self {
        let counter = |kind: Kind, snapshot| {
            metrics
                .decode_records_total
                .with_label_values(&[kind.as_str(), snapshot])
        };
        Self {
            records: Kind::ALL.map(|kind| [counter(kind, "false"), counter(kind, "true")]),
            metrics: Arc::clone(metrics),
        }
    }

    /// Where they are registered.
    pub(super) fn metrics(&self) -> &Metrics {
        &self.metrics
    }

    /// One more record of its kind, and its unknown fields.
    pub(super) fn decoded(&self, record: &Record<'_>) {
        self.records[record.kind.index()][usize::from(record.is_snapshot)].inc();
        let unknown = unknown_fields(record);
        if unknown > 0 {
            let counter = self
                .metrics
                .decode_unknown_fields_total
                .with_label_values(&[record.kind.as_str()]);
            counter.inc_by(unknown as u64);
        }
    }
}
