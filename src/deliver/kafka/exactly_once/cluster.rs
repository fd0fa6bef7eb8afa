//! The position topic as the partitions of one target share it: made if it is absent, and asked for positions.

use rdkafka::admin::{AdminClient, AdminOptions, NewTopic, ResourceSpecifier, TopicReplication};
use rdkafka::error::KafkaError;
use rdkafka::types::RDKafkaErrorCode as Code;
use tokio::sync::{OnceCell, Semaphore};

use super::clients::{CALL_PATIENCE, Clients};
use super::position::{self, StoredPosition};
use super::reading::{look_for_topic, read};
use crate::deliver::kafka::feedback::Feedback;

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
    clients: Clients,
    /// Whether the topic was found, or made.
    topic: OnceCell<()>,
    readers: Semaphore,
}

impl Cluster {
    /// Nothing is asked yet.
    pub(super) fn new(clients: Clients) -> Self {
        Self {
            clients,
            topic: OnceCell::new(),
            readers: Semaphore::new(MAX_READERS),
        }
    }

    /// The position stored for `key`. Whoever wrote for it must have been fenced before: then every position of it is
    /// below the end of the log at the time of this call.
    pub(super) async fn position(&self, key: &str) -> Result<Option<StoredPosition>, Error> {
        self.topic.get_or_try_init(|| self.ensure_topic()).await?;
        let _permit = self.readers.acquire().await.map_err(|_| Error::Ending)?;
        let (key, clients) = (key.to_owned(), self.clients.clone());
        let read = tokio::task::spawn_blocking(move || read(&clients, &key));
        read.await.expect("reading does not panic and is not cancelled")
    }

    async fn ensure_topic(&self) -> Result<(), Error> {
        let clients = self.clients.clone();
        // A client of the library waits for its threads when it is dropped.
        let ensured = tokio::task::spawn_blocking(move || {
            let runtime = clients.runtime.clone();
            match clients.settings.token {
                None => runtime.block_on(ensure_topic(&clients)),
                Some(_) => require_topic(&clients),
            }
        });
        ensured.await.expect("asking does not panic and is not cancelled")
    }
}

/// Makes the topic, or looks whether the one there keeps positions.
async fn ensure_topic(clients: &Clients) -> Result<(), Error> {
    let topic = &*clients.topic;
    let failed = |source| clients.error("ask for", source);
    let admin = clients.admin().map_err(failed)?;
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
        None => check_policy(&admin, topic).await,
        Some(Code::UnknownTopicOrPartition) => make(&admin, clients).await,
        Some(code) => Err(failed(KafkaError::MetadataFetch(code))),
    }
}

/// The library's client that makes and describes topics has no ear for the wish for a token: with one, the topic has to be
/// there.
fn require_topic(clients: &Clients) -> Result<(), Error> {
    match look_for_topic(clients)? {
        None => {
            warn_of_policy(&clients.topic);
            Ok(())
        }
        Some(code @ Code::UnknownTopicOrPartition) => Err(Error::CannotMake {
            topic: clients.topic.clone(),
            code,
        }),
        Some(code) => Err(clients.error("ask for", KafkaError::MetadataFetch(code))),
    }
}

/// Who may not look may still write: whether positions are kept there is then the operator's word.
fn warn_of_policy(topic: &str) {
    tracing::warn!(topic, "it is not known whether the position topic is compacted");
}

fn options() -> AdminOptions {
    AdminOptions::new()
        .request_timeout(Some(CALL_PATIENCE))
        .operation_timeout(Some(CALL_PATIENCE))
}

async fn make(admin: &AdminClient<Feedback>, clients: &Clients) -> Result<(), Error> {
    let topic = &*clients.topic;
    // The brokers' own number of replicas, so that a cluster of any size takes it.
    let mut new = NewTopic::new(topic, 1, TopicReplication::Fixed(-1));
    for (name, value) in TOPIC_OPTIONS {
        new = new.set(name, value);
    }
    let made = admin.create_topics([&new], &options()).await;
    match made.map_err(|source| clients.error("make", source))?.pop() {
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

async fn check_policy(admin: &AdminClient<Feedback>, topic: &str) -> Result<(), Error> {
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
        None => {
            warn_of_policy(topic);
            Ok(())
        }
    }
}
