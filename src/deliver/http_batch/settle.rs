//! The ways records leave the hands that sent them: settled, refused, or back to those that wait.

use tokio::time::Instant;

use super::batch::Batch;
use super::protocol::Protocol;
use super::sender::{End, Sender};
use crate::deliver::retry_reason::RetryReason;
use crate::event::{RejectReason, Rejection, Rendered};

impl<P: Protocol> Sender<P> {
    /// The peer took the records.
    pub(super) fn deliver(&mut self, batch: Batch, now: Instant) {
        let target = [&*self.context.target];
        let metrics = &self.context.metrics;
        let bytes = metrics.deliver_bytes_total.with_label_values(&target);
        bytes.inc_by(batch.rendered_bytes());
        if let Some(sent) = batch.first_sent {
            let confirmation = metrics.deliver_confirmation_seconds.with_label_values(&target);
            confirmation.observe((now - sent).as_secs_f64());
        }
        self.context
            .delivered(batch.records.into_iter().map(|record| record.ticket));
    }

    /// Counts records that the peer had before.
    pub(super) fn count_repeated(&self, records: u64) {
        let repeated = &self.context.metrics.deliver_repeated_records_total;
        repeated
            .with_label_values(&[&*self.context.target])
            .inc_by(records);
    }

    /// Sends each record to the dead letters; a refused batch has one.
    pub(super) fn reject(&mut self, batch: Batch, reason: RejectReason, detail: &str) {
        for record in batch.records {
            self.reject_one(record, reason, detail.to_owned());
        }
    }

    /// Sends a record to the dead letters.
    pub(super) fn reject_one(&mut self, record: Rendered, reason: RejectReason, detail: String) {
        let context = self.context.clone();
        let rejection = Rejection { reason, detail };
        self.rejecting += 1;
        self.operations.push(Box::pin(async move {
            context.rejected(record, rejection).await;
            End::Rejected
        }));
    }

    /// The same records as two batches, the first half first. There must be more than one record.
    pub(super) fn halves(&self, mut batch: Batch) -> [Batch; 2] {
        debug_assert!(batch.len() > 1, "a single record has no halves");
        let second = batch.records.split_off(batch.len().div_ceil(2));
        [batch.records, second].map(|records| {
            let mut half = Batch {
                first_sent: batch.first_sent,
                ..Batch::new(batch.lane)
            };
            for record in records {
                let size = self.protocol.size(&record);
                half.push(record, size);
            }
            half
        })
    }

    /// Both halves of a batch, before the others.
    pub(super) fn divide(&mut self, batch: Batch, reason: RetryReason) {
        let halves = self.halves(batch);
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
        let retries = metrics
            .deliver_retries_total
            .with_label_values(&[target, reason.as_str()]);
        retries.inc();
        let records = metrics
            .deliver_records_total
            .with_label_values(&[target, "retry"]);
        records.inc_by(batch.len() as u64);
    }

    /// Puts a batch behind all others, also behind those that still take records: without that, one that is never taken
    /// would always be tried first.
    pub(super) fn put_last(&mut self, batch: Batch) {
        let open = self.lanes.iter_mut().filter(|lane| lane.len() > 0);
        self.ready.extend(open.map(|lane| lane.close()));
        self.ready.push_back(batch);
    }

    /// Puts batches before all others, in their order.
    pub(super) fn put_first(&mut self, batches: [Batch; 2]) {
        for batch in batches.into_iter().rev() {
            self.ready.push_front(batch);
        }
    }
}
