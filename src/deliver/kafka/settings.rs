//! The options as the target trusts them, and what the client library is told.

use std::time::Duration;

use rdkafka::ClientConfig;
use rdkafka::config::RDKafkaLogLevel;
use rdkafka::error::KafkaError;

use super::config::{Kafka, Key};
use super::exactly_once;
use super::property::{self, Denied};
use super::renewable::Renewable;
use super::security;
use super::topic::{self, Topics};
use crate::config::{secret, tls};
use crate::deliver::blocked::TRY_INTERVAL_MIN;
use crate::deliver::http_batch::token::TokenSource;

/// Checked options of one target.
#[derive(Debug, Clone)]
pub struct Settings {
    /// Where records go.
    pub topics: Topics,
    /// What the key of a message is.
    pub key: Key,
    /// Whether deleted items become tombstones.
    pub tombstones: bool,
    /// How positions are written with the records, if they are.
    pub exactly_once: Option<exactly_once::Settings>,
    /// The largest message that is sent.
    pub message_limit_bytes: usize,
    /// Where the token of `oauthbearer` comes from.
    pub token: Option<TokenSource>,
    /// Whether the brokers' certificates are checked, where there are any.
    pub verify: bool,
    /// Time to the first try while everything is refused; no option of the file.
    pub try_interval: Duration,
    /// What the client library is told. Its debug form hides secrets.
    properties: ClientConfig,
    /// What a part of it was read from.
    renewable: Renewable,
}

