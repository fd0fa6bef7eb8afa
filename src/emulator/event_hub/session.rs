//! One AMQP session: its window, its links, and the performatives that concern them.

use std::collections::BTreeMap;

use bytes::{BufMut, Bytes, BytesMut};
use serde_amqp::Value;

use super::codec::{Error, FRAME_AMQP, Fields, code, error, list, put_frame, put_performative, symbols};
use super::faults::Condition;
use super::hub::Hub;
use super::link::{self, Inbound, Link};
use super::message::put_event;
use super::producer;
use super::request;

/// Window announced to peers: so large that no frame is needed only to renew it, as such a frame has fewer fields
/// than the official Python client reads.
const WINDOW: u32 = i32::MAX as u32;
/// Deliveries a sender may have under way; renewed at half.
const PRODUCER_CREDIT: u32 = 1000;
/// Bytes written ahead of the socket before reading the log pauses.
pub(super) const OUTPUT_BYTES_MAX: usize = 256 * 1024;

/// A session as the hub sees it.
#[derive(Debug)]
pub(super) struct Session {
    channel: u16,
    next_incoming_id: u32,
    next_outgoing_id: u32,
    remote_incoming_window: u32,
    links: BTreeMap<u32, Link>,
}

/// What a session needs of its connection for one step.
pub(super) struct Context<'a> {
    pub hub: &'a Hub,
    pub out: &'a mut BytesMut,
    pub scratch: &'a mut Vec<u8>,
    pub authorized: &'a mut bool,
    pub frame_size_max: usize,
}

impl Session {
    /// Answers a begin.
    pub fn begin(channel: u16, begin: &Fields, out: &mut BytesMut) -> Result<Self, Error> {
        let fields = vec![
            Value::Ushort(channel),
            Value::Uint(0),
            Value::Uint(WINDOW),
            Value::Uint(WINDOW),
            Value::Uint(255),
            Value::Null,
            Value::Null,
            symbols(vec![("product", Value::String("hub2siem".to_owned()))]),
        ];
        put_performative(out, channel, code::BEGIN, fields)?;
        Ok(Self {
            channel,
            next_incoming_id: begin.uint(1).unwrap_or(0),
            next_outgoing_id: 0,
            remote_incoming_window: begin.uint(2).unwrap_or(WINDOW),
            links: BTreeMap::new(),
        })
    }

    /// Handles a performative of a link or of the session's window.
    pub fn handle(
        &mut self,
        context: &mut Context<'_>,
        code: u64,
        fields: &Fields,
        payload: &[u8],
    ) -> Result<(), Error> {
        match code {
            code::ATTACH => self.attach(context, fields),
            code::FLOW => self.flow(context, fields),
            code::TRANSFER => self.transfer(context, fields, payload),
            code::DETACH => {
                let handle = fields.uint(0).unwrap_or(0);
                // Without a link this is the answer to a detach of the hub's own.
                match self.links.remove(&handle) {
                    Some(_) => self.detach(context.out, handle, None),
                    None => Ok(()),
                }
            }
            _ => Ok(()),
        }
    }

    /// Writes what receivers may have now.
    pub fn pump(&mut self, context: &mut Context<'_>) -> Result<(), Error> {
        let handles: Vec<u32> = self.links.keys().copied().collect();
        for handle in handles {
            match self.links.get(&handle) {
                Some(Link::Reply(_)) => self.send_answers(context, handle)?,
                Some(Link::Consumer(_)) => {
                    if let Some(condition) = self.interruption(context.hub, handle) {
                        self.links.remove(&handle);
                        self.detach(context.out, handle, Some(&condition))?;
                    } else {
                        self.send_events(context, handle)?;
                    }
                }
                _ => {}
            }
        }
        Ok(())
    }

