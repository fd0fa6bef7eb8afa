//! What a reader does when its link ends: another way at once, or the same way after a wait.

use std::time::Duration;

use tokio::time::Instant;

use super::super::end_reason::{End, EndReason, Rebuild};
use super::super::selector::usable_offset;
use super::super::settings::{OnInvalidCheckpoint, StartPosition};
use super::super::step::Step;
use super::{NextStart, PartitionReader, Recovery, State};
use crate::event::Timestamp;

/// A link that held this long was well, whether or not it brought an event.
const STEADY_AFTER: Duration = Duration::from_secs(60);
/// A partition held this long was not taken in a fight; the next theft is a new one.
const UNDISPUTED_AFTER: Duration = Duration::from_secs(15 * 60);

impl PartitionReader {
    pub(super) fn on_end(&mut self, end: End, retry_after: Option<Duration>) {
        let held_for = self
            .attached_at
            .take()
            .map_or(Duration::ZERO, |since| since.elapsed());
        if held_for >= STEADY_AFTER {
            self.attempts = 0;
            // Its token was taken, so the next one that is refused is another.
            self.recovery.force_token = false;
        }
        if held_for >= UNDISPUTED_AFTER {
            self.thefts = 0;
        }
        let is_try_of_ours = retry_after.is_none();
        let retry_after = match retry_after {
            Some(delay) => delay,
            None if self.try_differently(&end) => Duration::ZERO,
            None if end.reason == EndReason::Stolen => end.reason.delay(self.thefts, rand::random()),
            None => end.reason.delay(self.attempts, rand::random()),
        };
        self.retire_connection(end.reason);
        // A connection remembers the hub it was made to. Where it outlives the link, the hub may have been made anew
        // meanwhile, and the position may exist in the new one too: attaching there would skip what comes before.
        let is_refused_position = matches!(end.reason, EndReason::InvalidPosition | EndReason::InvalidOffset);
        self.recovery.check_hub |= end.reason.rebuild() != Rebuild::Connection && !is_refused_position;
        self.attempts = self.attempts.saturating_add(u32::from(is_try_of_ours));
        self.thefts = self
            .thefts
            .saturating_add(u32::from(end.reason == EndReason::Stolen));
        self.is_reattaching = true;
        self.pending.push_back(Step::Detached {
            reason: end.reason,
            detail: end.detail,
            retry_after,
        });
        self.wait(retry_after);
    }

    /// Whether there is another way that can be tried at once.
    fn try_differently(&mut self, end: &End) -> bool {
        match end.reason {
            EndReason::Unauthorized => !std::mem::replace(&mut self.recovery.force_token, true),
            EndReason::InvalidOffset if self.has_offset() && !self.recovery.skip_offset => {
                self.recovery.skip_offset = true;
                true
            }
            EndReason::InvalidPosition | EndReason::InvalidOffset => {
                !std::mem::replace(&mut self.recovery.check_hub, true) || self.apply_policy(&end.detail)
            }
            // The hub may have been deleted and made again while the namespace's connection lived on.
            EndReason::NotFound | EndReason::EntityDisabled | EndReason::EntityUpdated => {
                self.recovery.check_hub = true;
                false
            }
            _ => false,
        }
    }

    fn has_offset(&self) -> bool {
        matches!(self.cursor.start(), StartPosition::After(position) if usable_offset(position).is_some())
    }

    /// The position is refused, and the hub is the same: starts again where the policy says.
    fn apply_policy(&mut self, detail: &str) -> bool {
        let policy = self.client.settings().on_invalid_checkpoint;
        // There is nothing to fall back to from the beginning.
        let is_at_the_beginning = *self.cursor.start() == StartPosition::Earliest;
        if policy == OnInvalidCheckpoint::Fail || is_at_the_beginning {
            return false;
        }
        self.restart_by(policy, self.cursor.hub_created_at());
        self.pending.push_back(Step::PositionRefused {
            detail: detail.to_owned(),
            policy,
        });
        true
    }

    /// Another hub stands under the name, made at `created_at`: the position is of no use in it, so the policy decides.
    pub(super) fn on_another_hub(&mut self, created_at: Timestamp) {
        let policy = self.client.settings().on_invalid_checkpoint;
        if policy == OnInvalidCheckpoint::Fail {
            let detail = format!(
                "the hub was made at {created_at}, and the stored position is of another one, {}; \
                 `on_invalid_checkpoint: fail` waits for a decision",
                self.known_hub()
            );
            return self.on_end(End::new(EndReason::HubRecreated, detail), None);
        }
        self.restart_by(policy, Some(created_at));
        self.recovery = Recovery::default();
        self.pending.push_back(Step::HubRecreated { created_at, policy });
        self.wait(Duration::ZERO);
    }

    fn restart_by(&mut self, policy: OnInvalidCheckpoint, hub_created_at: Option<Timestamp>) {
        let start = match (policy, self.cursor.enqueued_time()) {
            // One millisecond early: others of the same moment may not have been read. The time of a partition that never
            // had an event lies before 1970.
            (OnInvalidCheckpoint::EnqueuedTime, Some(moment)) if moment.as_millis() > 0 => {
                StartPosition::EnqueuedAfter(Timestamp::from_millis(moment.as_millis() - 1))
            }
            _ => StartPosition::Earliest,
        };
        self.cursor.restart(start, hub_created_at);
        self.next_start = match policy {
            OnInvalidCheckpoint::Latest => NextStart::Latest,
            _ => NextStart::Cursor,
        };
    }

