//! Watches for the event that should have come: with `event_hub.expect_event_every`, an export that stopped without a word is
//! told of.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use crate::event::Timestamp;
use crate::eventhub::{End, HubClient};
use crate::telemetry::{Readiness, Silence};

/// What was said is said again after this: an operator who is late still finds it in today's log.
const REPEAT_INTERVAL: Duration = Duration::from_secs(24 * 3600);

/// Why a hub gets nothing from the export, the likeliest first, each with what to look at. `docs/operations.md` has the same
/// list with more words.
const LIKELY_CAUSES: &str = "\
    1. nothing changed: the export sends changes only, and on a small estate a quiet time is normal (compare with the alerts and \
    recommendations in the portal; the weekly snapshot is a good measure for `expect_event_every`); \
    2. the export was switched off, deleted, or its scope left (Defender for Cloud, environment settings, continuous export of each \
    subscription); \
    3. its right to send is gone: a key was renewed, or local authentication of the namespace was switched off, which stops an export \
    with a key without any error (namespace, shared access policies and local authentication); \
    4. a firewall of the namespace shuts the export out (namespace, networking: trusted Microsoft services); \
    5. a Defender plan ended, or the exported types and severities were narrowed (plans, and the export's filters); \
    6. the export is new: items of its first 30 minutes may be missing, and the first snapshot takes up to a day (wait, or make a \
    sample alert); \
    7. the subscription is in the free tier, of which only those alerts are sent that the portal shows (plans); \
    8. it goes to another hub (the export's target, and `event_hub` here)";

/// Watches one consumer group.
pub struct Watcher {
    /// Its name.
    pub consumer_group: Arc<str>,
    /// The hub.
    pub client: Arc<HubClient>,
    /// What is known.
    pub silence: Arc<Silence>,
    /// What the readers of the group know.
    pub readiness: Arc<Readiness>,
    /// Between two looks, and so between two times the hub is asked.
    pub interval: Duration,
}

impl Watcher {
    /// Looks until `stop`; at once where nothing is expected.
    pub async fn run(self, stop: CancellationToken) {
        let Some(expected) = self.silence.expected() else {
            return;
        };
        let mut said_at: Option<Instant> = None;
        let mut looks = tokio::time::interval(self.interval);
        looks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                () = stop.cancelled() => return,
                _ = looks.tick() => {}
            }
            let is_overdue = tokio::select! {
                () = stop.cancelled() => return,
                is_overdue = self.is_overdue() => is_overdue,
            };
            let Some(is_overdue) = is_overdue else { continue };
            let was_overdue = self.silence.set_overdue(is_overdue);
            if is_overdue && said_at.is_none_or(|at| at.elapsed() >= REPEAT_INTERVAL) {
                said_at = Some(Instant::now());
                self.tell(expected);
            } else if was_overdue && !is_overdue {
                said_at = None;
                tracing::info!(
                    consumer_group = &*self.consumer_group,
                    newest_enqueued_time = self.newest(),
                    "the hub takes in events again"
                );
            }
        }
    }

    /// Whether no event came for too long. Before that is said, the hub itself is asked: other instances may read what this one
    /// does not, and after a start nothing is known. `None` where it does not answer, which says nothing about the export.
    async fn is_overdue(&self) -> Option<bool> {
        if let Some(newest) = self.readiness.newest_enqueued(&self.consumer_group) {
            self.silence.seen(newest);
        }
        if !self.silence.is_suspicious(Timestamp::now()) {
            return Some(false);
        }
        match self.ask().await {
            Ok(newest) => self.silence.seen(newest),
            Err(end) => {
                tracing::debug!(
                    consumer_group = &*self.consumer_group, cause = %end,
                    "failed to ask the hub for its newest event"
                );
                return None;
            }
        }
        Some(self.silence.is_suspicious(Timestamp::now()))
    }

    /// When the hub took in its newest event; when it was made, if there never was one.
    async fn ask(&self) -> Result<Timestamp, End> {
        let hub = self.client.hub_properties().await?;
        let mut newest = hub.created_at;
        for partition in &hub.partitions {
            let properties = self.client.partition_properties(partition).await?;
            // A partition that never had an event has a time long before.
            newest = newest.max(properties.last_enqueued_time);
        }
        Ok(newest)
    }

    fn tell(&self, expected: Duration) {
        tracing::error!(
            consumer_group = &*self.consumer_group,
            newest_enqueued_time = self.newest(),
            expected_seconds = expected.as_secs(),
            likely_causes = LIKELY_CAUSES,
            "no event has come for longer than `event_hub.expect_event_every`; the hub itself has none, so look at the export"
        );
    }

    fn newest(&self) -> Option<tracing::field::DisplayValue<Timestamp>> {
        self.silence.newest().map(tracing::field::display)
    }
}

#[cfg(test)]
mod tests {
    use super::LIKELY_CAUSES;

    /// Scenario: a cause is added to the log or to the guide. Guarantees: both have the same number of them.
    #[test]
    fn the_guide_has_the_same_causes() {
        let guide = include_str!("../../docs/operations.md");
        let (_, table) = guide
            .split_once("| cause | look at |\n|---|---|\n")
            .expect("the guide has a table of causes");
        let rows = table.lines().take_while(|line| line.starts_with('|')).count();
        let causes = (1..).take_while(|number| LIKELY_CAUSES.contains(&format!("{number}. ")));
        assert_eq!(causes.count(), rows);
    }
}
