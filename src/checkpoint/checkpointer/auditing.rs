//! What the checkpointer has the audit record, beside the checkpoints.

use std::sync::{Arc, MutexGuard};

use super::Checkpointer;
use super::partition::{Moved, Partition};
use crate::audit::Line;
use crate::durable::{Retry, line_file};

impl Checkpointer {
    /// Records the sums up to marks that are about to be stored. If that fails the marks are stored all the same, for the
    /// audit must not hold up delivery; the sums are then recorded with the next mark.
    pub(super) async fn record(&self, moved: &mut [Moved], retry: &mut Retry) {
        let Some(audit) = &self.audit else { return };
        let taken = std::mem::take(&mut *self.taken());
        let lines = moved.iter().filter_map(|moved| moved.line.clone());
        let lines: Vec<_> = taken.iter().cloned().chain(lines.map(Line::Settled)).collect();
        if lines.is_empty() {
            // Nothing was tried, so nothing succeeded.
            return;
        }
        match audit.record(lines).await {
            Ok(()) => retry.succeeded(),
            Err(error) => {
                self.taken().splice(..0, taken);
                moved.iter_mut().for_each(|moved| moved.line = None);
                self.note_unrecorded(&error, retry);
            }
        }
    }

    /// Has the next pass, which is due now, record that another reader has the partition.
    pub(super) fn note_taken(&self, lost: &Partition) {
        let Some(audit) = &self.audit else { return };
        let line = audit.taken(&lost.in_flight, lost.recorded.as_ref());
        self.taken().push(line);
        self.due.notify_one();
    }

    /// Records how the partitions stand, and says in the log whether everything adds up.
    pub(super) async fn reconcile(&self, is_stop: bool) {
        let Some(audit) = &self.audit else { return };
        let partitions: Vec<_> = {
            let partitions = self.lock();
            let partitions = partitions.values();
            partitions
                .map(|partition| Arc::clone(&partition.in_flight))
                .collect()
        };
        let mut retries = self.retries.lock().await;
        self.record(&mut [], &mut retries.audit).await;
        if let Err(error) = audit.reconcile(&partitions, is_stop).await {
            self.note_unrecorded(&error, &mut retries.audit);
        }
    }

    fn taken(&self) -> MutexGuard<'_, Vec<Line>> {
        self.taken.lock().expect("no holder of this lock panics")
    }

    fn note_unrecorded(&self, error: &line_file::Error, retry: &mut Retry) {
        self.metrics.audit_errors_total.inc();
        let failure = retry.failed();
        if failure.is_to_be_logged {
            tracing::error!(
                consumer_group = &*self.consumer_group,
                error = error as &dyn std::error::Error,
                failures = failure.failures,
                "the audit cannot be written; a kill now would leave a hole in it, nothing else"
            );
        }
    }
}
