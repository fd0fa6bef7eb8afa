//! The position topic: made if it is absent, and asked for the position of a partition.

use std::time::{Duration, Instant};

use rdkafka::admin::{AdminClient, AdminOptions, NewTopic, ResourceSpecifier, TopicReplication};
use rdkafka::client::DefaultClientContext;
use rdkafka::consumer::{BaseConsumer, Consumer, DefaultConsumerContext};
use rdkafka::error::KafkaError;
use rdkafka::message::Message as _;
use rdkafka::topic_partition_list::{Offset, TopicPartitionList};
use rdkafka::types::RDKafkaErrorCode as Code;
use tokio::runtime::Handle;
use tokio::sync::{OnceCell, Semaphore};
use tokio_util::sync::CancellationToken;

use super::config::consumer_config;
use super::position::{self, StoredPosition};
use super::producer::code_of;
use crate::deliver::kafka::Settings;

/// One question to the cluster; between two it is looked whether the bridge is ending.
const CALL_PATIENCE: Duration = Duration::from_secs(5);

/// How long what passes by itself is not said.
const PASSING_PATIENCE: Duration = Duration::from_secs(10);

/// How often the end of the last transactions is looked for.
const LOOK_INTERVAL: Duration = Duration::from_millis(100);

/// Partitions whose positions are read at once: each takes two clients of the library for a moment.
const MAX_READERS: usize = 2;

/// What the position topic is made with: only the last position of a key is wanted, and little of what was before is read
/// at a start.
const TOPIC_OPTIONS: [(&str, &str); 4] = [
    ("cleanup.policy", "compact"),
    ("segment.bytes", "16777216"),
    ("segment.ms", "3600000"),
    ("min.cleanable.dirty.ratio", "0.1"),
];

/// The position of a partition cannot be had.
#[derive(Debug, thiserror::Error)]
pub(super) enum Error {
    /// The cluster does not answer, or refuses.
    #[error("failed to {operation} topic `{topic}`")]
    Client {
        /// What was tried.
        operation: &'static str,
        /// The topic.
        topic: String,
        /// Why.
        source: KafkaError,
    },
    /// The topic is absent and cannot be made by us.
    #[error(
        "topic `{topic}` does not exist and cannot be made ({code}); make it with one partition and \
         `cleanup.policy=compact`, and allow this client to read and write it"
    )]
    CannotMake {
        /// The topic.
        topic: String,
        /// What the brokers said.
        code: Code,
    },
    /// Its retention would remove positions.
    #[error("topic `{topic}` has `cleanup.policy={policy}`, which removes positions; set it to `compact`")]
    NotCompacted {
        /// The topic.
        topic: String,
        /// Its policy.
        policy: String,
    },
    /// What stands there is no position.
    #[error(transparent)]
    Position(#[from] position::Error),
    /// The bridge is ending.
    #[error("the bridge is ending")]
    Ending,
}

/// The cluster as the partitions of one target share it.
pub(super) struct Cluster {
    settings: Settings,
    /// Its name.
    position_topic: String,
    /// Whether the topic was found, or made.
    topic: OnceCell<()>,
    readers: Semaphore,
    ending: CancellationToken,
}

impl Cluster {
    /// Nothing is asked yet.
    pub(super) fn new(settings: Settings, position_topic: String, ending: CancellationToken) -> Self {
        Self {
            settings,
            position_topic,
            topic: OnceCell::new(),
            readers: Semaphore::new(MAX_READERS),
            ending,
        }
    }

    /// The position stored for `key`. Whoever wrote for it must have been fenced before: then every position of it is
    /// below the end of the log at the time of this call.
    pub(super) async fn position(&self, key: &str) -> Result<Option<StoredPosition>, Error> {
        self.topic.get_or_try_init(|| self.ensure_topic()).await?;
        let _permit = self.readers.acquire().await.map_err(|_| Error::Ending)?;
        let (settings, topic) = (self.settings.clone(), self.position_topic.clone());
        let (key, ending) = (key.to_owned(), self.ending.clone());
        let read = tokio::task::spawn_blocking(move || read(&settings, &topic, &key, &ending));
        read.await.expect("reading does not panic and is not cancelled")
    }

    async fn ensure_topic(&self) -> Result<(), Error> {
        let (settings, topic) = (self.settings.clone(), self.position_topic.clone());
        let runtime = Handle::current();
        // A client of the library waits for its threads when it is dropped.
        let ensured = tokio::task::spawn_blocking(move || runtime.block_on(ensure_topic(&settings, &topic)));
        ensured.await.expect("asking does not panic and is not cancelled")
    }
}

/// Makes the topic, or looks whether the one there keeps positions.
async fn ensure_topic(settings: &Settings, topic: &str) -> Result<(), Error> {
    let failed = |source| Error::Client {
        operation: "ask for",
        topic: topic.to_owned(),
        source,
    };
    let admin: AdminClient<DefaultClientContext> = settings.client_config().create().map_err(failed)?;
    let metadata = admin
        .inner()
        .fetch_metadata(Some(topic), CALL_PATIENCE)
        .map_err(failed)?;
    let found = metadata.topics().iter().find(|found| found.name() == topic);
    let error = match found {
        Some(found) => found.error().map(Code::from),
        None => Some(Code::UnknownTopicOrPartition),
    };
    match error {
        None => is_compacted(&admin, topic).await,
        Some(Code::UnknownTopicOrPartition) => make(&admin, topic).await,
        Some(code) => Err(failed(KafkaError::MetadataFetch(code))),
    }
}

