//! A producer of the client library, with a thread of its own that hears it.

use std::time::Duration;

use rdkafka::error::{KafkaError, KafkaResult};
use rdkafka::message::OwnedHeaders;
use rdkafka::producer::{BaseRecord, Producer as _, PurgeConfig, ThreadedProducer};
use rdkafka::types::RDKafkaErrorCode;

use super::feedback::Feedback;
use super::message::Message;
use super::settings::Settings;

/// What the brokers say of a topic.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TopicState {
    /// It is there.
    Present {
        /// Its partitions.
        partitions: usize,
        /// Replicas of the partition with the fewest.
        replicas: usize,
    },
    /// It is not there, or not for us.
    Refused(RDKafkaErrorCode),
}

/// How long a question about a topic may take.
const LOOK_UP_PATIENCE: Duration = Duration::from_secs(5);

/// How long a producer of no use may take to say how its messages ended.
const DISMANTLE_PATIENCE: Duration = Duration::from_secs(5);

/// A running producer; clones are the same one. Dropping the last one waits for threads: do that where waiting is fine.
#[derive(Clone)]
pub struct Producer(ThreadedProducer<Feedback>);

impl Producer {
    /// Starts one. Reads certificates, and so waits for disks.
    pub fn start(settings: &Settings, feedback: Feedback) -> KafkaResult<Self> {
        settings.producer_config().create_with_context(feedback).map(Self)
    }

    /// Hands a message over; its end comes as a report with `token`. Never waits.
    pub fn send(
        &self,
        token: usize,
        message: &Message<'_>,
        headers: OwnedHeaders,
    ) -> Result<(), RDKafkaErrorCode> {
        let record: BaseRecord<'_, str, [u8], usize> = BaseRecord {
            topic: message.topic,
            partition: None,
            payload: message.value,
            key: message.key,
            timestamp: Some(message.timestamp_ms),
            headers: Some(headers),
            delivery_opaque: token,
        };
        let sent = self.0.send(record);
        sent.map_err(|(error, _)| error.rdkafka_error_code().unwrap_or(RDKafkaErrorCode::Fail))
    }

    /// What made the producer useless, if it is.
    pub fn fatal_error(&self) -> Option<(RDKafkaErrorCode, String)> {
        self.0.client().fatal_error()
    }

    /// Sends what waits for company, and waits for the reports, at most for `patience`.
    pub fn flush(&self, patience: Duration) {
        // What is not reported in time stays unreported, which is all there is to know.
        let _ = self.0.flush(patience);
    }

    /// Asks the brokers about a topic, so that one that was missing is no longer remembered as such. Waits.
    pub fn look_up(&self, topic: &str) -> Result<(), KafkaError> {
        self.0
            .client()
            .fetch_metadata(Some(topic), LOOK_UP_PATIENCE)
            .map(|_| ())
    }

    /// What the brokers say of a topic, or why they do not. Waits.
    pub fn describe(&self, topic: &str, patience: Duration) -> KafkaResult<TopicState> {
        let metadata = self.0.client().fetch_metadata(Some(topic), patience)?;
        let described = metadata
            .topics()
            .iter()
            .find(|described| described.name() == topic);
        let unknown = TopicState::Refused(RDKafkaErrorCode::UnknownTopicOrPartition);
        Ok(described.map_or(unknown, |described| match described.error() {
            Some(error) => TopicState::Refused(error.into()),
            None => TopicState::Present {
                partitions: described.partitions().len(),
                replicas: described
                    .partitions()
                    .iter()
                    .map(|partition| partition.replicas().len())
                    .min()
                    .unwrap_or(0),
            },
        }))
    }

    /// Ends a producer of no use: every message is reported, those that were not delivered as purged. Waits.
    pub fn dismantle(self) {
        self.0.purge(PurgeConfig::default().queue().inflight());
        self.flush(DISMANTLE_PATIENCE);
    }
}

/// The client library has no form for people to read.
impl std::fmt::Debug for Producer {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("Producer")
    }
}
