//! What the end of a request means for the records, the channel, the endpoint and the target.

use tokio::time::Instant;

use super::acknowledge;
use super::batch::Batch;
use super::channel::Channel;
use super::reply::{Reply, Verdict};
use super::target::{End, Target};
use crate::deliver::blocked::Cause;
use crate::deliver::http_request::Error;
use crate::deliver::retry_reason::RetryReason;
use crate::event::RejectReason;
use crate::telemetry::BlockReason;

/// Replies that nobody should give, in a row, before a batch is divided or a record given up.
const MAX_SURPRISES: u32 = 3;

/// Changes of the node without an acknowledgement in between, before the cookie is taken for one that changes with
/// every reply: such a balancer would make every channel die and every batch be sent for ever.
const MAX_NODES_LOST: u32 = 5;

impl Target {
    /// Hears the end of what was started.
    pub(super) fn finish(&mut self, end: End, now: Instant) {
        match end {
            End::Posted(connection, batch, result) => {
                self.posted(connection, batch, result, now);
                self.try_anew(connection, now);
            }
            End::Asked(connection, is_try, result) => {
                self.asked(connection, is_try, result, now);
                self.try_anew(connection, now);
            }
            End::Probed(endpoint, result) => {
                // Whoever answers at all is alive: not every proxy lets the health path through.
                let is_healthy = result.is_ok_and(|reply| reply.status < 500);
                self.endpoints[endpoint].end_probe(is_healthy, now);
            }
            End::Rejected => self.rejecting -= 1,
        }
    }

    fn posted(&mut self, connection: usize, mut batch: Batch, result: Result<Reply, Error>, now: Instant) {
        let endpoint = self.connections[connection].endpoint;
        self.connections[connection].is_busy = false;
        self.endpoints[endpoint].posts -= 1;
        if std::mem::take(&mut batch.is_probe) {
            self.endpoints[endpoint].has_probe = false;
        }
        let (is_same_node, is_certain) = match result {
            Ok(reply) => {
                let is_same_node = self.keep_node(connection, &reply);
                // A page with a 4xx status comes from somebody who did not let the batch through.
                let is_page = matches!(reply.verdict(), Verdict::Surprise { .. });
                let is_certain = !is_page || (400..500).contains(&reply.status);
                self.judge(connection, batch, reply.verdict(), now);
                self.blocks.publish(&self.context.health);
                (is_same_node, is_certain)
            }
            Err(error) => {
                let is_untouched = matches!(error, Error::Connect(_) | Error::Tls { .. });
                self.failed(endpoint, batch, error, now);
                (true, is_untouched)
            }
        };
        // A batch may have been taken under an id that was never seen, perhaps by a node that counts anew: that id could
        // then stand for another batch here, and its acknowledgement would settle what nobody has.
        let is_doubtful = !is_certain && self.connections[connection].channel.has_pending();
        if !is_same_node || is_doubtful {
            self.replace_channel(connection, RetryReason::ChannelLost);
        }
    }

    /// No whole reply came.
    fn failed(&mut self, endpoint: usize, batch: Batch, error: Error, now: Instant) {
        tracing::debug!(target_name = &*self.context.target, %error, "batch not delivered");
        let reason = match error {
            Error::Truncated(_) | Error::Closed(_) => {
                return self.surprised(endpoint, batch, error.to_string(), now);
            }
            Error::Connect(_) => {
                self.endpoints[endpoint].eject(now);
                RetryReason::Connect
            }
            Error::Tls { detail } => {
                self.endpoints[endpoint].eject(now);
                if self.endpoints.iter().all(|endpoint| endpoint.is_ejected()) {
                    self.blocks.block(BlockReason::Tls, detail, Cause::Batch, now);
                    self.blocks.publish(&self.context.health);
                }
                RetryReason::Tls
            }
            Error::Timeout(_) => {
                self.endpoints[endpoint].back_off(None, now);
                RetryReason::Timeout
            }
        };
        self.retry(batch, reason);
    }

