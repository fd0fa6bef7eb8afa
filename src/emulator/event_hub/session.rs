//! One AMQP session: its links, and the performatives that concern them.

use std::collections::BTreeMap;

use bytes::BytesMut;
use serde_amqp::Value;

use super::authorization::Authorization;
use super::codec::{Error, Fields, code, error, list, put_performative, string, symbols};
use super::faults::Condition;
use super::hub::Hub;
use super::link::{Delivery, Link, Received};
use super::producer;
use super::request;
use super::transfer::Outgoing;

/// Window announced to peers: so large that no frame is needed only to renew it, as such a frame has fewer fields
/// than the official Python client reads.
const WINDOW: u32 = i32::MAX as u32;

/// A session as the hub sees it.
#[derive(Debug)]
pub(super) struct Session {
    channel: u16,
    next_incoming_id: u32,
    outgoing: Outgoing,
    links: BTreeMap<u32, Link>,
    /// Counts the rounds, so that each has another link go first.
    round: usize,
}

/// What a session needs of its connection for one step.
pub(super) struct Context<'a> {
    pub hub: &'a Hub,
    pub out: &'a mut BytesMut,
    pub scratch: &'a mut Vec<u8>,
    /// Until when the connection may read.
    pub authorized: &'a mut Authorization,
    /// Set when a delivery was torn, after which the connection ends.
    pub torn: &'a mut bool,
}

