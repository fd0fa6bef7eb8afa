//! What the end of a request means for the records, the endpoint and the target.

use tokio::time::Instant;

use super::batch::Batch;
use super::client::Error;
use super::protocol::{Fate, Protocol, Reply, Verdict};
use super::sender::{End, Posted, Sender};
use crate::deliver::blocked::Cause;
use crate::deliver::http_request;
use crate::deliver::retry_reason::RetryReason;
use crate::durable::retry::chain;
use crate::event::RejectReason;
use crate::telemetry::BlockReason;

/// Replies that nobody should give, in a row, before a batch is divided or a record given up.
const MAX_SURPRISES: u32 = 3;

/// Records that are refused one by one before any was taken, until that is taken for a mistake in the configuration.
const MAX_DOUBTS: u32 = 3;

impl<P: Protocol> Sender<P> {
    /// Hears the end of what was started.
    pub(super) fn finish(&mut self, end: End, now: Instant) {
        let posted = match end {
            End::Posted(posted) => posted,
            End::Rejected => {
                self.rejecting -= 1;
                return;
            }
        };
        let Posted {
            endpoint,
            edition,
            batch,
            result,
        } = *posted;
        self.endpoints[endpoint].posts -= 1;
        match result {
            Ok(reply) => self.judge(endpoint, batch, &reply, now),
            Err(Error::Http(error)) => self.failed(endpoint, batch, error, now),
            Err(Error::Token(error)) if error.is_passing() => {
                self.endpoints[endpoint].slow_down();
                self.endpoints[endpoint].back_off(error.retry_after(), now);
                self.retry(batch, RetryReason::Unavailable);
            }
            Err(error @ (Error::Token(_) | Error::InvalidToken)) => {
                self.block(BlockReason::Authorization, chain(&error), batch, now);
            }
        }
        // If it was refused with settings that were replaced since, that says nothing of the new ones.
        if edition != self.edition {
            self.blocks.try_now(now);
        }
        self.blocks.publish(&self.context.health);
    }

    /// No whole reply came.
    fn failed(&mut self, endpoint: usize, batch: Batch, error: http_request::Error, now: Instant) {
        tracing::debug!(target_name = &*self.context.target, %error, "batch not delivered");
        let reason = match error {
            http_request::Error::Truncated(_) | http_request::Error::Closed(_) => {
                return self.surprised(endpoint, batch, error.to_string(), now);
            }
            http_request::Error::Connect(_) => RetryReason::Connect,
            http_request::Error::Timeout(_) => RetryReason::Timeout,
            http_request::Error::Tls { detail } => {
                if !self.has_other_way(endpoint, &detail) {
                    return self.block(BlockReason::Tls, detail, batch, now);
                }
                RetryReason::Tls
            }
        };
        self.endpoints[endpoint].slow_down();
        self.endpoints[endpoint].back_off(None, now);
        self.retry(batch, reason);
    }

    fn judge(&mut self, endpoint: usize, batch: Batch, reply: &Reply, now: Instant) {
        match self.protocol.judge(reply, batch.len()) {
            Verdict::Accepted => {
                self.accepted(endpoint, batch.lane, batch.len());
                self.deliver(batch, now);
            }
            Verdict::Each(fates) => self.sort(endpoint, batch, fates, reply, now),
            Verdict::Refused { text } => self.refused(endpoint, batch, text, reply, now),
            Verdict::TooLarge { text } if batch.len() == 1 => {
                self.reject(batch, RejectReason::TooLarge, &text)
            }
            Verdict::TooLarge { .. } => {
                self.endpoints[endpoint].shrink(batch.size);
                self.divide(batch, RetryReason::TooLarge);
            }
            Verdict::CompressionRefused if batch.body.as_ref().is_some_and(|body| body.is_gzip) => {
                self.endpoints[endpoint].is_plain = true;
                self.retry(batch, RetryReason::CompressionRefused);
            }
            Verdict::CompressionRefused => {
                let text = format!("{}; the peer does not take this content type", reply.describe());
                self.block(BlockReason::Configuration, text, batch, now);
            }
            Verdict::Busy => {
                self.pause(endpoint, reply, now);
                self.retry(batch, RetryReason::Busy);
            }
            Verdict::Unavailable => {
                self.pause(endpoint, reply, now);
                self.retry(batch, RetryReason::Unavailable);
            }
            Verdict::Blocked { text, .. } if self.has_other_way(endpoint, &text) => {
                self.pause(endpoint, reply, now);
                self.retry(batch, RetryReason::Blocked);
            }
            Verdict::Blocked { reason, text } => self.block(reason, text, batch, now),
            Verdict::Surprise { text } => self.surprised(endpoint, batch, text, now),
        }
    }

    fn accepted(&mut self, endpoint: usize, lane: usize, records: usize) {
        self.refusing[endpoint] = false;
        self.endpoints[endpoint].succeed();
        self.endpoints[endpoint].accepted += records as u64;
        self.lanes[lane].has_taken |= records > 0;
        self.blocks.accepted(1 << lane);
    }

    /// Whether records may be taken elsewhere, though this endpoint takes nothing until somebody acts.
    fn has_other_way(&mut self, endpoint: usize, detail: &str) -> bool {
        let was_known = std::mem::replace(&mut self.refusing[endpoint], true);
        let has_other = self.refusing.iter().any(|is_refusing| !is_refusing);
        if has_other && !was_known {
            tracing::warn!(
                target_name = &*self.context.target,
                endpoint = self.endpoints[endpoint].url.origin().ascii_serialization(),
                detail,
                "an endpoint takes nothing until its configuration or ours is mended; records go to the others"
            );
        }
        has_other
    }