    fn retire_connection(&self, reason: EndReason) {
        let State::Receiving(link) = &self.state else {
            return;
        };
        let must_retire = match reason.rebuild() {
            Rebuild::Link => false,
            Rebuild::Connection => true,
            Rebuild::LinkThenConnection => self.attempts > 0,
        };
        if must_retire {
            link.connection().retire();
        }
    }

    /// Closes what is open, then waits.
    pub(super) fn wait(&mut self, delay: Duration) {
        self.is_reattaching = true;
        let until = Instant::now() + delay;
        self.state = match std::mem::replace(&mut self.state, State::Waiting(until)) {
            State::Receiving(link) => State::Closing(Box::pin(link.close()), until),
            _ => State::Waiting(until),
        };
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use tokio::time::advance;
    use tokio_util::sync::CancellationToken;
    use tokio_util::task::TaskTracker;

    use super::super::super::client::tests::settings;
    use super::super::super::settings::{HubSettings, Position};
    use super::*;
    use crate::event::{Offset, PartitionId, SequenceNumber};
    use crate::eventhub::HubClient;

    fn reader(on_invalid_checkpoint: OnInvalidCheckpoint) -> PartitionReader {
        let settings = HubSettings {
            on_invalid_checkpoint,
            ..settings(1)
        };
        let client = HubClient::new(settings, TaskTracker::new(), CancellationToken::new());
        let start = StartPosition::After(Position {
            sequence_number: SequenceNumber(7),
            offset: Some(Offset::new("4096")),
            enqueued_time: None,
            hub_created_at: None,
        });
        PartitionReader::new(Arc::clone(&client), PartitionId::new("0"), start)
    }

    fn end(reader: &mut PartitionReader, reason: EndReason) -> Duration {
        reader.on_end(End::new(reason, "by a test"), None);
        match reader.pending.pop_back() {
            Some(Step::Detached { retry_after, .. }) => retry_after,
            step => panic!("{step:?}"),
        }
    }

    /// Scenario: a partition is stolen again and again, with events in between, and then held for a quarter of an hour.
    /// Guarantees: the wait grows from a minute to a quarter of an hour, and starts anew only after undisputed time.
    #[tokio::test(start_paused = true)]
    async fn is_ever_more_patient_with_a_thief() {
        let mut reader = reader(OnInvalidCheckpoint::Earliest);
        for minutes in [1, 2, 4, 8, 15, 15] {
            reader.attached_at = Some(Instant::now());
            advance(Duration::from_secs(90)).await;
            reader.attempts = 0;
            assert_eq!(end(&mut reader, EndReason::Stolen).as_secs(), minutes * 60);
        }
        reader.attached_at = Some(Instant::now());
        advance(UNDISPUTED_AFTER).await;
        assert_eq!(end(&mut reader, EndReason::Stolen).as_secs(), 60);
    }

    /// Scenario: the same token is refused twice.
    /// Guarantees: a new one is tried at once, but only once.
    #[tokio::test(start_paused = true)]
    async fn tries_one_new_token() {
        let mut reader = reader(OnInvalidCheckpoint::Earliest);
        assert_eq!(end(&mut reader, EndReason::Unauthorized), Duration::ZERO);
        assert!(reader.recovery.force_token);
        assert!(end(&mut reader, EndReason::Unauthorized) >= Duration::from_secs(60));
    }

    /// Scenario: the token of a partition without events is refused; the link with the next one holds, and is refused in its turn.
    /// Guarantees: a new one is tried at once each time.
    #[tokio::test(start_paused = true)]
    async fn tries_one_new_token_for_each_link_that_held() {
        let mut reader = reader(OnInvalidCheckpoint::Earliest);
        for _ in 0..2 {
            reader.attached_at = Some(Instant::now());
            advance(STEADY_AFTER).await;
            assert_eq!(end(&mut reader, EndReason::Unauthorized), Duration::ZERO);
        }
    }

    /// Scenario: the service refuses the stored position in every form.
    /// Guarantees: the sequence number is tried, then whether the hub is the same, then the policy; never twice.
    #[tokio::test(start_paused = true)]
    async fn tries_every_way_before_the_policy() {
        let mut reader = reader(OnInvalidCheckpoint::Earliest);
        assert_eq!(end(&mut reader, EndReason::InvalidOffset), Duration::ZERO);
        assert!(reader.recovery.skip_offset && !reader.recovery.check_hub);
        assert_eq!(end(&mut reader, EndReason::InvalidOffset), Duration::ZERO);
        assert!(reader.recovery.check_hub && reader.pending.is_empty());
        assert_eq!(end(&mut reader, EndReason::InvalidPosition), Duration::ZERO);
        assert!(matches!(
            reader.pending.pop_back(),
            Some(Step::PositionRefused { .. })
        ));
        assert_eq!(*reader.cursor.start(), StartPosition::Earliest);
        assert_eq!(end(&mut reader, EndReason::InvalidPosition).as_secs(), 60);
        assert!(reader.pending.is_empty());
    }
}