    fn judge(&mut self, connection: usize, batch: Batch, verdict: Verdict, now: Instant) {
        let endpoint = self.connections[connection].endpoint;
        match verdict {
            Verdict::Accepted {
                acknowledgement,
                is_pressed,
            } => {
                self.endpoints[endpoint].succeed();
                if is_pressed {
                    self.endpoints[endpoint].slow_down();
                }
                self.accepted(connection, batch, acknowledgement, now);
            }
            Verdict::Partial {
                refused,
                acknowledgement,
                text,
            } => {
                self.endpoints[endpoint].succeed();
                self.partial(connection, batch, refused, acknowledgement, text, now);
            }
            Verdict::TooLarge { text } => {
                let size = batch.size;
                if batch.len() == 1 {
                    return self.reject(batch, RejectReason::TooLarge, text);
                }
                self.endpoints[endpoint].shrink(size);
                self.divide(batch, RetryReason::TooLarge);
            }
            Verdict::CompressionRefused => match &batch.request {
                Some(request) if request.is_gzip => {
                    self.endpoints[endpoint].is_plain = true;
                    self.retry(batch, RetryReason::CompressionRefused);
                }
                _ => self.surprised(endpoint, batch, "HTTP status 415".to_owned(), now),
            },
            Verdict::WrongIndex { text } => self.wrong_index(batch, text, now),
            Verdict::Busy { after } => {
                self.endpoints[endpoint].slow_down();
                self.endpoints[endpoint].back_off(after, now);
                self.retry(batch, RetryReason::Busy);
            }
            Verdict::Unavailable => {
                self.endpoints[endpoint].eject(now);
                self.retry(batch, RetryReason::Unavailable);
            }
            Verdict::Blocked { reason, text } => {
                self.blocks.block(reason, text, Cause::Batch, now);
                self.retry(batch, RetryReason::Blocked);
            }
            Verdict::Surprise { text } => self.surprised(endpoint, batch, text, now),
        }
    }

    /// The peer took the whole batch.
    fn accepted(&mut self, connection: usize, mut batch: Batch, acknowledgement: Option<u64>, now: Instant) {
        let endpoint = self.connections[connection].endpoint;
        self.endpoints[endpoint].accepted += batch.len() as u64;
        batch.surprises = 0;
        batch.surprised_at = None;
        if let Some((endpoint, size)) = batch.suspected_by.take() {
            // What is taken alone was refused for the size of its batch.
            self.endpoints[endpoint].shrink(size);
        }
        if !self.settings.is_acknowledgement_required {
            self.blocks.accepted(batch.indexes);
            return self.deliver(batch, now);
        }
        let Some(id) = acknowledgement else {
            let detail = "the collector took the records without an acknowledgement id; switch acknowledgement on for \
                          the token, or set `acknowledgement: off`";
            self.blocks
                .block(BlockReason::Acknowledgement, detail.to_owned(), Cause::Batch, now);
            return self.retry(batch, RetryReason::Blocked);
        };
        self.blocks.accepted(batch.indexes);
        batch.release();
        if self.connections[connection].channel.is_rising(id) {
            batch.is_probe = self.endpoints[endpoint].is_on_probation;
            self.endpoints[endpoint].has_probe |= batch.is_probe;
            self.connections[connection].channel.wait_for(id, batch, now);
        } else {
            self.retry(batch, RetryReason::ChannelLost);
            self.replace_channel(connection, RetryReason::ChannelLost);
        }
    }

    /// One record was refused, those before it were taken.
    fn partial(
        &mut self,
        connection: usize,
        mut batch: Batch,
        refused: Option<usize>,
        acknowledgement: Option<u64>,
        text: String,
        now: Instant,
    ) {
        if batch.len() == 1 {
            return self.reject(batch, RejectReason::Refused, text);
        }
        let Some(refused) = refused.filter(|refused| *refused < batch.len()) else {
            // Nobody says which one: find it by halves.
            return self.divide(batch, RetryReason::Partial);
        };
        batch.restore();
        let endpoint = self.connections[connection].endpoint;
        let size = batch.size;
        let mut taken = batch.records;
        let rest = taken.split_off(refused + 1);
        let suspect = taken.split_off(refused);
        let [mut taken, mut suspect, rest] =
            [taken, suspect, rest].map(|records| Batch::of(records, &self.envelopes));
        suspect.suspected_by = Some((endpoint, size));
        taken.first_sent = batch.first_sent;
        let is_settling = !self.settings.is_acknowledgement_required || acknowledgement.is_some();
        self.count_retry(&suspect, RetryReason::Partial);
        self.count_retry(&rest, RetryReason::Partial);
        self.put_first([suspect, rest]);
        if !taken.is_empty() && is_settling {
            self.encode(&mut taken, endpoint);
            self.accepted(connection, taken, acknowledgement, now);
        } else if !taken.is_empty() {
            self.retry(taken, RetryReason::Partial);
        }
    }

    /// The token may not write to the index of one of the records; nothing is taken as delivered.
    fn wrong_index(&mut self, batch: Batch, text: String, now: Instant) {
        self.count_retry(&batch, RetryReason::Blocked);
        if batch.indexes.count_ones() > 1 {
            let parts = batch.by_index(&self.envelopes);
            return self.put_first(parts);
        }
        let number = batch.indexes.trailing_zeros() as usize;
        let name = match self.envelopes.index_name(number) {
            "" => "the token's default index".to_owned(),
            name => format!("index `{name}`"),
        };
        let detail = format!("{text} ({name}); allow it for the token, or name another one");
        self.blocks.block_index(number, detail, now);
        self.ready.push_back(batch);
    }