impl Session {
    /// Answers a begin.
    pub fn begin(
        channel: u16,
        begin: &Fields,
        frame_size_max: usize,
        out: &mut BytesMut,
    ) -> Result<Self, Error> {
        let fields = vec![
            Value::Ushort(channel),
            Value::Uint(0),
            Value::Uint(WINDOW),
            Value::Uint(WINDOW),
            Value::Uint(255),
            Value::Null,
            Value::Null,
            properties(),
        ];
        put_performative(out, channel, code::BEGIN, fields)?;
        let window = begin.uint(2).unwrap_or(WINDOW);
        Ok(Self {
            channel,
            next_incoming_id: begin.uint(1).unwrap_or(0),
            outgoing: Outgoing::new(channel, window, frame_size_max),
            links: BTreeMap::new(),
            round: 0,
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
                    Some(_) => self.put_detach(context.out, handle, fields.flag(1), None),
                    None => Ok(()),
                }
            }
            _ => Ok(()),
        }
    }

    /// Writes what receivers may have now.
    pub fn pump(&mut self, context: &mut Context<'_>) -> Result<(), Error> {
        let mut handles: Vec<u32> = self.links.keys().copied().collect();
        if !handles.is_empty() {
            self.round = (self.round + 1) % handles.len();
            handles.rotate_left(self.round);
        }
        for handle in handles {
            match self.links.get_mut(&handle) {
                Some(Link::Reply(reply)) => {
                    while reply.credit.available > 0
                        && let Some(message) = reply.queue.pop_front()
                    {
                        let delivery = reply.credit.delivery_count;
                        reply.credit.spend();
                        self.outgoing
                            .put_delivery(context.out, handle, delivery, &message);
                    }
                }
                Some(Link::Consumer(consumer)) => {
                    if let Some(condition) = consumer.interruption(context.hub) {
                        self.refuse(context.out, handle, &condition)?;
                    } else if !context.authorized.holds() {
                        let text = "ExpiredToken: The token is expired.";
                        let condition = Condition::new("amqp:unauthorized-access", text);
                        self.refuse(context.out, handle, &condition)?;
                    } else if consumer.send(context, &mut self.outgoing, handle) {
                        self.put_flow(context.out, Some(handle))?;
                        self.end_drain(handle);
                    }
                }
                _ => {}
            }
        }
        Ok(())
    }

    fn attach(&mut self, context: &mut Context<'_>, attach: &Fields) -> Result<(), Error> {
        let handle = attach.uint(1).unwrap_or(0);
        let opened = Link::open(context.hub, attach, context.authorized.holds());
        let fields = attach_answer(context.hub, attach, opened.as_ref().ok());
        put_performative(context.out, self.channel, code::ATTACH, fields)?;
        match opened {
            Ok(link) => {
                self.links.insert(handle, link);
                self.renew_credit(context.out, handle)
            }
            Err(condition) => self.refuse(context.out, handle, &condition),
        }
    }

    fn flow(&mut self, context: &mut Context<'_>, flow: &Fields) -> Result<(), Error> {
        self.outgoing.update(flow);
        let handle = flow.uint(4);
        match handle.and_then(|handle| self.links.get_mut(&handle)) {
            Some(Link::Consumer(consumer)) => consumer.credit.update(flow),
            Some(Link::Reply(reply)) => reply.credit.update(flow),
            _ => {}
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
        let size_max = context.hub.options.max_message_size;
        let Some(inbound) = self.links.get_mut(&handle).and_then(Link::inbound) else {
            return Ok(());
        };
        match inbound.receive(transfer, payload, size_max) {
            Received::Nothing => Ok(()),
            Received::Delivery(delivery) => self.deliver(context, handle, &delivery),
            Received::TooLarge => {
                let text = format!("The received message exceeds the limit of {size_max} bytes.");
                let condition = Condition::new("amqp:link:message-size-exceeded", text);
                self.refuse(context.out, handle, &condition)
            }
        }
    }

    /// Stores or answers a complete delivery, and settles it.
    fn deliver(&mut self, context: &mut Context<'_>, handle: u32, delivery: &Delivery) -> Result<(), Error> {
        match self.links.get(&handle) {
            Some(Link::Producer(partition, _)) => {
                producer::accept(context.hub, *partition, delivery.format, &delivery.message)?;
            }
            Some(Link::Request(node, _)) => {
                let node = *node;
                let answer =
                    request::handle(context.hub, node, &delivery.message, context.authorized.holds())?;
                *context.authorized = answer.authorized.unwrap_or(*context.authorized);
                self.queue_answer(node, answer);
            }
            _ => {}
        }
        if !delivery.settled {
            let fields = vec![
                Value::Bool(true),
                Value::Uint(delivery.id),
                Value::Uint(delivery.id),
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

    fn renew_credit(&mut self, out: &mut BytesMut, handle: u32) -> Result<(), Error> {
        let inbound = self.links.get_mut(&handle).and_then(Link::inbound);
        if inbound.is_some_and(|inbound| inbound.renew_credit()) {
            self.put_flow(out, Some(handle))?;
        }
        Ok(())
    }

    fn end_drain(&mut self, handle: u32) {
        if let Some(Link::Consumer(consumer)) = self.links.get_mut(&handle) {
            consumer.credit.drain = false;
        }
    }

    /// Ends a link with an error.
    fn refuse(&mut self, out: &mut BytesMut, handle: u32, condition: &Condition) -> Result<(), Error> {
        self.links.remove(&handle);
        self.put_detach(out, handle, true, Some(condition))
    }

    fn put_flow(&self, out: &mut BytesMut, handle: Option<u32>) -> Result<(), Error> {
        let link = handle.and_then(|handle| Some((handle, self.links.get(&handle)?.credit())));
        let field = |number: Option<u32>| number.map_or(Value::Null, Value::Uint);
        let fields = vec![
            Value::Uint(self.next_incoming_id),
            Value::Uint(WINDOW),
            Value::Uint(self.outgoing.next_id()),
            Value::Uint(WINDOW),
            field(link.map(|(handle, _)| handle)),
            field(link.map(|(_, credit)| credit.delivery_count)),
            field(link.map(|(_, credit)| credit.available)),
            Value::Null,
            Value::Bool(link.is_some_and(|(_, credit)| credit.drain)),
            Value::Bool(false),
            Value::Null,
        ];
        put_performative(out, self.channel, code::FLOW, fields)
    }

    fn put_detach(
        &self,
        out: &mut BytesMut,
        handle: u32,
        closed: bool,
        condition: Option<&Condition>,
    ) -> Result<(), Error> {
        let reason = condition.map_or(Value::Null, |condition| {
            error(&condition.condition, &condition.description)
        });
        let fields = vec![Value::Uint(handle), Value::Bool(closed), reason];
        put_performative(out, self.channel, code::DETACH, fields)
    }
}

/// The attach that answers a peer's; without a link it has no terminus, as the service refuses.
fn attach_answer(hub: &Hub, attach: &Fields, link: Option<&Link>) -> Vec<Value> {
    let to_receiver = attach.flag(2);
    let advertised = hub.faults.state().advertised_message_size;
    let size_max = advertised
        .filter(|_| to_receiver)
        .unwrap_or(hub.options.max_message_size);
    let terminus = |index| link.map_or(Value::Null, |_| attach.get(index).clone());
    let sender_mode = match (attach.get(3), link) {
        // Events are always settled, and "unsettled" would contradict that. Other modes are kept: the official Go
        // client ends a link whose mode is not honoured.
        (Value::Ubyte(0), Some(Link::Consumer(_))) => Value::Ubyte(1),
        (Value::Null, _) => Value::Ubyte(2),
        (asked, _) => asked.clone(),
    };
    let delivery_count = match link {
        Some(_) if to_receiver => Value::Uint(0),
        _ => Value::Null,
    };
    vec![
        attach.get(0).clone(),
        attach.get(1).clone(),
        Value::Bool(!to_receiver),
        sender_mode,
        Value::Ubyte(0),
        terminus(5),
        terminus(6),
        Value::Null,
        Value::Null,
        delivery_count,
        Value::Ulong(size_max),
        Value::Null,
        Value::Null,
        properties(),
    ]
}

/// Not empty, so that the last field the official Python client reads is there.
pub(super) fn properties() -> Value {
    symbols(vec![("product", string("hub2siem emulator"))])
}
