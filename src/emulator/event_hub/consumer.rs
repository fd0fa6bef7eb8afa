//! A receiver of events: where it starts, what may interrupt it, and the events it is sent.

use std::ops::ControlFlow;
use std::sync::atomic::Ordering;

use bytes::BytesMut;
use serde_amqp::Value;

use super::address::{below_hub, has_consumer_group, not_found, partition};
use super::codec::{Fields, entry, text};
use super::faults::Condition;
use super::filter::start_of_source;
use super::hub::Hub;
use super::link::Credit;
use super::message::{RuntimeMetric, put_event};
use super::receivers::{Claim, Membership, Refusal};
use super::session::Context;
use super::transfer::Outgoing;

/// Bytes written ahead of the socket before reading the log pauses.
pub(super) const OUTPUT_BYTES_MAX: usize = 256 * 1024;
/// Link property of the owner level.
const EPOCH: &str = "com.microsoft:epoch";
/// Link property with the name shown to whoever loses the partition.
const RECEIVER_NAME: &str = "com.microsoft:receiver-name";
/// Capability that asks for the runtime metric.
const RUNTIME_METRIC: &str = "com.microsoft:enable-receiver-runtime-metric";

/// An attached receiver of one partition.
#[derive(Debug)]
pub(super) struct Consumer {
    pub credit: Credit,
    partition: usize,
    /// Sequence number of the next event to send.
    next: i64,
    runtime_metric: bool,
    membership: Membership,
    /// Detaches of the partition that were ordered before this link attached.
    detaches_seen: u64,
    /// Creation time of the hub this link reads; the link ends with it.
    hub_created_at: i64,
    /// How many connections there had been when it attached; at least the number of its own.
    connection: u64,
}

impl Consumer {
    /// Attaches a receiver, or says why it is refused.
    pub fn attach(hub: &Hub, attach: &Fields, address: &str) -> Result<Self, Condition> {
        hub.count(|counters| &counters.attaches);
        let path = below_hub(hub, address)?;
        let &[groups, group, partitions, id] = path.as_slice() else {
            return Err(not_found(address));
        };
        if !groups.eq_ignore_ascii_case("ConsumerGroups")
            || !partitions.eq_ignore_ascii_case("Partitions")
            || !has_consumer_group(hub, group)
        {
            return Err(not_found(address));
        }
        let partition = partition(hub, id)?;
        let (repeat, detaches_seen) = {
            let faults = hub.faults.state();
            if let Some(condition) = &faults.refuse_attach {
                return Err(condition.clone());
            }
            let seen = faults.detaches.get(&partition).map_or(0, |order| order.0);
            (faults.repeat_after_attach, seen)
        };
        let start = start_of_source(attach.get(5))?;
        let (next, hub_created_at) = {
            let log = hub.log();
            let next = start.resolve(&log.partitions[partition])?;
            ((next - repeat).max(0), log.created_at.as_millis())
        };
        let claim = claim(group, partition, attach.get(13));
        Ok(Self {
            credit: Credit::default(),
            partition,
            next,
            runtime_metric: has_symbol(attach.get(12), RUNTIME_METRIC),
            membership: hub.receivers.attach(claim).map_err(refusal)?,
            detaches_seen,
            hub_created_at,
            connection: hub.counters.connections.load(Ordering::Relaxed),
        })
    }

    /// Why this receiver must be detached now, if it must.
    pub fn interruption(&self, hub: &Hub) -> Option<Condition> {
        if let Some(text) = self.membership.evicted() {
            return Some(Condition::new("amqp:link:stolen", text));
        }
        if hub.log().created_at.as_millis() != self.hub_created_at && !self.is_mute(hub) {
            return Some(Condition::new(
                "amqp:not-found",
                "The messaging entity was deleted.",
            ));
        }
        let faults = hub.faults.state();
        let (ordered, condition) = faults.detaches.get(&self.partition)?;
        (*ordered > self.detaches_seen).then(|| condition.clone())
    }

    /// Writes the events that credit, window and output have room for. True if a drain ended, which the peer awaits.
    pub fn send(&mut self, context: &mut Context<'_>, outgoing: &mut Outgoing, handle: u32) -> bool {
        if self.is_mute(context.hub) {
            return false;
        }
        if self.credit.available > 0 {
            let torn = context.hub.faults.state().partial_transfer;
            if torn {
                *context.torn |= self.send_torn(context, outgoing, handle);
                return false;
            }
            self.send_events(context.hub, context.out, context.scratch, outgoing, handle);
        }
        // With output or window full there may be more to send, so a drain goes on.
        let sent_all =
            self.credit.available == 0 || context.hub.log().partitions[self.partition].last() < self.next;
        let drained = self.credit.drain && sent_all;
        if drained {
            self.credit.exhaust();
        }
        drained
    }

    fn is_mute(&self, hub: &Hub) -> bool {
        let mutes = &hub.faults.state().mutes;
        let first = mutes.get(&self.partition).copied().unwrap_or_default();
        self.connection < first
    }

    fn send_events(
        &mut self,
        hub: &Hub,
        out: &mut BytesMut,
        scratch: &mut Vec<u8>,
        outgoing: &mut Outgoing,
        handle: u32,
    ) {
        let mut sent = 0;
        {
            let log = hub.log();
            let partition = &log.partitions[self.partition];
            let metric = self.runtime_metric.then(|| RuntimeMetric::of(partition));
            partition.for_each_from(self.next, |event| {
                if self.credit.available == 0 || out.len() >= OUTPUT_BYTES_MAX {
                    return ControlFlow::Break(());
                }
                scratch.clear();
                put_event(scratch, &event, metric.as_ref());
                if !outgoing.fits(scratch.len()) {
                    return ControlFlow::Break(());
                }
                outgoing.put_delivery(out, handle, self.credit.delivery_count, scratch);
                self.credit.spend();
                self.next = event.sequence_number + 1;
                sent += 1;
                ControlFlow::Continue(())
            });
        }
        if sent > 0 {
            hub.count_sent(self.partition, sent);
        }
    }

    /// Writes half of the next event; whether there was one.
    fn send_torn(&mut self, context: &mut Context<'_>, outgoing: &mut Outgoing, handle: u32) -> bool {
        let mut torn = false;
        let log = context.hub.log();
        log.partitions[self.partition].for_each_from(self.next, |event| {
            context.scratch.clear();
            put_event(context.scratch, &event, None);
            outgoing.put_torn_delivery(context.out, handle, self.credit.delivery_count, context.scratch);
            torn = true;
            ControlFlow::Break(())
        });
        torn
    }
}

fn claim(group: &str, partition: usize, properties: &Value) -> Claim {
    Claim {
        group: group.to_ascii_lowercase(),
        partition,
        // The service ignores an owner level of any other type.
        epoch: match entry(properties, EPOCH) {
            Some(Value::Long(epoch)) => Some(*epoch),
            _ => None,
        },
        name: entry(properties, RECEIVER_NAME)
            .and_then(text)
            .unwrap_or("nil")
            .to_owned(),
    }
}

fn refusal(refusal: Refusal) -> Condition {
    match refusal {
        Refusal::Stolen(text) => Condition::new("amqp:link:stolen", text),
        Refusal::TooMany(text) => Condition::new("amqp:resource-limit-exceeded", text),
    }
}

/// Whether a field that holds one or several symbols holds `name`.
fn has_symbol(value: &Value, name: &str) -> bool {
    match value {
        Value::Array(array) => array.0.iter().any(|value| text(value) == Some(name)),
        Value::List(list) => list.iter().any(|value| text(value) == Some(name)),
        single => text(single) == Some(name),
    }
}