    /// One request at a time, after a pause.
    fn pause(&mut self, endpoint: usize, reply: &Reply, now: Instant) {
        self.endpoints[endpoint].slow_down();
        self.endpoints[endpoint].back_off(reply.retry_after, now);
    }

    fn block(&mut self, reason: BlockReason, text: String, batch: Batch, now: Instant) {
        if reason == BlockReason::Destination {
            self.block_lane(batch.lane, text, now);
        } else {
            self.blocks.block(reason, text, Cause::Batch, now);
        }
        self.retry(batch, RetryReason::Blocked);
    }

    /// Nothing for this lane is taken; others go on.
    fn block_lane(&mut self, lane: usize, text: String, now: Instant) {
        let detail = match self.protocol.lanes()[lane].as_str() {
            "" => text,
            name => format!("{text} (`{name}`)"),
        };
        self.blocks.block_index(lane, detail, now);
    }

    /// The reply says of each record what became of it.
    fn sort(&mut self, endpoint: usize, batch: Batch, fates: Vec<Fate>, reply: &Reply, now: Instant) {
        if fates.len() != batch.len() {
            let text = format!("reply about {} of {} records", fates.len(), batch.len());
            return self.surprised(endpoint, batch, text, now);
        }
        let Batch {
            records,
            lane,
            first_sent,
            surprises,
            doubted_at,
            ..
        } = batch;
        let empty = || Batch {
            first_sent,
            surprises,
            doubted_at,
            ..Batch::new(lane)
        };
        let [mut taken, mut busy, mut unavailable, mut blocked, mut surprising] =
            [empty(), empty(), empty(), empty(), empty()];
        let (mut block, mut surprise, mut repeated, mut refused) = (None, None, 0, Vec::new());
        for (record, fate) in records.into_iter().zip(fates) {
            let size = self.protocol.size(&record);
            match fate {
                Fate::Delivered => taken.push(record, size),
                Fate::Repeated => {
                    repeated += 1;
                    taken.push(record, size);
                }
                Fate::Refused { text } => refused.push((record, RejectReason::Refused, text)),
                Fate::TooLarge { text } => refused.push((record, RejectReason::TooLarge, text)),
                Fate::Busy => busy.push(record, size),
                Fate::Unavailable => unavailable.push(record, size),
                Fate::Blocked { text } => {
                    block.get_or_insert(text);
                    blocked.push(record, size);
                }
                Fate::Surprise { text } => {
                    surprise.get_or_insert(text);
                    surprising.push(record, size);
                }
            }
        }
        if taken.is_empty() && refused.is_empty() {
            // It speaks to us, but everything is put off: neither the back-off nor the lane's block ends by that.
            self.blocks.accepted(0);
        } else {
            // A peer that refuses records one by one is at work, so what it refuses is the records' fault.
            self.accepted(endpoint, lane, taken.len());
        }
        self.count_repeated(repeated);
        if !taken.is_empty() {
            self.deliver(taken, now);
        }
        for (record, reason, text) in refused {
            self.reject_one(record, reason, text);
        }
        if let Some(text) = surprise {
            self.surprised(endpoint, surprising, text, now);
        }
        if !busy.is_empty() || !unavailable.is_empty() {
            self.pause(endpoint, reply, now);
        }
        // Behind the others: while one shard is away they must not wait for the records that belong there.
        for (part, reason) in [(busy, RetryReason::Busy), (unavailable, RetryReason::Unavailable)] {
            if !part.is_empty() {
                self.count_retry(&part, reason);
                self.put_last(part);
            }
        }
        if let Some(text) = block {
            self.block(BlockReason::Destination, text, blocked, now);
        }
    }

    /// The batch is refused for a record in it. That one is found by halves; alone it is refused for good, unless nothing
    /// was taken for its lane yet: then it is as likely that we were set up to send what is never taken there.
    fn refused(&mut self, endpoint: usize, batch: Batch, text: String, reply: &Reply, now: Instant) {
        if batch.len() > 1 {
            return self.divide(batch, RetryReason::Partial);
        }
        let lane = &mut self.lanes[batch.lane];
        if lane.has_taken {
            return self.reject(batch, RejectReason::Refused, &text);
        }
        lane.doubts += 1;
        if lane.doubts < MAX_DOUBTS {
            self.count_retry(&batch, RetryReason::Partial);
            self.endpoints[endpoint].back_off(None, now);
            return self.put_last(batch);
        }
        let detail = format!(
            "{} to every record so far; compare `format`, headers and mapping with what the peer takes",
            reply.describe()
        );
        if self.lanes.iter().any(|lane| lane.has_taken) {
            self.block_lane(batch.lane, detail, now);
        } else {
            self.blocks
                .block(BlockReason::Configuration, detail, Cause::Batch, now);
        }
        self.count_retry(&batch, RetryReason::Blocked);
        self.put_last(batch);
    }

    /// A reply that nobody should give. The batch goes behind the others: whether they are taken tells a poison
    /// record from an outage.
    fn surprised(&mut self, endpoint: usize, mut batch: Batch, text: String, now: Instant) {
        let accepted = self.endpoints[endpoint].accepted;
        let is_counted = batch.len() > 1
            || batch
                .doubted_at
                .is_none_or(|(other, before)| other == endpoint && accepted > before);
        if is_counted {
            batch.surprises += 1;
        }
        batch.doubted_at = Some((endpoint, accepted));
        self.endpoints[endpoint].back_off(None, now);
        tracing::debug!(target_name = &*self.context.target, text, "unexpected reply");
        if batch.surprises < MAX_SURPRISES {
            self.count_retry(&batch, RetryReason::Surprise);
            return self.put_last(batch);
        }
        if batch.len() == 1 {
            self.reject(batch, RejectReason::Refused, &text);
        } else {
            self.divide(batch, RetryReason::Surprise);
        }
    }
}
