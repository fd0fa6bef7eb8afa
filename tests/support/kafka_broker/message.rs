//! What stands in a topic, as a consumer sees it.

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

use rdkafka::ClientConfig;
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::error::KafkaError;
use rdkafka::message::{BorrowedMessage, Headers, Message as _};
use rdkafka::topic_partition_list::{Offset, TopicPartitionList};

/// Longest wait for the end of a topic; a test that gets here has failed.
const PATIENCE: Duration = Duration::from_secs(120);

/// Which messages a consumer sees.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Isolation {
    /// Those of committed transactions and those of none.
    Committed,
    /// All, those of aborted and open transactions too.
    Uncommitted,
}

impl Isolation {
    fn as_str(self) -> &'static str {
        match self {
            Self::Committed => "read_committed",
            Self::Uncommitted => "read_uncommitted",
        }
    }
}

/// One message of a topic.
#[derive(Debug, Clone, PartialEq)]
pub struct Message {
    /// Its partition.
    pub partition: i32,
    /// Its place there.
    pub offset: i64,
    /// Its key, if it has one.
    pub key: Option<String>,
    /// Its value; `None` for a tombstone.
    pub value: Option<String>,
    /// Its headers as text.
    pub headers: BTreeMap<String, String>,
    /// Its time in milliseconds.
    pub timestamp: Option<i64>,
}

impl Message {
    fn read(message: &BorrowedMessage<'_>) -> Self {
        let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).expect("tests send text");
        let headers = message.headers().into_iter().flat_map(Headers::iter);
        Self {
            partition: message.partition(),
            offset: message.offset(),
            key: message.key().map(text),
            value: message.payload().map(text),
            headers: headers
                .map(|header| (header.key.to_owned(), header.value.map_or_else(String::new, text)))
                .collect(),
            timestamp: message.timestamp().to_millis(),
        }
    }

    /// A header that must be there.
    pub fn header(&self, name: &str) -> &str {
        self.headers
            .get(name)
            .unwrap_or_else(|| panic!("a header {name} in {self:?}"))
    }
}

/// All messages of a topic from its start to its present end, partition by partition in their order. The end is that of
/// the last transaction which has ended, for [`Isolation::Committed`].
pub fn read(client: &ClientConfig, topic: &str, isolation: Isolation) -> Vec<Message> {
    let consumer: BaseConsumer = client
        .clone()
        .set("group.id", "test")
        .set("enable.auto.commit", "false")
        .set("enable.partition.eof", "true")
        .set("isolation.level", isolation.as_str())
        .create()
        .expect("the settings are valid");
    let metadata = consumer
        .fetch_metadata(Some(topic), PATIENCE)
        .expect("the broker answers");
    let mut open: BTreeSet<i32> = metadata.topics()[0]
        .partitions()
        .iter()
        .map(|partition| partition.id())
        .collect();
    assert!(!open.is_empty(), "there is no topic {topic}");
    let mut assignment = TopicPartitionList::new();
    for partition in &open {
        assignment
            .add_partition_offset(topic, *partition, Offset::Beginning)
            .expect("it is an offset");
    }
    consumer.assign(&assignment).expect("it can be assigned");

    let mut messages = Vec::new();
    let until = Instant::now() + PATIENCE;
    while !open.is_empty() {
        assert!(
            Instant::now() < until,
            "the end of {topic} does not come: {open:?}"
        );
        match consumer.poll(Duration::from_secs(1)) {
            None => {}
            Some(Ok(message)) => messages.push(Message::read(&message)),
            Some(Err(KafkaError::PartitionEOF(partition))) => {
                open.remove(&partition);
            }
            // The broker may just be coming back; the client heals by itself.
            Some(Err(_)) => {}
        }
    }
    messages.sort_by_key(|message| (message.partition, message.offset));
    messages
}