/// An option cannot be used as it is.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// There is no address.
    #[error("`brokers` is empty; give at least one address such as `kafka:9093`")]
    NoBroker,
    /// An address is no `host:port`.
    #[error("`brokers` has the address `{address}`; write it like `kafka:9093`")]
    InvalidBroker {
        /// The address.
        address: String,
    },
    /// A topic cannot be used.
    #[error(transparent)]
    Topic(#[from] topic::Error),
    /// A property that we must set ourselves.
    #[error(
        "`librdkafka.{name}` cannot be set: that nothing is lost, and the order of records, depends on it"
    )]
    Promise {
        /// Its name.
        name: String,
    },
    /// A property that has an option.
    #[error("`librdkafka.{name}` cannot be set; write `{option}` instead")]
    HasOption {
        /// Its name.
        name: String,
        /// The option.
        option: &'static str,
    },
    /// A property that would load foreign code, replace the brokers or take a signal from the process.
    #[error(
        "`librdkafka.{name}` cannot be set: it loads foreign code, takes a signal from the process, or is made for tests"
    )]
    Unsafe {
        /// Its name.
        name: String,
    },
    /// The client library does not take it.
    #[error("`librdkafka.{name}` is not taken: {problem}")]
    Property {
        /// Its name.
        name: String,
        /// What the library said.
        problem: String,
    },
    /// The client library does not take it together with the others.
    #[error("the client library refuses the options: {problem}")]
    Refused {
        /// What the library said.
        problem: String,
    },
    /// A secret cannot be read.
    #[error("failed to read `{option}`")]
    Secret {
        /// Name of the option.
        option: &'static str,
        /// Why.
        source: secret::Error,
    },
    /// Two options that do not go together.
    #[error("{0}")]
    Combination(&'static str),
    /// Certificates cannot be used.
    #[error(transparent)]
    Tls(#[from] tls::Error),
    /// A limit is out of its range.
    #[error("`message_limit` must be from 1000B to 100MiB")]
    Limit,
}

/// The library's own range is wider; below, no record has room, and above, the window has none.
const LIMIT_RANGE: std::ops::RangeInclusive<usize> = 1000..=100 << 20;

/// The bound of what the library holds.
pub(super) const QUEUE_KBYTES: &str = "queue.buffering.max.kbytes";

/// What a producer is told unless the file says otherwise.
const DEFAULTS: [(&str, &str); 10] = [
    // Two bounds of what the library holds. What it holds is also booked in the window, which is smaller.
    ("queue.buffering.max.messages", "20000"),
    (QUEUE_KBYTES, "16384"),
    // Latency does not matter; fuller batches cost less and compress better.
    ("linger.ms", "50"),
    // A request keeps the room where its batch was written out, and that where it was compressed, until it is answered, and
    // five are under way at a broker. None of that is counted in the window, so the default of 1 MB costs much of its bound.
    ("batch.size", "262144"),
    // The default of 10 s keeps a producer away from brokers that are back.
    ("reconnect.backoff.max.ms", "2000"),
    // Networks of clouds forget connections that are quiet.
    ("socket.keepalive.enable", "true"),
    // A slip of the pen in `topic` is an error.
    ("allow.auto.create.topics", "false"),
    // The partition that other producers choose for the same key.
    ("partitioner", "murmur2_random"),
    ("client.id", "hub2siem"),
    ("statistics.interval.ms", "15000"),
];

/// What the promise depends on; the file cannot say otherwise.
const PROMISED: [(&str, &str); 4] = [
    // Also bounds requests in flight at 5 and retries at none: order is kept within a partition.
    ("enable.idempotence", "true"),
    ("acks", "all"),
    // No limit: what timed out may be in the log, and sending it again would double it.
    ("message.timeout.ms", "0"),
    // A report for what succeeded too.
    ("delivery.report.only.error", "false"),
];

impl Settings {
    /// Checks the options and reads the secrets.
    pub fn new(options: &Kafka) -> Result<Self, Error> {
        if options.tombstones && options.key != Key::Item {
            return Err(Error::Combination(
                "`tombstones` needs `key: item`: another key would make a topic forget more than the item",
            ));
        }
        if !LIMIT_RANGE.contains(&options.message_limit.get()) {
            return Err(Error::Limit);
        }
        let topics = Topics::new(&options.topic)?;
        topic::check_name("position_topic", &options.position_topic)?;
        if topics.names().contains(&options.position_topic) {
            return Err(Error::Combination(
                "`position_topic` is a topic of records too; a compacted topic would forget them",
            ));
        }
        let mut properties = ClientConfig::new();
        properties.set_log_level(RDKafkaLogLevel::Info);
        for (name, value) in DEFAULTS {
            properties.set(name, value);
        }
        pass_through(options, &mut properties)?;
        for (name, value) in PROMISED {
            properties.set(name, value);
        }
        properties.set("bootstrap.servers", brokers(options)?);
        properties.set("compression.type", options.compression.as_str());
        properties.set("message.max.bytes", options.message_limit.get().to_string());
        check_room(options)?;
        if options.exactly_once {
            exactly_once::config::check(options)?;
        }
        let token = security::secure(options, &mut properties)?;
        let renewable = Renewable::read(options).map_err(|source| Error::Secret {
            option: "sasl.password",
            source,
        })?;
        if let Some(password) = renewable.password() {
            properties.set("sasl.password", password);
        }
        // The library says what it does not take; certificates it reads later.
        properties.create_native_config().map_err(refused)?;
        Ok(Self {
            topics,
            key: options.key,
            tombstones: options.tombstones,
            exactly_once: options.exactly_once.then(|| exactly_once::Settings::new(options)),
            message_limit_bytes: options.message_limit.get(),
            token,
            verify: options.tls.as_ref().is_none_or(|tls| tls.verify),
            try_interval: TRY_INTERVAL_MIN,
            properties,
            renewable,
        })
    }

    /// The settings with a password or certificates that were renewed since they were read; `None` if they were not. Waits
    /// for disks.
    pub fn renewed(&self) -> Option<Self> {
        let renewable = self.renewable.renewed()?;
        let mut new = self.clone();
        if let Some(password) = renewable.password() {
            new.properties.set("sasl.password", password);
        }
        new.renewable = renewable;
        Some(new)
    }

    /// What a producer of this target is told: idempotent, all replicas in sync, no limit of time.
    pub fn producer_config(&self) -> ClientConfig {
        self.properties.clone()
    }

    /// The same for who only asks: what it asks for is not made by that.
    pub fn asking(&self) -> Self {
        let mut new = self.clone();
        new.properties.set("allow.auto.create.topics", "false");
        new
    }

    /// What any other client of the same cluster is told: addresses, identity and trust, nothing of producing.
    pub fn client_config(&self) -> ClientConfig {
        let shared = [
            "bootstrap.servers",
            "client.id",
            "security.protocol",
            "log_level",
            "debug",
        ];
        let prefixes = [
            "sasl.",
            "ssl.",
            "enable.ssl.",
            "socket.",
            "broker.",
            "reconnect.",
            "metadata.",
            "client.",
        ];
        let mut config = ClientConfig::new();
        config.set_log_level(RDKafkaLogLevel::Info);
        // The map masks secrets, so only its names are of use.
        for name in self.properties.config_map().into_keys() {
            let is_shared = shared.contains(&name) || prefixes.iter().any(|prefix| name.starts_with(prefix));
            if let Some(value) = self.properties.get(name).filter(|_| is_shared) {
                config.set(name, value);
            }
        }
        config
    }
}

fn brokers(options: &Kafka) -> Result<String, Error> {
    let addresses = &options.brokers.0;
    if addresses.is_empty() {
        return Err(Error::NoBroker);
    }
    for address in addresses {
        let port = address.rsplit_once(':').filter(|(host, _)| {
            let is_plain =
                |character: char| character.is_ascii_alphanumeric() || ".-_[]:".contains(character);
            !host.is_empty() && host.chars().all(is_plain)
        });
        if port.and_then(|(_, port)| port.parse::<u16>().ok()).is_none() {
            // A list in one text, a scheme or a name and a password; the last is not repeated.
            let address = address.rsplit('@').next().unwrap_or_default().to_owned();
            return Err(Error::InvalidBroker { address });
        }
    }
    Ok(addresses.join(","))
}

fn pass_through(options: &Kafka, properties: &mut ClientConfig) -> Result<(), Error> {
    for (name, value) in &options.librdkafka {
        let name = name.clone();
        match property::denied(&name, value) {
            None => properties.set(name, &value.0),
            Some(Denied::Promise) => return Err(Error::Promise { name }),
            Some(Denied::Option(option)) => return Err(Error::HasOption { name, option }),
            Some(Denied::Unsafe) => return Err(Error::Unsafe { name }),
        };
    }
    Ok(())
}

/// A message that is larger than all room there is would wait for ever.
fn check_room(options: &Kafka) -> Result<(), Error> {
    let written = options.librdkafka.get(QUEUE_KBYTES);
    let default = DEFAULTS.iter().find(|(name, _)| *name == QUEUE_KBYTES);
    let room = written
        .map(|value| value.0.as_str())
        .or(default.map(|(_, value)| *value));
    // What is no number is refused by the library, with its reason.
    let room: Option<u64> = room.and_then(|text| text.parse().ok());
    if room.is_some_and(|kbytes| kbytes * 1024 < options.message_limit.get() as u64) {
        return Err(Error::Combination(
            "`librdkafka.queue.buffering.max.kbytes` has no room for a message of `message_limit`; raise it (the default is \
             16384)",
        ));
    }
    Ok(())
}

/// The value stays out of the message: it may be a secret.
fn refused(error: KafkaError) -> Error {
    match error {
        KafkaError::ClientConfig(_, problem, name, value) => Error::Property {
            name,
            problem: match value.len() {
                0..4 => problem,
                _ => problem.replace(&value, "***"),
            },
        },
        other => Error::Refused {
            problem: other.to_string(),
        },
    }
}

#[cfg(test)]
mod tests;
