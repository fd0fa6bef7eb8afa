//! The last committed position of a partition.

use std::time::{Duration, Instant};

use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::error::KafkaError;
use rdkafka::message::Message as _;
use rdkafka::topic_partition_list::{Offset, TopicPartitionList};
use rdkafka::types::RDKafkaErrorCode as Code;

use super::clients::{CALL_PATIENCE, Clients};
use super::cluster::Error;
use super::position::StoredPosition;
use super::producer::code_of;
use crate::deliver::kafka::feedback::Feedback;

/// How long what passes by itself is not said.
const PASSING_PATIENCE: Duration = Duration::from_secs(10);

/// One question of a reader that may have no token yet.
const TOKEN_PATIENCE: Duration = Duration::from_secs(1);

/// How often the end of open transactions is looked for.
const LOOK_INTERVAL: Duration = Duration::from_millis(100);

/// First the end of everything that was written, then what of it is committed: another partition's open transaction would
/// hide newer positions from a reader that stops at the last stable offset. Waits for the end of such transactions.
pub(super) fn read(clients: &Clients, key: &str) -> Result<Option<StoredPosition>, Error> {
    let failed = |source| clients.error("read", source);
    let all = clients.consumer("read_uncommitted").map_err(failed)?;
    let (_, end) = watermarks(&all, clients)?;
    drop(all);
    let committed = clients.consumer("read_committed").map_err(failed)?;
    let start = loop {
        let (start, stable_end) = watermarks(&committed, clients)?;
        if stable_end >= end {
            break start;
        }
        tracing::debug!(
            topic = &*clients.topic,
            stable_end,
            end,
            "waiting for the end of transactions in the position topic"
        );
        std::thread::sleep(LOOK_INTERVAL);
    };
    let mut assignment = TopicPartitionList::new();
    assignment
        .add_partition_offset(&clients.topic, 0, Offset::Offset(start))
        .and_then(|()| committed.assign(&assignment))
        .map_err(failed)?;
    last(&committed, clients, key, end)
}

/// The last value of `key` below `end`, which is no further than the last stable offset. While other partitions write their
/// positions the topic may never be read to its own end, so what stands behind `end` ends this too.
fn last(
    consumer: &BaseConsumer<Feedback>,
    clients: &Clients,
    key: &str,
    end: i64,
) -> Result<Option<StoredPosition>, Error> {
    let topic = &*clients.topic;
    let mut last = None;
    while !clients.ending.is_cancelled() {
        let polled = consumer.poll(CALL_PATIENCE).transpose();
        match polled {
            Ok(Some(message)) if message.offset() >= end => return Ok(last.transpose()?),
            Ok(Some(message)) if message.key() == Some(key.as_bytes()) => {
                let value = message.payload();
                last = value.map(|value| StoredPosition::parse(value, key, topic));
            }
            Ok(_) => {}
            Err(KafkaError::PartitionEOF(_)) => return Ok(last.transpose()?),
            Err(error) => match code_of(&error) {
                Code::TopicAuthorizationFailed | Code::UnknownTopicOrPartition | Code::UnknownPartition => {
                    return Err(clients.error("read", error));
                }
                // The library heals by itself.
                _ => tracing::debug!(topic, %error, "the position topic cannot be read now"),
            },
        }
    }
    Err(Error::Ending)
}

/// What the brokers say against the topic, if anything; asked by a reader.
pub(super) fn look_for_topic(clients: &Clients) -> Result<Option<Code>, Error> {
    let topic = &*clients.topic;
    let failed = |source| clients.error("ask for", source);
    let reader = clients.consumer("read_uncommitted").map_err(failed)?;
    let until = Instant::now() + PASSING_PATIENCE;
    while !clients.ending.is_cancelled() {
        // A token is only fetched by who asks for messages.
        let _ = reader.poll(Duration::ZERO);
        match reader.fetch_metadata(Some(topic), TOKEN_PATIENCE) {
            Ok(metadata) => {
                let found = metadata.topics().iter().find(|found| found.name() == topic);
                let missing = Some(Code::UnknownTopicOrPartition);
                return Ok(found.map_or(missing, |found| found.error().map(Code::from)));
            }
            Err(error) if Instant::now() < until => {
                tracing::debug!(topic, %error, "the position topic cannot be looked for now");
            }
            Err(source) => return Err(failed(source)),
        }
    }
    Err(Error::Ending)
}

/// First and last offset, the last as the consumer's isolation has it.
fn watermarks(consumer: &BaseConsumer<Feedback>, clients: &Clients) -> Result<(i64, i64), Error> {
    let until = Instant::now() + PASSING_PATIENCE;
    while !clients.ending.is_cancelled() {
        // A token is only fetched by who asks for messages.
        let _ = consumer.poll(Duration::ZERO);
        match consumer.fetch_watermarks(&clients.topic, 0, CALL_PATIENCE) {
            Ok(watermarks) => return Ok(watermarks),
            // A topic that was just made is not known everywhere, or has no leader, for a moment.
            Err(error) if is_passing(code_of(&error)) && Instant::now() < until => {
                tracing::debug!(
                    topic = &*clients.topic, %error, "the position topic cannot be asked for its end now"
                );
                std::thread::sleep(LOOK_INTERVAL);
            }
            Err(source) => return Err(clients.error("ask for the end of", source)),
        }
    }
    Err(Error::Ending)
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
