//! What reports and troubles mean for records, topics and the target.

use rdkafka::types::RDKafkaErrorCode;
use tokio::time::Instant;

use super::dispatch::LANE_BITS;
use super::inbox::{Report, Trouble};
use super::lane::Pending;
use super::target::{End, Target};
use super::verdict::{self, Verdict};
use crate::deliver::blocked::Cause;
use crate::deliver::retry_reason::RetryReason;
use crate::event::{RejectReason, Rejection};

/// Refused connections without a confirmation between before the target counts as blocked: a broker that starts may
/// refuse for a moment.
const MAX_TROUBLES: u32 = 3;

/// Records that brokers took, and one bit for each of their topics.
#[derive(Default)]
struct Delivered {
    lanes: u16,
    records: Vec<Pending>,
}

impl Target {
    /// Hears the end of what was started.
    pub(super) fn finish(&mut self, end: End, now: Instant) {
        match end {
            End::Started(edition, result) => self.started(edition, result, now),
            End::Dismantled(pause) => self.dismantled(pause, now),
            End::ReadAnew(settings) => self.renewed(settings, now),
            End::Looked(number) => {
                self.looking &= !(1 << number);
                self.looked |= 1 << number;
            }
            End::Flushed => self.is_flushing = false,
            End::Rejected => self.rejecting -= 1,
        }
    }

    /// Hears what the client library told.
    pub(super) fn hear(&mut self, now: Instant) {
        let mut arrived = std::mem::take(&mut self.arrived);
        self.inbox.take(&mut arrived);
        if let Some(until) = self.full_until.as_mut().filter(|_| !arrived.reports.is_empty()) {
            *until = now;
        }
        let mut delivered = Delivered::default();
        let mut has_failed = false;
        for Report { token, result } in arrived.reports.drain(..) {
            let lane = token & ((1 << LANE_BITS) - 1);
            // What a producer says that was given up is known already.
            let Some(pending) = self.lanes[lane].reported(token >> LANE_BITS) else {
                continue;
            };
            match result {
                Ok(()) => self.taken_by_broker(lane, pending, &mut delivered),
                Err(code) => {
                    has_failed = true;
                    self.failed(lane, pending, verdict::of_report(code), code, now);
                }
            }
        }
        self.deliver(delivered, now);
        if let Some(is_connected) = arrived.is_connected.take() {
            self.connected(is_connected, now);
        }
        for trouble in arrived.troubles.drain(..) {
            has_failed = true;
            self.trouble(trouble, now);
        }
        self.lanes.iter_mut().for_each(|lane| lane.settle_down());
        if has_failed {
            self.look_for_fatal(now);
            self.blocks.publish(&self.context.health);
        }
        self.arrived = arrived;
    }

    /// A record is in the log of its partition.
    fn taken_by_broker(&mut self, lane: usize, pending: Pending, delivered: &mut Delivered) {
        let key = self.settings.key;
        if self.lanes[lane].was_too_early(&pending, key) {
            self.lanes[lane].failed(pending, key);
            return self.count_retries(1, RetryReason::Overtaken);
        }
        delivered.lanes |= 1 << lane;
        delivered.records.push(pending);
    }

    fn deliver(&mut self, delivered: Delivered, now: Instant) {
        let Delivered { lanes, records } = delivered;
        if records.is_empty() {
            return;
        }
        self.rebuilds.succeeded();
        self.reached();
        if self.blocks.is_target_blocked() || self.blocks.indexes() & lanes != 0 {
            self.blocks.accepted(lanes);
            self.blocks.publish(&self.context.health);
        }
        for (number, lane) in self.lanes.iter_mut().enumerate() {
            if lanes & (1 << number) != 0 {
                lane.retry.succeeded();
            }
        }
        let target = [&*self.context.target];
        let metrics = &self.context.metrics;
        if let Some(first) = records.iter().filter_map(|pending| pending.first_sent).min() {
            let confirmation = metrics.deliver_confirmation_seconds.with_label_values(&target);
            confirmation.observe((now - first).as_secs_f64());
        }
        let bytes: usize = records.iter().map(|pending| pending.record.bytes.len()).sum();
        let delivered_bytes = metrics.deliver_bytes_total.with_label_values(&target);
        delivered_bytes.inc_by(bytes as u64);
        self.context
            .delivered(records.into_iter().map(|pending| pending.record.ticket));
    }

