//! The nodes that answer requests: `$cbs` takes tokens, `$management` describes the hub and its partitions.

use bytes::Bytes;
use serde_amqp::Value;
use serde_amqp::primitives::{Array, Timestamp as AmqpTimestamp};

use crate::event::Timestamp;

use super::authorization::Authorization;
use super::codec::{Error, Fields, entry, string, strings, text};
use super::hub::Hub;
use super::log::offset;
use super::message::{answer, section, sections};
use super::token;

/// A node that answers requests.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Node {
    Cbs,
    Management,
}

impl Node {
    /// The node an address names, if it is one.
    pub fn of(address: &str) -> Option<Self> {
        match address.rsplit('/').next() {
            Some("$cbs") => Some(Node::Cbs),
            Some("$management") => Some(Node::Management),
            _ => None,
        }
    }
}

/// An encoded answer and what it means for the connection.
pub(super) struct Answer {
    pub message: Vec<u8>,
    /// Address of the link the answer goes to, if the request names one.
    pub reply_to: Option<String>,
    /// Until when the connection may read by this request.
    pub authorized: Option<Authorization>,
}

struct Request {
    message_id: Value,
    reply_to: Option<String>,
    properties: Value,
    body: Value,
}

/// Answers one request; `authorized` is whether the connection has a right at this moment.
pub(super) fn handle(hub: &Hub, node: Node, message: &Bytes, authorized: bool) -> Result<Answer, Error> {
    let request = read(message)?;
    let mut granted = None;
    let (status, description, body) = match node {
        Node::Cbs => match put_token(hub, &request) {
            Ok(authorization) => {
                granted = Some(authorization);
                (202, "Accepted", Value::Null)
            }
            Err((status, description)) => (status, description, Value::Null),
        },
        Node::Management if !authorized => (401, "Unauthorized access.", Value::Null),
        Node::Management => management(hub, &request),
    };
    let properties = strings(vec![
        ("status-code", Value::Int(status)),
        ("status-description", string(description)),
    ]);
    Ok(Answer {
        message: answer(request.message_id, properties, body)?,
        reply_to: request.reply_to,
        authorized: granted,
    })
}

fn read(message: &Bytes) -> Result<Request, Error> {
    let mut request = Request {
        message_id: Value::Null,
        reply_to: None,
        properties: Value::Null,
        body: Value::Null,
    };
    for part in sections(message)? {
        match part.code {
            section::PROPERTIES => {
                let Value::List(list) = part.value()? else {
                    continue;
                };
                let fields = Fields(list);
                request.message_id = fields.get(0).clone();
                request.reply_to = fields.text(4).map(str::to_owned);
            }
            section::APPLICATION_PROPERTIES => request.properties = part.value()?,
            section::VALUE => request.body = part.value()?,
            _ => {}
        }
    }
    Ok(request)
}

fn put_token(hub: &Hub, request: &Request) -> Result<Authorization, (i32, &'static str)> {
    hub.count(|counters| &counters.tokens);
    let property = |name| entry(&request.properties, name).and_then(text);
    if property("operation") != Some("put-token") {
        return Err((400, "The operation is not supported."));
    }
    let invalid = (401, "InvalidSignature: The token has an invalid signature.");
    let presented = text(&request.body).ok_or(invalid)?;
    if hub.faults.state().reject_tokens {
        return Err(invalid);
    }
    let (key, authority) = (hub.key(), &hub.options.authority);
    if key.is_none() && authority.is_none() {
        return Ok(Authorization::Always);
    }
    let now = Timestamp::now();
    let end = match property("type") {
        Some(token::SIGNATURE) => key
            .as_ref()
            .and_then(|key| token::signature_end(presented, key, now)),
        Some(token::JWT) => authority
            .as_ref()
            .and_then(|authority| token::jwt_end(presented, authority, now)),
        _ => return Err((400, "The type of the token is not supported.")),
    };
    end.map(Authorization::Until).ok_or(invalid)
}

fn management(hub: &Hub, request: &Request) -> (i32, &'static str, Value) {
    hub.count(|counters| &counters.management_requests);
    let property = |name| entry(&request.properties, name).and_then(text);
    if let Some(status) = hub.faults.state().management_status {
        return (
            i32::from(status),
            "The server was unable to process the request.",
            Value::Null,
        );
    }
    if property("operation") != Some("READ") {
        return (400, "The operation is not supported.", Value::Null);
    }
    if !property("name").is_some_and(|name| name.eq_ignore_ascii_case(&hub.options.hub)) {
        return (404, "The messaging entity could not be found.", Value::Null);
    }
    match property("type") {
        Some("com.microsoft:eventhub") => (200, "OK", describe_hub(hub)),
        Some("com.microsoft:partition") => match property("partition").and_then(|id| partition(hub, id)) {
            Some(body) => (200, "OK", body),
            None => (404, "The messaging entity could not be found.", Value::Null),
        },
        _ => (400, "The type is not supported.", Value::Null),
    }
}

fn describe_hub(hub: &Hub) -> Value {
    let log = hub.log();
    let count = i32::try_from(log.partitions.len()).unwrap_or(i32::MAX);
    let ids: Vec<Value> = (0..count).map(|id| string(id.to_string())).collect();
    strings(vec![
        ("name", string(hub.options.hub.as_str())),
        ("type", string("com.microsoft:eventhub")),
        ("created_at", timestamp(log.created_at)),
        ("partition_count", Value::Int(count)),
        ("partition_ids", Value::Array(Array(ids))),
    ])
}

fn partition(hub: &Hub, id: &str) -> Option<Value> {
    let log = hub.log();
    let partition = log.partitions.get(id.parse::<usize>().ok()?)?;
    let last = partition.last();
    let last_offset = if last < 0 { -1 } else { offset(last) };
    // The service gives the year 1 for a partition that never had an event; any early moment serves.
    let last_enqueued = partition.last_enqueued().unwrap_or(Timestamp::from_millis(0));
    Some(strings(vec![
        ("name", string(hub.options.hub.as_str())),
        ("type", string("com.microsoft:partition")),
        ("partition", string(id)),
        ("begin_sequence_number", Value::Long(partition.begin())),
        ("last_enqueued_sequence_number", Value::Long(last)),
        ("last_enqueued_offset", string(last_offset.to_string())),
        ("last_enqueued_time_utc", timestamp(last_enqueued)),
        ("is_partition_empty", Value::Bool(partition.is_empty())),
    ]))
}

fn timestamp(time: Timestamp) -> Value {
    Value::Timestamp(AmqpTimestamp::from(time.as_millis()))
}