    fn attach(&mut self, context: &mut Context<'_>, attach: &Fields) -> Result<(), Error> {
        let handle = attach.uint(1).unwrap_or(0);
        let opened = link::open(context.hub, attach, *context.authorized);
        let to_receiver = attach.flag(2);
        let refused = opened.is_err();
        let is_consumer = matches!(opened, Ok(Link::Consumer(_)));
        let advertised = context.hub.faults.state().advertised_message_size;
        let size_max = match advertised {
            Some(bytes) if to_receiver => bytes,
            _ => context.hub.options.max_message_size,
        };
        let keep = |index: usize| {
            if refused {
                Value::Null
            } else {
                attach.get(index).clone()
            }
        };
        let sender_mode = match attach.get(3) {
            // Events are always settled; answering "unsettled" would contradict that.
            Value::Ubyte(0) if is_consumer => Value::Ubyte(1),
            Value::Null => Value::Ubyte(2),
            asked => asked.clone(),
        };
        let fields = vec![
            attach.get(0).clone(),
            Value::Uint(handle),
            Value::Bool(!to_receiver),
            sender_mode,
            Value::Ubyte(0),
            keep(5),
            keep(6),
            Value::Null,
            Value::Null,
            if to_receiver && !refused {
                Value::Uint(0)
            } else {
                Value::Null
            },
            Value::Ulong(size_max),
            Value::Null,
            Value::Null,
            symbols(vec![("product", Value::String("hub2siem".to_owned()))]),
        ];
        put_performative(context.out, self.channel, code::ATTACH, fields)?;
        match opened {
            Ok(link) => {
                self.links.insert(handle, link);
                self.renew_credit(context.out, handle)
            }
            Err(condition) => self.detach(context.out, handle, Some(&condition)),
        }
    }

    fn flow(&mut self, context: &mut Context<'_>, flow: &Fields) -> Result<(), Error> {
        let received = flow.uint(0).unwrap_or(0);
        let under_way = self.next_outgoing_id.wrapping_sub(received);
        self.remote_incoming_window = flow.uint(1).unwrap_or(WINDOW).saturating_sub(under_way);
        let handle = flow.uint(4);
        if let Some(link) = handle.and_then(|handle| self.links.get_mut(&handle)) {
            match link {
                Link::Consumer(consumer) => consumer.credit.update(flow),
                Link::Reply(reply) => reply.credit.update(flow),
                Link::Producer(_) | Link::Request(..) => {}
            }
        }
        if flow.flag(9) {
            self.put_flow(context.out, handle)?;
        }
        Ok(())
    }

    fn transfer(
        &mut self,
        context: &mut Context<'_>,
        transfer: &Fields,
        payload: &[u8],
    ) -> Result<(), Error> {
        self.next_incoming_id = self.next_incoming_id.wrapping_add(1);
        let handle = transfer.uint(0).unwrap_or(0);
        let size_max = usize::try_from(context.hub.options.max_message_size).unwrap_or(usize::MAX);
        let Some(Link::Producer(inbound) | Link::Request(_, inbound)) = self.links.get_mut(&handle) else {
            return Ok(());
        };
        // Only the first frame of a delivery must carry these.
        if let Some(id) = transfer.uint(1) {
            inbound.delivery_id = id;
        }
        if let Some(format) = transfer.uint(3) {
            inbound.format = format;
        }
        inbound.settled |= transfer.flag(4);
        if transfer.flag(9) {
            inbound.partial.clear();
            return Ok(());
        }
        inbound.partial.put_slice(payload);
        if inbound.partial.len() > size_max {
            self.links.remove(&handle);
            let text = format!("The received message exceeds the limit of {size_max} bytes.");
            let condition = Condition::new("amqp:link:message-size-exceeded", text);
            return self.detach(context.out, handle, Some(&condition));
        }
        if transfer.flag(5) {
            return Ok(());
        }
        self.delivered(context, handle)
    }

    /// Handles a complete delivery of a sender.
    fn delivered(&mut self, context: &mut Context<'_>, handle: u32) -> Result<(), Error> {
        let Some(link) = self.links.get_mut(&handle) else {
            return Ok(());
        };
        let (node, inbound) = match link {
            Link::Producer(inbound) => (None, inbound),
            Link::Request(node, inbound) => (Some(*node), inbound),
            Link::Consumer(_) | Link::Reply(_) => return Ok(()),
        };
        let message: Bytes = inbound.partial.split().freeze();
        let settled = std::mem::take(&mut inbound.settled);
        let (format, delivery_id, partition) = (
            std::mem::take(&mut inbound.format),
            inbound.delivery_id,
            inbound.partition,
        );
        inbound.credit = inbound.credit.saturating_sub(1);
        inbound.delivery_count = inbound.delivery_count.wrapping_add(1);
        match node {
            None => producer::accept(context.hub, partition, format, &message)?,
            Some(node) => {
                let answer = request::handle(context.hub, node, &message, *context.authorized)?;
                *context.authorized |= answer.authorized;
                self.queue_answer(node, answer);
            }
        }
        if !settled {
            let fields = vec![
                Value::Bool(true),
                Value::Uint(delivery_id),
                Value::Uint(delivery_id),
                Value::Bool(true),
                list(code::ACCEPTED, Vec::new()),
                Value::Bool(false),
            ];
            put_performative(context.out, self.channel, code::DISPOSITION, fields)?;
        }
        self.renew_credit(context.out, handle)
    }

