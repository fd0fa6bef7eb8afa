//! What a reader does when its link ends: another way at once, or the same way after a wait.

use std::time::Duration;

use tokio::time::Instant;

use super::super::end_reason::{End, EndReason, Rebuild};
use super::super::selector::usable_offset;
use super::super::settings::{OnInvalidCheckpoint, StartPosition};
use super::super::step::Step;
use super::{NextStart, PartitionReader, State};
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
        self.attempts = self.attempts.saturating_add(u32::from(is_try_of_ours));
        self.thefts = self
            .thefts
            .saturating_add(u32::from(end.reason == EndReason::Stolen));
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
            _ => false,
        }
    }

    fn has_offset(&self) -> bool {
        matches!(self.cursor.start(), StartPosition::After(position) if usable_offset(position).is_some())
    }

    /// The position is refused, and the hub is the same: starts again where the policy says.
    fn apply_policy(&mut self, detail: &str) -> bool {
        let policy = self.client.settings().on_invalid_checkpoint;
        let hub_created_at = self.cursor.hub_created_at();
        let start = match (policy, self.cursor.enqueued_time()) {
            (OnInvalidCheckpoint::Fail, _) => return false,
            // There is nothing to fall back to from the beginning.
            _ if *self.cursor.start() == StartPosition::Earliest => return false,
            // One millisecond early: others of the same moment may not have been read.
            (OnInvalidCheckpoint::EnqueuedTime, Some(moment)) => {
                StartPosition::EnqueuedAfter(Timestamp::from_millis(moment.as_millis() - 1))
            }
            _ => StartPosition::Earliest,
        };
        self.cursor.restart(start, hub_created_at);
        if policy == OnInvalidCheckpoint::Latest {
            self.next_start = NextStart::Latest;
        }
        self.pending.push_back(Step::PositionRefused {
            detail: detail.to_owned(),
            policy,
        });
        true
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
        let until = Instant::now() + delay;
        self.state = match std::mem::replace(&mut self.state, State::Waiting(until)) {
            State::Receiving(link) => State::Closing(Box::pin(link.close()), until),
            _ => State::Waiting(until),
        };
    }
}