    /// A try of a record failed, when it was handed over or in its report.
    pub(super) fn failed(
        &mut self,
        lane: usize,
        pending: Pending,
        verdict: Verdict,
        code: RDKafkaErrorCode,
        now: Instant,
    ) {
        let key = self.settings.key;
        let reason = match verdict {
            Verdict::Suspect(reason) => match self.lanes[lane].suspect(pending, key) {
                Ok(()) => return self.count_retries(1, RetryReason::Partial),
                Err(pending) => return self.reject(pending, reason, code.to_string()),
            },
            Verdict::Rejected(reason) => return self.reject(pending, reason, code.to_string()),
            Verdict::BlockedTopic => {
                let topic = &self.lanes[lane].topic;
                let detail = format!(
                    "{code}: topic `{topic}` has to be made, or we have to be allowed to write to it"
                );
                self.blocks.block_index(lane, detail, now);
                RetryReason::Blocked
            }
            Verdict::Blocked(reason) => {
                self.blocks.block(reason, code.to_string(), Cause::Batch, now);
                RetryReason::Blocked
            }
            Verdict::Retry(reason) => {
                self.pause(lane, reason, now);
                reason
            }
            Verdict::Full | Verdict::Fatal => RetryReason::Rebuilt,
        };
        tracing::debug!(target_name = &*self.context.target, %code, "record not delivered");
        self.lanes[lane].failed(pending, key);
        self.count_retries(1, reason);
    }

    /// Trouble of a connection. An outage passes by itself; a refusal has to be mended.
    fn trouble(&mut self, trouble: Trouble, now: Instant) {
        let Trouble { code, detail } = trouble;
        let target_name = &*self.context.target;
        tracing::debug!(target_name, %code, detail, "trouble with a broker");
        // Brokers end connections that are idle, and that is no news.
        let has_waiting = self.lanes.iter().any(|lane| lane.sent() > 0);
        if code == RDKafkaErrorCode::AllBrokersDown
            && has_waiting
            && !std::mem::replace(&mut self.is_down, true)
        {
            tracing::warn!(target_name, detail, "no broker can be reached; records wait");
        }
        let Some(reason) = verdict::of_connection(code, &detail) else {
            return;
        };
        self.troubles += 1;
        if self.is_connected && self.troubles == MAX_TROUBLES {
            tracing::warn!(
                target_name,
                detail,
                "a broker refuses us, others do not; its partitions wait"
            );
        }
        if !self.is_connected && self.troubles >= MAX_TROUBLES {
            // Connections are tried all the time, without a record: the end of this is heard without one too.
            self.blocks.block(reason, detail, Cause::Question, now);
        }
    }

    /// Whether a broker took us in.
    fn connected(&mut self, is_connected: bool, now: Instant) {
        self.is_connected = is_connected;
        if !is_connected {
            return;
        }
        self.reached();
        self.blocks.answered(false, now);
        self.blocks.publish(&self.context.health);
    }

    fn reached(&mut self) {
        self.troubles = 0;
        if std::mem::take(&mut self.is_down) {
            tracing::info!(
                target_name = &*self.context.target,
                "brokers can be reached again"
            );
        }
    }

    /// A topic gets nothing for a while. A record that was refused for another one need not wait.
    fn pause(&mut self, lane: usize, reason: RetryReason, now: Instant) {
        let lane = &mut self.lanes[lane];
        let is_paused = lane.paused_until.is_some_and(|until| until > now);
        if !is_paused && reason == RetryReason::Unavailable {
            lane.paused_until = Some(now + lane.retry.failed().delay);
        }
    }

    /// Sends a record to the dead letters.
    fn reject(&mut self, pending: Pending, reason: RejectReason, detail: String) {
        let context = self.context.clone();
        self.rejecting += 1;
        self.operations.push(Box::pin(async move {
            context
                .rejected(pending.record, Rejection { reason, detail })
                .await;
            End::Rejected
        }));
    }

    /// Counts tries that have to be repeated.
    pub(super) fn count_retries(&self, records: usize, reason: RetryReason) {
        let target = &*self.context.target;
        let metrics = &self.context.metrics;
        let retries = metrics
            .deliver_retries_total
            .with_label_values(&[target, reason.as_str()]);
        retries.inc_by(records as u64);
        let tries = metrics
            .deliver_records_total
            .with_label_values(&[target, "retry"]);
        tries.inc_by(records as u64);
    }
}
