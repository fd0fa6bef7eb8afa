//! What `$management` tells of a hub and its partitions.

use fe2o3_amqp_types::messaging::ApplicationProperties;
use fe2o3_amqp_types::primitives::Value;

use super::end_reason::{End, EndReason};
use super::message::timestamp;
use super::settings::Position;
use crate::event::{LastEnqueued, Offset, PartitionId, SequenceNumber, Timestamp};

/// Node that answers.
pub(super) const NODE: &str = "$management";

/// A hub as the service describes it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HubProperties {
    /// When it was made; another moment means another hub of the same name.
    pub created_at: Timestamp,
    /// Its partitions, in numeric order.
    pub partitions: Vec<PartitionId>,
}

/// A partition as the service describes it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PartitionProperties {
    /// Number of the oldest event kept; known to lag behind.
    pub begin_sequence_number: SequenceNumber,
    /// Number of the newest event; -1 if there never was one.
    pub last_sequence_number: SequenceNumber,
    /// Offset of the newest event.
    pub last_offset: Offset,
    /// When the newest event was taken in.
    pub last_enqueued_time: Timestamp,
    /// Whether no event is kept.
    pub is_empty: bool,
}

impl PartitionProperties {
    /// The position that `latest` means at this moment: after the newest event.
    pub fn latest(&self, hub_created_at: Timestamp) -> Position {
        Position {
            sequence_number: self.last_sequence_number,
            offset: Some(self.last_offset.clone()),
            enqueued_time: Some(self.last_enqueued_time),
            hub_created_at: Some(hub_created_at),
        }
    }

    /// The newest event, in the form deliveries carry it.
    pub fn last_enqueued(&self) -> LastEnqueued {
        LastEnqueued {
            sequence_number: self.last_sequence_number,
            enqueued_time: self.last_enqueued_time,
        }
    }
}

pub(super) fn request(hub: &str, partition: Option<&PartitionId>, token: &str) -> ApplicationProperties {
    let entity = match partition {
        Some(_) => "com.microsoft:partition",
        None => "com.microsoft:eventhub",
    };
    let builder = ApplicationProperties::builder()
        .insert("operation", "READ")
        .insert("type", entity)
        .insert("name", hub)
        .insert("security_token", token);
    match partition {
        Some(partition) => builder.insert("partition", partition.as_str()).build(),
        None => builder.build(),
    }
}

pub(super) fn read_hub(answer: &Value) -> Result<HubProperties, End> {
    let created_at = timestamp(get(answer, "created_at")).ok_or_else(|| incomplete("created_at"))?;
    let names = match get(answer, "partition_ids") {
        Some(Value::Array(names)) => &names.0,
        Some(Value::List(names)) => names,
        _ => return Err(incomplete("partition_ids")),
    };
    let mut partitions: Vec<_> = names.iter().filter_map(text).map(PartitionId::new).collect();
    if partitions.is_empty() {
        return Err(incomplete("partition_ids"));
    }
    partitions.sort();
    Ok(HubProperties {
        created_at,
        partitions,
    })
}

pub(super) fn read_partition(answer: &Value) -> Result<PartitionProperties, End> {
    let number = |name| match get(answer, name) {
        Some(Value::Long(number)) => Ok(SequenceNumber(*number)),
        _ => Err(incomplete(name)),
    };
    let last_offset = get(answer, "last_enqueued_offset")
        .and_then(text)
        .ok_or_else(|| incomplete("last_enqueued_offset"))?;
    Ok(PartitionProperties {
        begin_sequence_number: number("begin_sequence_number")?,
        last_sequence_number: number("last_enqueued_sequence_number")?,
        last_offset: Offset::new(last_offset),
        last_enqueued_time: timestamp(get(answer, "last_enqueued_time_utc"))
            .ok_or_else(|| incomplete("last_enqueued_time_utc"))?,
        is_empty: matches!(get(answer, "is_partition_empty"), Some(Value::Bool(true))),
    })
}

fn get<'a>(answer: &'a Value, name: &str) -> Option<&'a Value> {
    let Value::Map(entries) = answer else { return None };
    entries
        .iter()
        .find(|(key, _)| text(key) == Some(name))
        .map(|(_, value)| value)
}

fn text(value: &Value) -> Option<&str> {
    match value {
        Value::String(text) => Some(text),
        Value::Symbol(symbol) => Some(symbol.as_str()),
        _ => None,
    }
}

fn incomplete(name: &str) -> End {
    End::new(
        EndReason::Refused,
        format!("the answer of `{NODE}` has no usable `{name}`"),
    )
}

#[cfg(test)]
mod tests {
    use fe2o3_amqp_types::primitives::{Array, OrderedMap, Timestamp as AmqpTimestamp};

    use super::*;

    fn map(entries: &[(&str, Value)]) -> Value {
        let mut map = OrderedMap::new();
        for (key, value) in entries {
            map.insert(Value::String((*key).into()), value.clone());
        }
        Value::Map(map)
    }

    #[test]
    fn reads_a_hub() {
        let names = ["10", "2", "0"].map(|name| Value::String(name.into())).to_vec();
        let answer = map(&[
            ("created_at", Value::Timestamp(AmqpTimestamp::from(5))),
            ("partition_ids", Value::Array(Array::from(names))),
        ]);
        let hub = read_hub(&answer).expect("it is complete");
        assert_eq!(hub.created_at, Timestamp::from_millis(5));
        assert_eq!(hub.partitions, ["0", "2", "10"].map(PartitionId::new));
        assert_eq!(
            read_hub(&map(&[])).expect_err("it is empty").detail,
            "the answer of `$management` has no usable `created_at`"
        );
    }

    #[test]
    fn latest_of_an_empty_partition_stands_before_its_first_event() {
        let answer = map(&[
            ("begin_sequence_number", Value::Long(0)),
            ("last_enqueued_sequence_number", Value::Long(-1)),
            ("last_enqueued_offset", Value::String("-1".into())),
            ("last_enqueued_time_utc", Value::Timestamp(AmqpTimestamp::from(0))),
            ("is_partition_empty", Value::Bool(true)),
        ]);
        let partition = read_partition(&answer).expect("it is complete");
        assert!(partition.is_empty);
        assert_eq!(
            partition.latest(Timestamp::from_millis(5)).sequence_number,
            SequenceNumber(-1)
        );
    }
}
