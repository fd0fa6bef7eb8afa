//! The ways a batch leaves the hands that sent it: settled, refused, or back to those that wait.

use tokio::time::Instant;

use super::batch::Batch;
use super::target::{End, Target};
use crate::deliver::retry_reason::RetryReason;
use crate::event::{RejectReason, Rejection};

impl Target {
    /// The records were confirmed in the way the configuration demands.
    pub(super) fn deliver(&mut self, batch: Batch, now: Instant) {
        let target = [&*self.context.target];
        let metrics = &self.context.metrics;
        metrics
            .deliver_bytes_total
            .with_label_values(&target)
            .inc_by(batch.rendered_bytes);
        if let Some(sent) = batch.first_sent {
            let confirmation = metrics.deliver_confirmation_seconds.with_label_values(&target);
            confirmation.observe((now - sent).as_secs_f64());
        }
        self.context
            .delivered(batch.records.into_iter().map(|record| record.ticket));
    }

    /// Sends each record to the dead letters; a refused batch has one.
    pub(super) fn reject(&mut self, mut batch: Batch, reason: RejectReason, detail: String) {
        batch.restore();
        for record in batch.records {
            let context = self.context.clone();
            let rejection = Rejection {
                reason,
                detail: detail.clone(),
            };
            self.rejecting += 1;
            self.operations.push(Box::pin(async move {
                context.rejected(record, rejection).await;
                End::Rejected
            }));
        }
    }

    /// Both halves of a batch, before the others.
    pub(super) fn divide(&mut self, batch: Batch, reason: RetryReason) {
        let halves = batch.halves(&self.envelopes);
        halves.iter().for_each(|half| self.count_retry(half, reason));
        self.put_first(halves);
    }

    /// The same batch again, before the others.
    pub(super) fn retry(&mut self, batch: Batch, reason: RetryReason) {
        self.count_retry(&batch, reason);
        self.ready.push_front(batch);
    }

    /// Counts a try that has to be repeated.
    pub(super) fn count_retry(&self, batch: &Batch, reason: RetryReason) {
        let target = &*self.context.target;
        let metrics = &self.context.metrics;
        metrics
            .deliver_retries_total
            .with_label_values(&[target, reason.as_str()])
            .inc();
        let records = metrics
            .deliver_records_total
            .with_label_values(&[target, "retry"]);
        records.inc_by(batch.len() as u64);
    }

    /// Puts batches before all others, in their order.
    pub(super) fn put_first(
        &mut self,
        batches: impl IntoIterator<Item = Batch, IntoIter: DoubleEndedIterator>,
    ) {
        for batch in batches.into_iter().rev().filter(|batch| !batch.is_empty()) {
            self.ready.push_front(batch);
        }
    }
}
