//! What a reader does when its link begins or ends.

use std::time::Duration;

use super::Reader;
use super::reading::Reading;
use crate::event::Timestamp;
use crate::eventhub::settings::Position;
use crate::eventhub::{EndReason, rival};

/// What helps where two programs read one consumer group.
const RIVAL_HINT: &str = "give the bridge a consumer group of its own (`event_hub.consumer_group`), or stop the other program: of two \
     such readers only one gets a partition";

impl Reader {
    /// A link is attached, `resolved` being the position that `latest` stands for; `false` when told to stop.
    pub(super) async fn attached(
        &self,
        position: &str,
        hub_created_at: Timestamp,
        resolved: Option<Position>,
        reading: &mut Reading,
    ) -> bool {
        if let Some(position) = resolved
            && !self.store_resolved(&position).await
        {
            return false;
        }
        tracing::info!(
            partition = %self.partition, consumer_group = &*self.consumer_group, position, "partition attached"
        );
        if !reading.is_registered {
            reading.in_flight.set_hub_created_at(hub_created_at);
            if let Some(claims) = &self.claims {
                claims.read(std::sync::Arc::clone(&reading.in_flight)).await;
            }
            self.checkpointer
                .register(std::sync::Arc::clone(&reading.in_flight), Some(hub_created_at));
            reading.is_registered = true;
        }
        reading.is_stolen = false;
        self.status.attached();
        true
    }

    /// A link, or the attempt to attach one, ended.
    pub(super) fn detached(
        &self,
        reason: EndReason,
        detail: &str,
        retry_after: Duration,
        reading: &mut Reading,
    ) {
        self.log_detached(reason, detail, retry_after);
        if reason == EndReason::EntityUpdated {
            self.partitions_changed.notify_one();
        }
        reading.is_stolen |= reason == EndReason::Stolen;
        reading.credit.idle();
        let cause = match reason {
            EndReason::Stolen => format!("{}; {RIVAL_HINT}", rival::describe(detail)),
            _ => detail.to_owned(),
        };
        let cause = format!("{cause}; next try in {} s", retry_after.as_secs());
        self.status.detached(cause, reason.needs_operator());
        self.metrics
            .eventhub_reconnects_total
            .with_label_values(&[reason.as_str()])
            .inc();
    }

    fn log_detached(&self, reason: EndReason, detail: &str, retry_after: Duration) {
        let (partition, consumer_group) = (&self.partition, &*self.consumer_group);
        let (reason_text, retry_after_seconds) = (reason.as_str(), retry_after.as_secs_f64());
        if reason == EndReason::Stolen {
            tracing::error!(
                %partition, consumer_group, reason = reason_text, detail, retry_after_seconds,
                receiver = rival::name(detail), hint = RIVAL_HINT,
                "partition is not read: {}", rival::describe(detail)
            );
        } else if reason.needs_operator() {
            tracing::error!(%partition, consumer_group, reason = reason_text, detail, retry_after_seconds, "partition detached");
        } else {
            tracing::warn!(%partition, consumer_group, reason = reason_text, detail, retry_after_seconds, "partition detached");
        }
    }
}
