//! What metrics and tickets hear of transactions.

use tokio::time::Instant;

use super::batch::Batch;
use super::transaction::Outcome;
use super::worker::Worker;
use crate::deliver::retry_reason::RetryReason;

impl Worker {
    /// Settles what was committed by a transaction that was begun at `began`.
    pub(super) fn settle(&self, batch: Batch, began: Option<Instant>, now: Instant) {
        let context = self.shared.context();
        let target = [&*context.target];
        let metrics = &context.metrics;
        if batch.events.is_empty() {
            return;
        }
        metrics.deliver_batches_total.with_label_values(&target).inc();
        let bytes: usize = batch.records().map(|record| record.bytes.len()).sum();
        metrics
            .deliver_bytes_total
            .with_label_values(&target)
            .inc_by(bytes as u64);
        if let Some(began) = began {
            let confirmation = metrics.deliver_confirmation_seconds.with_label_values(&target);
            confirmation.observe((now - began).as_secs_f64());
        }
        let records = batch.events.into_iter().flat_map(|event| event.records);
        context.delivered(records.map(|record| record.ticket));
    }

    /// Counts how a transaction ended.
    pub(super) fn count(&self, outcome: &Outcome) {
        let word = match outcome {
            Outcome::Committed => "committed",
            Outcome::Lost(lost, _) => lost.as_str(),
            Outcome::Ending => return,
            Outcome::Refused(_) | Outcome::Retry(..) | Outcome::Blocked(..) => "aborted",
        };
        let context = self.shared.context();
        let transactions = &context.metrics.deliver_kafka_transactions_total;
        transactions.with_label_values(&[&context.target, word]).inc();
    }

    /// Counts records that go again.
    pub(super) fn count_retries(&self, reason: RetryReason, records: usize) {
        let context = self.shared.context();
        let retries = &context.metrics.deliver_retries_total;
        retries
            .with_label_values(&[&*context.target, reason.as_str()])
            .inc();
        let again = &context.metrics.deliver_records_total;
        again
            .with_label_values(&[&*context.target, "retry"])
            .inc_by(records as u64);
    }

    /// Records that were let go are not in flight any more.
    pub(super) fn count_dropped(&self, records: usize) {
        let context = self.shared.context();
        let in_flight = &context.metrics.deliver_in_flight_records;
        in_flight
            .with_label_values(&[&*context.target])
            .sub(records as i64);
    }
}