    /// Puts an answer on the link its request names, else on the newest reply link of the node.
    fn queue_answer(&mut self, node: request::Node, answer: request::Answer) {
        let mut chosen = None;
        for link in self.links.values_mut() {
            if let Link::Reply(reply) = link
                && reply.node == node
            {
                let named = answer.reply_to.is_some() && reply.address == answer.reply_to;
                chosen = Some(reply);
                if named {
                    break;
                }
            }
        }
        if let Some(reply) = chosen {
            reply.queue.push_back(answer.message);
        }
    }

    /// Why a receiver must be detached now, if it must.
    fn interruption(&self, hub: &Hub, handle: u32) -> Option<Condition> {
        let Some(Link::Consumer(consumer)) = self.links.get(&handle) else {
            return None;
        };
        if let Some(text) = consumer.membership.evicted() {
            return Some(Condition::new("amqp:link:stolen", text));
        }
        if hub.log().created_at.as_millis() != consumer.life {
            let text = "The messaging entity was deleted.";
            return Some(Condition::new("amqp:not-found", text));
        }
        let faults = hub.faults.state();
        let (ordered, condition) = faults.detaches.get(&consumer.partition)?;
        (*ordered > consumer.detaches_seen).then(|| condition.clone())
    }

    fn send_events(&mut self, context: &mut Context<'_>, handle: u32) -> Result<(), Error> {
        let Some(Link::Consumer(consumer)) = self.links.get_mut(&handle) else {
            return Ok(());
        };
        let metric = consumer.metric(context.hub);
        let mut sent = 0;
        let window = &mut Window {
            channel: self.channel,
            handle,
            next_outgoing_id: &mut self.next_outgoing_id,
            remote: &mut self.remote_incoming_window,
            frame_size_max: context.frame_size_max,
        };
        if consumer.credit.available > 0 {
            let log = context.hub.log();
            log.partitions[consumer.partition].for_each_from(consumer.next, |event| {
                if consumer.credit.available == 0 || context.out.len() >= OUTPUT_BYTES_MAX {
                    return std::ops::ControlFlow::Break(());
                }
                context.scratch.clear();
                put_event(context.scratch, &event, metric.as_ref());
                if !window.fits(context.scratch.len()) {
                    return std::ops::ControlFlow::Break(());
                }
                let delivery = consumer.credit.delivery_count;
                consumer.credit.spend();
                window.put_delivery(context.out, delivery, context.scratch);
                consumer.next = event.sequence_number + 1;
                sent += 1;
                std::ops::ControlFlow::Continue(())
            });
        }
        let caught_up = consumer.credit.available > 0 && context.out.len() < OUTPUT_BYTES_MAX;
        let drained = consumer.credit.drain && caught_up;
        if drained {
            let left = std::mem::take(&mut consumer.credit.available);
            consumer.credit.delivery_count = consumer.credit.delivery_count.wrapping_add(left);
        }
        let partition = consumer.partition;
        if sent > 0 {
            context.hub.count_sent(partition, sent);
        }
        if drained {
            self.put_flow(context.out, Some(handle))?;
            if let Some(Link::Consumer(consumer)) = self.links.get_mut(&handle) {
                consumer.credit.drain = false;
            }
        }
        Ok(())
    }

    fn send_answers(&mut self, context: &mut Context<'_>, handle: u32) -> Result<(), Error> {
        let Some(Link::Reply(reply)) = self.links.get_mut(&handle) else {
            return Ok(());
        };
        let window = &mut Window {
            channel: self.channel,
            handle,
            next_outgoing_id: &mut self.next_outgoing_id,
            remote: &mut self.remote_incoming_window,
            frame_size_max: context.frame_size_max,
        };
        while reply.credit.available > 0
            && let Some(message) = reply.queue.pop_front()
        {
            let delivery = reply.credit.delivery_count;
            reply.credit.spend();
            window.put_delivery(context.out, delivery, &message);
        }
        Ok(())
    }

    /// Grants a sender new credit when it has used half of it.
    fn renew_credit(&mut self, out: &mut BytesMut, handle: u32) -> Result<(), Error> {
        let Some(Link::Producer(inbound) | Link::Request(_, inbound)) = self.links.get_mut(&handle) else {
            return Ok(());
        };
        if inbound.credit > PRODUCER_CREDIT / 2 {
            return Ok(());
        }
        inbound.credit = PRODUCER_CREDIT;
        self.put_flow(out, Some(handle))
    }

