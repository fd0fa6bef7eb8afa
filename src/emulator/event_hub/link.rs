//! The kinds of links a session holds.

use std::collections::VecDeque;

use bytes::{BufMut, Bytes, BytesMut};

use super::address::{below_hub, not_found, partition};
use super::codec::Fields;
use super::consumer::Consumer;
use super::faults::Condition;
use super::hub::Hub;
use super::request::Node;

/// Deliveries a sender may have under way; renewed at half.
const INBOUND_CREDIT: u32 = 1000;

/// One attached link, seen from the hub.
#[derive(Debug)]
pub(super) enum Link {
    /// Sends events of a partition.
    Consumer(Consumer),
    /// Takes events for a partition, or for the hub.
    Producer(Option<usize>, Inbound),
    /// Takes requests.
    Request(Node, Inbound),
    /// Sends answers.
    Reply(Reply),
}

/// Credit of a link: granted by the peer where the hub sends, by the hub where it receives.
#[derive(Debug, Default)]
pub(super) struct Credit {
    pub available: u32,
    pub delivery_count: u32,
    pub drain: bool,
}

/// The receiving half of a link on which the peer sends.
#[derive(Debug, Default)]
pub(super) struct Inbound {
    pub credit: Credit,
    /// Frames of a delivery that is not complete yet.
    partial: BytesMut,
    delivery_id: u32,
    format: u32,
    settled: bool,
}

/// A complete delivery.
#[derive(Debug)]
pub(super) struct Delivery {
    pub id: u32,
    pub format: u32,
    pub settled: bool,
    pub message: Bytes,
}

/// What one transfer frame completed.
pub(super) enum Received {
    Nothing,
    Delivery(Delivery),
    TooLarge,
}

/// A link on which answers go out.
#[derive(Debug)]
pub(super) struct Reply {
    pub node: Node,
    pub address: Option<String>,
    pub credit: Credit,
    pub queue: VecDeque<Vec<u8>>,
}

impl Link {
    /// Makes the link for an attach, or says why it is refused.
    pub fn open(hub: &Hub, attach: &Fields, authorized: bool) -> Result<Self, Condition> {
        let source = Fields::of(attach.get(5));
        let target = Fields::of(attach.get(6));
        if attach.flag(2) {
            let address = source.text(0).unwrap_or_default();
            if let Some(node) = Node::of(address) {
                return Ok(Link::Reply(Reply {
                    node,
                    address: target.text(0).map(str::to_owned),
                    credit: Credit::default(),
                    queue: VecDeque::new(),
                }));
            }
            require(authorized)?;
            return Consumer::attach(hub, attach, address).map(Link::Consumer);
        }
        let address = target.text(0).unwrap_or_default();
        if let Some(node) = Node::of(address) {
            return Ok(Link::Request(node, Inbound::default()));
        }
        require(authorized)?;
        let chosen = match below_hub(hub, address)?.as_slice() {
            [] => None,
            [word, id] if word.eq_ignore_ascii_case("Partitions") => Some(partition(hub, id)?),
            _ => return Err(not_found(address)),
        };
        Ok(Link::Producer(chosen, Inbound::default()))
    }

    /// The receiving half, if the peer sends on this link.
    pub fn inbound(&mut self) -> Option<&mut Inbound> {
        match self {
            Link::Producer(_, inbound) | Link::Request(_, inbound) => Some(inbound),
            Link::Consumer(_) | Link::Reply(_) => None,
        }
    }

    /// The credit of the link, whoever granted it.
    pub fn credit(&self) -> &Credit {
        match self {
            Link::Consumer(consumer) => &consumer.credit,
            Link::Reply(reply) => &reply.credit,
            Link::Producer(_, inbound) | Link::Request(_, inbound) => &inbound.credit,
        }
    }
}

impl Credit {
    /// Takes over a flow of the receiver, whose count may be behind what was sent.
    pub fn update(&mut self, flow: &Fields) {
        let counted = flow.uint(5).unwrap_or(0);
        let under_way = self.delivery_count.wrapping_sub(counted);
        self.available = flow.uint(6).unwrap_or(0).saturating_sub(under_way);
        self.drain = flow.flag(8);
    }

    /// Counts one delivery.
    pub fn spend(&mut self) {
        self.available = self.available.saturating_sub(1);
        self.delivery_count = self.delivery_count.wrapping_add(1);
    }

    /// Uses all credit up, as a drain asks.
    pub fn exhaust(&mut self) {
        let left = std::mem::take(&mut self.available);
        self.delivery_count = self.delivery_count.wrapping_add(left);
    }
}

impl Inbound {
    /// Grants new credit when half of it is used; whether the peer must be told.
    pub fn renew_credit(&mut self) -> bool {
        if self.credit.available > INBOUND_CREDIT / 2 {
            return false;
        }
        self.credit.available = INBOUND_CREDIT;
        true
    }

    /// Takes one transfer frame.
    pub fn receive(&mut self, transfer: &Fields, payload: &[u8], size_max: u64) -> Received {
        // Only the first frame of a delivery must carry these.
        if let Some(id) = transfer.uint(1) {
            self.delivery_id = id;
        }
        if let Some(format) = transfer.uint(3) {
            self.format = format;
        }
        self.settled |= transfer.flag(4);
        if transfer.flag(9) {
            self.partial.clear();
            return Received::Nothing;
        }
        self.partial.put_slice(payload);
        if self.partial.len() as u64 > size_max {
            return Received::TooLarge;
        }
        if transfer.flag(5) {
            return Received::Nothing;
        }
        self.credit.spend();
        Received::Delivery(Delivery {
            id: self.delivery_id,
            format: std::mem::take(&mut self.format),
            settled: std::mem::take(&mut self.settled),
            message: self.partial.split().freeze(),
        })
    }
}

fn require(authorized: bool) -> Result<(), Condition> {
    if authorized {
        return Ok(());
    }
    Err(Condition::new(
        "amqp:unauthorized-access",
        "Unauthorized access. Claims are required to perform this operation.",
    ))
}
