//! What `exactly_once` adds to the options of the target.

use std::time::Duration;

use rdkafka::ClientConfig;

use crate::deliver::kafka;
use crate::deliver::kafka::config::Kafka;
use crate::deliver::kafka::settings::{Error, QUEUE_KBYTES};

/// The longest time a transaction may be open; the cluster ends an older one, which fences its producer. The client
/// library's default.
pub const TRANSACTION_TIMEOUT: Duration = Duration::from_secs(60);

/// The longest time a message may wait for its brokers. Below the above, so that we end a transaction that cannot be
/// completed before the cluster does.
const MESSAGE_TIMEOUT: Duration = Duration::from_secs(45);

/// How often a producer says how it is.
const STATISTICS_INTERVAL: &str = "statistics.interval.ms";

/// The least room of one producer; there is one for each partition.
const QUEUE_KBYTES_MIN: usize = 4096;

/// Checked options.
#[derive(Debug, Clone)]
pub struct Settings {
    /// Where positions are kept.
    pub position_topic: String,
    /// Limits of one transaction.
    pub limits: Limits,
}

/// Limits of one transaction. Only a single event may exceed them.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// Number of records.
    pub records: usize,
    /// Size of them, before compression.
    pub bytes: usize,
    /// How long the first record waits for others.
    pub linger: Duration,
}

impl Settings {
    /// Of options that were checked.
    pub fn new(options: &Kafka) -> Self {
        let transaction = &options.transaction;
        Self {
            position_topic: options.position_topic.clone(),
            limits: Limits {
                records: transaction.records.get() as usize,
                bytes: transaction.bytes.get(),
                linger: transaction.linger.get(),
            },
        }
    }
}

/// Properties that each partition's producer is told otherwise would do nothing in the file.
pub(in crate::deliver::kafka) fn check(options: &Kafka) -> Result<(), Error> {
    let has = |name: &str| options.librdkafka.contains_key(name);
    if has(QUEUE_KBYTES) {
        return Err(Error::Combination(
            "`librdkafka.queue.buffering.max.kbytes` cannot be set with `exactly_once`: each partition has a producer of its \
             own, with room for two messages of `message_limit`",
        ));
    }
    if has(STATISTICS_INTERVAL) {
        return Err(Error::Combination(
            "`librdkafka.statistics.interval.ms` cannot be set with `exactly_once`: one producer of many would overwrite \
             what the others say of the target",
        ));
    }
    Ok(())
}

/// The name of the topic unless the file says otherwise.
pub fn default_position_topic() -> String {
    "hub2siem-positions".to_owned()
}

/// What the producer of one partition is told.
pub(super) fn producer_config(settings: &kafka::Settings, transactional_id: &str) -> ClientConfig {
    let mut config = settings.producer_config();
    let queue_kbytes = QUEUE_KBYTES_MIN.max(2 * settings.message_limit_bytes / 1024);
    let milliseconds = |duration: Duration| duration.as_millis().to_string();
    config
        .set("transactional.id", transactional_id)
        .set("transaction.timeout.ms", milliseconds(TRANSACTION_TIMEOUT))
        .set("message.timeout.ms", milliseconds(MESSAGE_TIMEOUT))
        .set(QUEUE_KBYTES, queue_kbytes.to_string())
        // One producer of many would overwrite what the others say of the target.
        .set(STATISTICS_INTERVAL, "0");
    config
}

/// What a reader of the position topic is told.
pub(super) fn consumer_config(settings: &kafka::Settings, isolation: &str) -> ClientConfig {
    let mut config = settings.client_config();
    config
        // Only the client library asks for it: nothing is stored for a group.
        .set("group.id", "hub2siem-positions")
        .set("enable.auto.commit", "false")
        .set("enable.partition.eof", "true")
        // Where the log begins later than it did a moment ago; at its end no position would be found.
        .set("auto.offset.reset", "earliest")
        .set("isolation.level", isolation);
    config
}