    /// A reply that nobody should give. The batch goes behind the others: whether they are taken tells a poison
    /// record from an outage.
    fn surprised(&mut self, endpoint: usize, mut batch: Batch, text: String, now: Instant) {
        let accepted = self.endpoints[endpoint].accepted;
        let is_counted = batch.len() > 1
            || batch
                .surprised_at
                .is_none_or(|(other, before)| other == endpoint && accepted > before);
        if is_counted {
            batch.surprises += 1;
        }
        batch.surprised_at = Some((endpoint, accepted));
        self.endpoints[endpoint].back_off(None, now);
        tracing::debug!(target_name = &*self.context.target, text, "unexpected reply");
        if batch.surprises < MAX_SURPRISES {
            self.count_retry(&batch, RetryReason::Surprise);
            // Also behind what is still gathered: with one worker this would always be tried first otherwise.
            if !self.open.is_empty() {
                self.close_open();
            }
            return self.ready.push_back(batch);
        }
        if batch.len() == 1 {
            self.reject(batch, RejectReason::Refused, text);
        } else {
            self.divide(batch, RetryReason::Surprise);
        }
    }

    fn asked(&mut self, connection: usize, is_try: bool, result: Result<Reply, Error>, now: Instant) {
        self.connections[connection].is_busy = false;
        let Ok(reply) = result else {
            self.connections[connection].channel.confirm(&[], now);
            return self.expire(connection, now);
        };
        let is_same_node = self.keep_node(connection, &reply);
        if let Some((reason, text)) = reply.refusal() {
            self.blocks.block(reason, text, Cause::Question, now);
            if self.blocks.is_due(now) {
                self.blocks.begin_try(now);
            }
            let next_try = self.blocks.next_try().unwrap_or(now);
            self.connections[connection].channel.confirm(&[], now);
            self.connections[connection].channel.postpone_poll(next_try);
        } else {
            let ids = (reply.status == 200)
                .then(|| acknowledge::confirmed(&reply.body))
                .flatten();
            if ids.is_some() {
                self.blocks.answered(is_try, now);
            }
            let confirmed = self.connections[connection]
                .channel
                .confirm(&ids.unwrap_or_default(), now);
            if !confirmed.is_empty() {
                let number = self.connections[connection].endpoint;
                self.connections[connection].nodes_lost = 0;
                let endpoint = &mut self.endpoints[number];
                endpoint.is_on_probation = false;
                endpoint.has_probe = false;
            }
            confirmed.into_iter().for_each(|batch| self.deliver(batch, now));
        }
        if !is_same_node {
            self.replace_channel(connection, RetryReason::ChannelLost);
        }
        self.expire(connection, now);
        self.blocks.publish(&self.context.health);
    }

    /// Gives up waiting if the oldest batch waited too long, after the last question.
    fn expire(&mut self, number: usize, now: Instant) {
        let connection = &self.connections[number];
        let expiry = connection.channel.expiry(self.settings.acknowledgement_timeout);
        if expiry.is_none_or(|moment| moment > now) {
            return;
        }
        self.endpoints[connection.endpoint].is_on_probation = true;
        tracing::warn!(
            target_name = &*self.context.target,
            seconds = self.settings.acknowledgement_timeout.as_secs(),
            "no acknowledgement came in time; the records are sent again under a new channel"
        );
        self.replace_channel(number, RetryReason::AcknowledgementTimeout);
    }

    /// Whether the node that answered is the one the channel lives on.
    fn keep_node(&mut self, number: usize, reply: &Reply) -> bool {
        let connection = &mut self.connections[number];
        if connection.channel.keep_node(reply) || connection.has_rotating_cookie {
            return true;
        }
        connection.nodes_lost += 1;
        if connection.nodes_lost < MAX_NODES_LOST {
            return false;
        }
        connection.has_rotating_cookie = true;
        tracing::warn!(
            target_name = &*self.context.target,
            "the peer sets another cookie in every reply, so a cookie no longer tells its nodes apart; \
             acknowledgements still do"
        );
        true
    }

    /// Begins a new channel; what the old one owes is sent again, in order and first.
    pub(super) fn replace_channel(&mut self, connection: usize, reason: RetryReason) {
        let endpoint = self.connections[connection].endpoint;
        let channel = std::mem::replace(&mut self.connections[connection].channel, Channel::open());
        for mut batch in channel.into_pending().rev() {
            if std::mem::take(&mut batch.is_probe) {
                self.endpoints[endpoint].has_probe = false;
            }
            self.retry(batch, reason);
        }
    }
}
