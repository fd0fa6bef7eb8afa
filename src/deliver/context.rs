//! What every target's worker is given besides its settings and its records.

use std::sync::Arc;

use tokio_util::sync::CancellationToken;

use super::dead_letter::{DeadLetter, DeadLetters};
use crate::acknowledge::Settlement;
use crate::event::{Hub, Rejection, Rendered};
use crate::telemetry::Metrics;
use crate::telemetry::health::TargetHealth;

/// The surroundings of one target's workers.
#[derive(Debug, Clone)]
pub struct Context {
    /// Name of the target in the configuration.
    pub target: Arc<str>,
    /// The hub the records come from.
    pub hub: Hub,
    /// Consumer group that feeds the target.
    pub consumer_group: Arc<str>,
    /// Where refused records go.
    pub dead_letters: DeadLetters,
    /// Metrics of the whole bridge.
    pub metrics: Arc<Metrics>,
    /// Where the target says that it is blocked.
    pub health: Arc<TargetHealth>,
    /// Cancelled when the grace period is over: return at once, unsettled records stay unsettled.
    ///
    /// A normal stop is seen by the end of the record channel instead: send what is left, wait for its confirmation.
    pub abandon: CancellationToken,
}

impl Context {
    /// Says once, at the start, that nothing proves who the peer is.
    pub fn warn_unverified(&self) {
        let off = &self.metrics.tls_verification_off;
        off.with_label_values(&[&*self.target]).set(1);
        tracing::warn!(
            target_name = &*self.target,
            "the peer's certificate is not verified: who redirects the connection reads records and secrets"
        );
    }

    /// Settles records the target confirmed, and counts them.
    pub fn delivered(&self, records: impl IntoIterator<Item = crate::acknowledge::Ticket>) {
        let mut count = 0;
        for ticket in records {
            ticket.settle(Settlement::Delivered);
            count += 1;
        }
        self.metrics
            .deliver_records_total
            .with_label_values(&[&*self.target, "delivered"])
            .inc_by(count);
        self.metrics
            .deliver_in_flight_records
            .with_label_values(&[&*self.target])
            .sub(count as i64);
    }

    /// Writes a refused record to the dead letters and settles it once it is on disk. The copy of a dead letter is there
    /// already, so that no letter is about another letter.
    ///
    /// If the dead letters are closed, the process is ending: the record stays unsettled and is sent again.
    pub async fn rejected(&self, record: Rendered, rejection: Rejection) {
        self.metrics
            .deliver_records_total
            .with_label_values(&[&*self.target, "rejected"])
            .inc();
        let reason = rejection.reason;
        let is_kept = record.ticket.is_of_copy() || {
            let letter = DeadLetter::refused(self, &record, rejection);
            self.dead_letters.write(vec![letter]).await.is_ok()
        };
        if is_kept {
            record.ticket.settle(Settlement::DeadLettered(reason));
        }
        self.metrics
            .deliver_in_flight_records
            .with_label_values(&[&*self.target])
            .dec();
    }
}
