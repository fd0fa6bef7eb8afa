//! Records are handed over to the client library, as far as it, the order and the brokers allow.

use std::time::Duration;

use tokio::time::Instant;

use super::message::{self, Message};
use super::target::{End, Target};
use super::verdict::{self, Verdict};

/// Bits of a token that say which lane it belongs to; the others count its records.
pub(super) const LANE_BITS: u32 = 4;

/// How long to wait for a report before the client library is asked again whether it has room.
const FULL_PATIENCE: Duration = Duration::from_millis(20);

/// How long one wait for the last reports may take before it is asked anew whether the grace period is over.
const FLUSH_PATIENCE: Duration = Duration::from_secs(1);

impl Target {
    /// Hands over what may go to a topic now.
    pub(super) fn send_lane(&mut self, number: usize, now: Instant) {
        while self.has_room(now) && self.producer.is_some() && self.may_send(number, now) {
            if !self.send_next(number, now) {
                return;
            }
            if self.blocks.is_target_blocked() {
                self.blocks.begin_try(now);
            }
            self.looked &= !(1 << number);
        }
    }

    /// Whether the client library may have room.
    fn has_room(&self, now: Instant) -> bool {
        self.full_until.is_none_or(|until| until <= now)
    }

    /// Whether a record may go: as many as there are, or one as a try while something is refused.
    fn may_send(&mut self, number: usize, now: Instant) -> bool {
        let lane = &self.lanes[number];
        if lane.next().is_none() || lane.paused_until.is_some_and(|until| until > now) {
            return false;
        }
        if self.blocks.is_target_blocked() {
            let is_quiet = self.lanes.iter().all(|lane| lane.sent() == 0);
            return is_quiet && self.blocks.is_due(now);
        }
        let bit = 1 << number;
        if self.blocks.indexes() & bit == 0 || self.looked & bit != 0 {
            return true;
        }
        if lane.sent() == 0 && self.looking & bit == 0 && self.blocks.begin_index_try(bit, now) {
            self.look_up(number);
        }
        false
    }

    /// The library remembers what topics there are; one that was made meanwhile has to be asked for.
    fn look_up(&mut self, number: usize) {
        let Some(producer) = self.producer.clone() else {
            return;
        };
        self.looking |= 1 << number;
        let topic = self.lanes[number].topic.clone();
        let look_up = tokio::task::spawn_blocking(move || {
            if let Err(error) = producer.look_up(&topic) {
                tracing::debug!(topic, %error, "no answer about a topic");
            }
        });
        self.operations.push(Box::pin(async move {
            look_up
                .await
                .expect("looking up does not panic and is not cancelled");
            End::Looked(number)
        }));
    }

    /// Hands over the next record of a lane. `false`: no further one for now.
    fn send_next(&mut self, number: usize, now: Instant) -> bool {
        let lane = &self.lanes[number];
        let (Some((count, pending)), Some(producer)) = (lane.next(), &self.producer) else {
            return false;
        };
        let message = Message::of(&pending.record, &self.settings);
        let headers = message::headers(&pending.record, &self.context.hub);
        let held_bytes = message.held_bytes();
        let token = count << LANE_BITS | number;
        let code = match producer.send(token, &message, headers) {
            Ok(()) => {
                self.lanes[number].handed_over(held_bytes, now);
                self.full_until = None;
                return true;
            }
            Err(code) => code,
        };
        match verdict::of_enqueue(code) {
            Verdict::Full => {
                if self.full_until.replace(now + FULL_PATIENCE).is_none() {
                    let full = &self.context.metrics.deliver_kafka_queue_full_total;
                    full.with_label_values(&[&*self.context.target]).inc();
                }
            }
            verdict => {
                let pending = self.lanes[number].pop();
                self.failed(number, pending, verdict, code, now);
                self.lanes[number].settle_down();
                self.look_for_fatal(now);
                self.blocks.publish(&self.context.health);
            }
        }
        false
    }

    /// At the end nothing more comes that would be worth a wait for company.
    pub(super) fn flush(&mut self) {
        let is_sent = self.lanes.iter().any(|lane| lane.sent() > 0);
        let Some(producer) = self.producer.clone().filter(|_| is_sent && !self.is_flushing) else {
            return;
        };
        self.is_flushing = true;
        let flush = tokio::task::spawn_blocking(move || producer.flush(FLUSH_PATIENCE));
        self.operations.push(Box::pin(async move {
            flush.await.expect("flushing does not panic and is not cancelled");
            End::Flushed
        }));
    }
}
