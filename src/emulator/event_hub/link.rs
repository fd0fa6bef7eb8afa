//! The kinds of links a session holds, and who may attach which.

use std::collections::VecDeque;

use bytes::BytesMut;
use serde_amqp::Value;

use super::codec::{Fields, entry, text};
use super::faults::Condition;
use super::filter::start_of_source;
use super::hub::Hub;
use super::message::RuntimeMetric;
use super::receivers::{Claim, Membership, Refusal};
use super::request::Node;

/// Link property of the owner level.
const EPOCH: &str = "com.microsoft:epoch";
/// Link property with the name shown to whoever loses the partition.
const RECEIVER_NAME: &str = "com.microsoft:receiver-name";
/// Capability that asks for the runtime metric.
const RUNTIME_METRIC: &str = "com.microsoft:enable-receiver-runtime-metric";

/// One attached link, seen from the hub.
#[derive(Debug)]
pub(super) enum Link {
    /// Sends events of a partition.
    Consumer(Consumer),
    /// Takes events for a partition, or for the hub.
    Producer(Inbound),
    /// Takes requests.
    Request(Node, Inbound),
    /// Sends answers.
    Reply(Reply),
}

/// A receiver of events.
#[derive(Debug)]
pub(super) struct Consumer {
    pub partition: usize,
    /// Sequence number of the next event to send.
    pub next: i64,
    pub credit: Credit,
    pub runtime_metric: bool,
    pub membership: Membership,
    /// Detach orders of the partition that were given before this link attached.
    pub detaches_seen: u64,
    /// Start of the hub's life this link reads; the link ends with it.
    pub life: i64,
}

impl Consumer {
    /// The metric to send beside events, if it was asked for.
    pub fn metric(&self, hub: &Hub) -> Option<RuntimeMetric> {
        self.runtime_metric
            .then(|| RuntimeMetric::of(&hub.log().partitions[self.partition]))
    }
}

/// Credit a receiver granted.
#[derive(Debug, Default)]
pub(super) struct Credit {
    pub available: u32,
    pub delivery_count: u32,
    pub drain: bool,
}

impl Credit {
    /// Takes over a flow: what the receiver counted may be behind what was sent.
    pub fn update(&mut self, fields: &Fields) {
        let counted = fields.uint(5).unwrap_or(0);
        let granted = fields.uint(6).unwrap_or(0);
        let under_way = self.delivery_count.wrapping_sub(counted);
        self.available = granted.saturating_sub(under_way);
        self.drain = fields.flag(8);
    }

    /// Counts one delivery.
    pub fn spend(&mut self) {
        self.available -= 1;
        self.delivery_count = self.delivery_count.wrapping_add(1);
    }
}

/// A link on which the peer sends.
#[derive(Debug, Default)]
pub(super) struct Inbound {
    pub partition: Option<usize>,
    pub credit: u32,
    pub delivery_count: u32,
    /// Frames of a delivery that is not complete yet.
    pub partial: BytesMut,
    pub delivery_id: u32,
    pub format: u32,
    pub settled: bool,
}

/// A link on which answers go out.
#[derive(Debug)]
pub(super) struct Reply {
    pub node: Node,
    pub address: Option<String>,
    pub credit: Credit,
    pub queue: VecDeque<Vec<u8>>,
}

/// Makes the link for an attach, or says why it is refused.
pub(super) fn open(hub: &Hub, attach: &Fields, authorized: bool) -> Result<Link, Condition> {
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
        return consumer(hub, attach, address).map(Link::Consumer);
    }
    let address = target.text(0).unwrap_or_default();
    if let Some(node) = Node::of(address) {
        return Ok(Link::Request(node, Inbound::default()));
    }
    require(authorized)?;
    let partition = match path(hub, address)?.as_slice() {
        [] => None,
        [word, id] if word.eq_ignore_ascii_case("Partitions") => Some(partition(hub, id)?),
        _ => return Err(not_found(address)),
    };
    Ok(Link::Producer(Inbound {
        partition,
        ..Inbound::default()
    }))
}

fn consumer(hub: &Hub, attach: &Fields, address: &str) -> Result<Consumer, Condition> {
    hub.count(|counters| &counters.attaches);
    let path = path(hub, address)?;
    let [groups, group, partitions, id] = path.as_slice() else {
        return Err(not_found(address));
    };
    let known = group.eq_ignore_ascii_case("$Default")
        || hub.options.consumer_groups.is_empty()
        || hub
            .options
            .consumer_groups
            .iter()
            .any(|name| name.eq_ignore_ascii_case(group));
    if !groups.eq_ignore_ascii_case("ConsumerGroups")
        || !partitions.eq_ignore_ascii_case("Partitions")
        || !known
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
    let (next, life) = {
        let log = hub.log();
        let next = start_of_source(attach.get(5))?.resolve(&log.partitions[partition])?;
        ((next - repeat).max(0), log.created_at.as_millis())
    };
    let properties = attach.get(13);
    let claim = Claim {
        group: group.to_ascii_lowercase(),
        partition,
        epoch: match entry(properties, EPOCH) {
            Some(Value::Long(epoch)) => Some(*epoch),
            _ => None,
        },
        name: entry(properties, RECEIVER_NAME)
            .and_then(text)
            .unwrap_or("nil")
            .to_owned(),
    };
    Ok(Consumer {
        partition,
        next,
        credit: Credit::default(),
        runtime_metric: has_symbol(attach.get(12), RUNTIME_METRIC),
        membership: hub.receivers.attach(claim).map_err(refusal)?,
        detaches_seen,
        life,
    })
}

/// Path below the hub of an address: bare, with a leading slash, or a whole URL.
fn path<'a>(hub: &Hub, address: &'a str) -> Result<Vec<&'a str>, Condition> {
    let path = match address.split_once("://") {
        Some((_, rest)) => rest.split_once('/').map_or("", |(_, path)| path),
        None => address.trim_start_matches('/'),
    };
    let mut words = path.trim_end_matches('/').split('/');
    let name = words.next().unwrap_or_default();
    if !name.eq_ignore_ascii_case(&hub.options.hub) {
        return Err(not_found(address));
    }
    Ok(words.collect())
}

fn partition(hub: &Hub, id: &str) -> Result<usize, Condition> {
    let count = hub.log().partitions.len();
    match id.parse::<usize>() {
        Ok(partition) if partition < count => Ok(partition),
        _ => Err(Condition::new(
            "com.microsoft:argument-out-of-range",
            format!(
                "The specified partition is invalid for an EventHub partition sender or receiver. It should be between 0 and {}.",
                count - 1
            ),
        )),
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

fn not_found(address: &str) -> Condition {
    Condition::new(
        "amqp:not-found",
        format!("The messaging entity '{address}' could not be found."),
    )
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