    fn put_flow(&self, out: &mut BytesMut, handle: Option<u32>) -> Result<(), Error> {
        let (delivery_count, credit, drain) = match handle.and_then(|handle| self.links.get(&handle)) {
            Some(
                Link::Producer(Inbound {
                    delivery_count,
                    credit,
                    ..
                })
                | Link::Request(
                    _,
                    Inbound {
                        delivery_count,
                        credit,
                        ..
                    },
                ),
            ) => (Value::Uint(*delivery_count), Value::Uint(*credit), false),
            Some(Link::Consumer(consumer)) => (
                Value::Uint(consumer.credit.delivery_count),
                Value::Uint(consumer.credit.available),
                consumer.credit.drain,
            ),
            Some(Link::Reply(reply)) => (
                Value::Uint(reply.credit.delivery_count),
                Value::Uint(reply.credit.available),
                reply.credit.drain,
            ),
            None => (Value::Null, Value::Null, false),
        };
        let fields = vec![
            Value::Uint(self.next_incoming_id),
            Value::Uint(WINDOW),
            Value::Uint(self.next_outgoing_id),
            Value::Uint(WINDOW),
            handle.map_or(Value::Null, Value::Uint),
            delivery_count,
            credit,
            Value::Null,
            Value::Bool(drain),
            Value::Bool(false),
            Value::Null,
        ];
        put_performative(out, self.channel, code::FLOW, fields)
    }

    fn detach(&self, out: &mut BytesMut, handle: u32, condition: Option<&Condition>) -> Result<(), Error> {
        let reason = condition.map_or(Value::Null, |condition| {
            error(&condition.condition, &condition.description)
        });
        let fields = vec![Value::Uint(handle), Value::Bool(true), reason];
        put_performative(out, self.channel, code::DETACH, fields)
    }
}

/// Where the transfers of one link go.
struct Window<'a> {
    channel: u16,
    handle: u32,
    next_outgoing_id: &'a mut u32,
    remote: &'a mut u32,
    frame_size_max: usize,
}

/// Bytes of a frame before the payload: frame header and transfer performative, rounded up.
const TRANSFER_OVERHEAD: usize = 48;

impl Window<'_> {
    /// Whether the peer's window has room for the frames of a message.
    fn fits(&self, size: usize) -> bool {
        size.div_ceil(self.frame_size_max - TRANSFER_OVERHEAD) <= *self.remote as usize
    }

    /// Appends one settled delivery, in as many frames as the peer's frame size asks for.
    fn put_delivery(&mut self, out: &mut BytesMut, delivery: u32, message: &[u8]) {
        let chunk = self.frame_size_max - TRANSFER_OVERHEAD;
        // One id per delivery, and its own number as tag: unique within the link.
        let id = *self.next_outgoing_id;
        let mut parts = message.chunks(chunk).peekable();
        while let Some(part) = parts.next() {
            let transfer = self.transfer(id, delivery, parts.peek().is_some());
            out.put_u32((8 + transfer.len() + part.len()) as u32);
            out.put_slice(&[2, FRAME_AMQP]);
            out.put_u16(self.channel);
            out.put_slice(&transfer);
            out.put_slice(part);
            *self.next_outgoing_id = self.next_outgoing_id.wrapping_add(1);
            *self.remote = self.remote.saturating_sub(1);
        }
    }

    /// A transfer performative with all its eleven fields, which the official Python client counts on.
    fn transfer(&self, id: u32, delivery: u32, more: bool) -> [u8; 30] {
        let mut bytes = [0; 30];
        bytes[..5].copy_from_slice(&[0x00, 0x53, 0x14, 0xc0, 25]);
        bytes[5] = 11;
        bytes[6] = 0x70;
        bytes[7..11].copy_from_slice(&self.handle.to_be_bytes());
        bytes[11] = 0x70;
        bytes[12..16].copy_from_slice(&id.to_be_bytes());
        bytes[16..18].copy_from_slice(&[0xa0, 4]);
        bytes[18..22].copy_from_slice(&delivery.to_be_bytes());
        let more = if more { 0x41 } else { 0x42 };
        // message-format 0, settled, more, no settle mode, no state, not resumed, not aborted, batchable
        bytes[22..30].copy_from_slice(&[0x43, 0x41, more, 0x40, 0x40, 0x42, 0x42, 0x41]);
        bytes
    }
}

/// Ends a session that named itself.
pub(super) fn put_end(out: &mut BytesMut, channel: u16) -> Result<(), Error> {
    let body = serde_amqp::to_vec(&list(code::END, vec![Value::Null]))?;
    put_frame(out, FRAME_AMQP, channel, &body);
    Ok(())
}
