//! A position as it stands in the cluster.

use serde::{Deserialize, Serialize};

use crate::acknowledge::Mark;
use crate::event::{Hub, Offset, PartitionId, SequenceNumber, Timestamp};

/// The form of the value that this program writes.
const VERSION: u32 = 1;

/// What a partition's last committed transaction brought: every event up to here.
///
/// Shape: the value of a message in the position topic, as JSON. Its key is [`key`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StoredPosition {
    version: u32,
    /// Number of the last event.
    pub sequence_number: SequenceNumber,
    /// Its offset, kept as received.
    pub offset: Offset,
    /// When the hub took it in.
    pub enqueued_time: Timestamp,
    /// When the hub was made that it came from.
    pub hub_created_at: Timestamp,
}

/// A value in the position topic is not of this program, or of another version.
#[derive(Debug, thiserror::Error)]
#[error("the position of `{key}` in topic `{topic}` cannot be read: {problem}")]
pub struct Error {
    /// Key of the message.
    pub key: String,
    /// The topic.
    pub topic: String,
    /// What is wrong with it.
    pub problem: String,
}

impl StoredPosition {
    /// The position of a mark of the hub made at `hub_created_at`.
    pub fn of(mark: &Mark, hub_created_at: Timestamp) -> Self {
        Self {
            version: VERSION,
            sequence_number: mark.sequence_number,
            offset: mark.offset.clone(),
            enqueued_time: mark.enqueued_time,
            hub_created_at,
        }
    }

    /// The value of its message.
    pub fn to_json(&self) -> String {
        serde_json::to_string(self).expect("a struct of texts and numbers is JSON")
    }

    /// Reads the value of a message.
    pub fn parse(value: &[u8], key: &str, topic: &str) -> Result<Self, Error> {
        let error = |problem: String| Error {
            key: key.to_owned(),
            topic: topic.to_owned(),
            problem,
        };
        let position: Self = serde_json::from_slice(value).map_err(|problem| error(problem.to_string()))?;
        match position.version {
            VERSION => Ok(position),
            found => Err(error(format!(
                "it has version {found}, and this program knows {VERSION}"
            ))),
        }
    }
}

/// Whose position it is: `namespace/hub/consumer group/partition`. Without the name of the target, so that it may be
/// renamed; no two targets share a consumer group.
pub fn key(hub: &Hub, consumer_group: &str, partition: &PartitionId) -> String {
    format!("{}/{}/{consumer_group}/{partition}", hub.namespace, hub.name)
}

/// The `transactional.id` of a partition's producer. One at a time can write by it: the newest.
pub fn transactional_id(hub: &Hub, consumer_group: &str, partition: &PartitionId) -> String {
    format!("hub2siem/{}", key(hub, consumer_group, partition))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_position_survives_its_form() {
        let mark = Mark {
            sequence_number: SequenceNumber(17),
            offset: Offset::new("3:4096"),
            enqueued_time: Timestamp::from_millis(1_722_944_025_678),
        };
        let position = StoredPosition::of(&mark, Timestamp::from_millis(1_700_000_000_000));
        let json = position.to_json();
        assert_eq!(
            json,
            r#"{"version":1,"sequence_number":17,"offset":"3:4096","enqueued_time":"2024-08-06T11:33:45.678Z","hub_created_at":"2023-11-14T22:13:20.000Z"}"#
        );
        let parsed = StoredPosition::parse(json.as_bytes(), "k", "t").expect("it is one");
        assert_eq!(parsed, position);
        let newer = json.replace("\"version\":1", "\"version\":2");
        let error = StoredPosition::parse(newer.as_bytes(), "k", "t").expect_err("of another version");
        assert!(error.to_string().contains("version 2"), "{error}");
        assert!(StoredPosition::parse(b"7", "k", "t").is_err());
    }

    #[test]
    fn a_key_names_one_partition_of_one_group() {
        let hub = Hub {
            namespace: "contoso.servicebus.windows.net".into(),
            name: "defender".into(),
        };
        let id = transactional_id(&hub, "soc", &PartitionId::new("3"));
        assert_eq!(id, "hub2siem/contoso.servicebus.windows.net/defender/soc/3");
    }
}