fn options() -> AdminOptions {
    AdminOptions::new()
        .request_timeout(Some(CALL_PATIENCE))
        .operation_timeout(Some(CALL_PATIENCE))
}

async fn make(admin: &AdminClient<DefaultClientContext>, topic: &str) -> Result<(), Error> {
    // The brokers' own number of replicas, so that a cluster of any size takes it.
    let mut new = NewTopic::new(topic, 1, TopicReplication::Fixed(-1));
    for (name, value) in TOPIC_OPTIONS {
        new = new.set(name, value);
    }
    let made = admin.create_topics([&new], &options()).await;
    let made = made.map_err(|source| Error::Client {
        operation: "make",
        topic: topic.to_owned(),
        source,
    });
    match made?.pop() {
        Some(Err((_, code))) if code != Code::TopicAlreadyExists => {
            let topic = topic.to_owned();
            Err(Error::CannotMake { topic, code })
        }
        _ => {
            tracing::info!(topic, "position topic made");
            Ok(())
        }
    }
}

async fn is_compacted(admin: &AdminClient<DefaultClientContext>, topic: &str) -> Result<(), Error> {
    let described = ResourceSpecifier::Topic(topic);
    let described = admin.describe_configs([&described], &options()).await;
    let described = described.ok().and_then(|mut described| described.pop()?.ok());
    let policy = described.and_then(|found| found.get("cleanup.policy")?.value.clone());
    match policy {
        Some(policy) if policy.split(',').any(|policy| policy.trim() == "delete") => {
            let topic = topic.to_owned();
            Err(Error::NotCompacted { topic, policy })
        }
        Some(_) => Ok(()),
        // Who may not look may still write: whether positions are kept there is then the operator's word.
        None => {
            tracing::warn!(topic, "it is not known whether the position topic is compacted");
            Ok(())
        }
    }
}

/// First the end of everything that was written, then what of it is committed: another partition's open transaction would
/// hide newer positions from a reader that stops at the last stable offset.
fn read(
    settings: &Settings,
    topic: &str,
    key: &str,
    ending: &CancellationToken,
) -> Result<Option<StoredPosition>, Error> {
    let failed = |source| Error::Client {
        operation: "read",
        topic: topic.to_owned(),
        source,
    };
    let all: BaseConsumer = consumer_config(settings, "read_uncommitted")
        .create()
        .map_err(failed)?;
    let (_, end) = watermarks(&all, topic, ending)?;
    drop(all);
    let committed: BaseConsumer = consumer_config(settings, "read_committed")
        .create()
        .map_err(failed)?;
    let start = loop {
        let (start, stable_end) = watermarks(&committed, topic, ending)?;
        if stable_end >= end {
            break start;
        }
        tracing::debug!(
            topic,
            stable_end,
            end,
            "waiting for the end of transactions in the position topic"
        );
        std::thread::sleep(LOOK_INTERVAL);
    };
    let mut assignment = TopicPartitionList::new();
    assignment
        .add_partition_offset(topic, 0, Offset::Offset(start))
        .and_then(|()| committed.assign(&assignment))
        .map_err(failed)?;
    let mut last = None;
    loop {
        if ending.is_cancelled() {
            return Err(Error::Ending);
        }
        match committed.poll(CALL_PATIENCE) {
            Some(Ok(message)) if message.key() == Some(key.as_bytes()) => {
                last = message
                    .payload()
                    .map(|value| StoredPosition::parse(value, key, topic))
                    .transpose()?;
            }
            Some(Ok(_)) | None => {}
            // The last stable offset never moves back, so this is behind the end that was taken first.
            Some(Err(KafkaError::PartitionEOF(_))) => return Ok(last),
            Some(Err(error)) => match code_of(&error) {
                Code::TopicAuthorizationFailed | Code::UnknownTopicOrPartition | Code::UnknownPartition => {
                    return Err(failed(error));
                }
                // The library heals by itself.
                _ => tracing::debug!(topic, %error, "the position topic cannot be read now"),
            },
        }
    }
}

/// First and last offset, the last as the consumer's isolation has it.
fn watermarks(
    consumer: &BaseConsumer<DefaultConsumerContext>,
    topic: &str,
    ending: &CancellationToken,
) -> Result<(i64, i64), Error> {
    let until = Instant::now() + PASSING_PATIENCE;
    loop {
        if ending.is_cancelled() {
            return Err(Error::Ending);
        }
        match consumer.fetch_watermarks(topic, 0, CALL_PATIENCE) {
            Ok(watermarks) => return Ok(watermarks),
            // A topic that was just made is not known everywhere, or has no leader, for a moment.
            Err(error) if is_passing(code_of(&error)) && Instant::now() < until => {
                tracing::debug!(topic, %error, "the position topic cannot be asked for its end now");
                std::thread::sleep(LOOK_INTERVAL);
            }
            Err(source) => {
                return Err(Error::Client {
                    operation: "ask for the end of",
                    topic: topic.to_owned(),
                    source,
                });
            }
        }
    }
}

fn is_passing(code: Code) -> bool {
    matches!(
        code,
        Code::LeaderNotAvailable
            | Code::NotLeaderForPartition
            | Code::UnknownPartition
            | Code::UnknownTopicOrPartition
            | Code::OperationTimedOut
            | Code::RequestTimedOut
            | Code::BrokerTransportFailure
            | Code::AllBrokersDown
    )
}
