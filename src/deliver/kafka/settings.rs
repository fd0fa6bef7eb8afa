//! The options as the target trusts them, and what the client library is told.

use std::path::Path;
use std::time::Duration;

use rdkafka::ClientConfig;
use rdkafka::config::RDKafkaLogLevel;
use rdkafka::error::KafkaError;
use secrecy::ExposeSecret;

use super::config::{Kafka, Key, Mechanism, Sasl};
use super::exactly_once;
use super::property::{self, Denied};
use super::topic::{self, Topics};
use crate::config::{SecretReference, secret, tls};
use crate::deliver::blocked::TRY_INTERVAL_MIN;
use crate::deliver::http_batch::config::HttpTls;
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
    /// A property that would load foreign code or replace the brokers.
    #[error("`librdkafka.{name}` cannot be set: it loads foreign code, or is made for tests")]
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

/// What a producer is told unless the file says otherwise.
const DEFAULTS: [(&str, &str); 9] = [
    // Two bounds of what the library holds. What it holds is also booked in the window, which is smaller.
    ("queue.buffering.max.messages", "20000"),
    ("queue.buffering.max.kbytes", "16384"),
    // Latency does not matter; fuller batches cost less and compress better.
    ("linger.ms", "50"),
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
        let token = secure(options, &mut properties)?;
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
        })
    }

    /// What a producer of this target is told: idempotent, all replicas in sync, no limit of time.
    pub fn producer_config(&self) -> ClientConfig {
        self.properties.clone()
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

/// Identity and trust. Gives the source of the token, where the mechanism has one.
fn secure(options: &Kafka, properties: &mut ClientConfig) -> Result<Option<TokenSource>, Error> {
    let protocol = match (&options.sasl, &options.tls) {
        (None, None) => "plaintext",
        (None, Some(_)) => "ssl",
        (Some(_), None) => "sasl_plaintext",
        (Some(_), Some(_)) => "sasl_ssl",
    };
    properties.set("security.protocol", protocol);
    if let Some(tls) = &options.tls {
        trust(tls, properties)?;
    }
    match &options.sasl {
        Some(sasl) => identify(sasl, options.tls.is_some(), properties),
        None => Ok(None),
    }
}

fn identify(
    sasl: &Sasl,
    is_encrypted: bool,
    properties: &mut ClientConfig,
) -> Result<Option<TokenSource>, Error> {
    properties.set("sasl.mechanism", sasl.mechanism.as_str());
    let is_open = matches!(sasl.mechanism, Mechanism::Plain | Mechanism::Oauthbearer) && !is_encrypted;
    if is_open {
        tracing::warn!(
            mechanism = sasl.mechanism.as_str(),
            "the password or token goes over the network in the clear; add `tls: {{}}`"
        );
    }
    if sasl.mechanism == Mechanism::Oauthbearer {
        let (None, None, Some(token)) = (&sasl.username, &sasl.password, &sasl.token) else {
            return Err(Error::Combination(
                "`sasl` with `oauthbearer` needs `token`, and neither `username` nor `password`",
            ));
        };
        read("sasl.token", token)?;
        return Ok(Some(TokenSource::Renewed(token.clone())));
    }
    let (Some(username), Some(password), None) = (&sasl.username, &sasl.password, &sasl.token) else {
        return Err(Error::Combination(
            "`sasl` needs `username` and `password`; `token` is for `oauthbearer`",
        ));
    };
    properties.set("sasl.username", username);
    properties.set("sasl.password", read("sasl.password", password)?);
    Ok(None)
}

fn read(option: &'static str, reference: &SecretReference) -> Result<String, Error> {
    let secret = reference.read();
    let secret = secret.map_err(|source| Error::Secret { option, source })?;
    Ok(secret.expose_secret().to_owned())
}

/// The files are read here too, so that what is wrong with them is said before the start.
fn trust(tls: &HttpTls, properties: &mut ClientConfig) -> Result<(), Error> {
    let own = tls.client_certificate.as_ref();
    let own = own.map(|files| (files.certificate_file.as_path(), files.key_file.as_path()));
    let shown = own.map(|(certificate, key)| tls::Own { certificate, key });
    match tls.verify {
        true => tls::client_config_showing(shown, tls.ca_file.as_deref())?,
        false => tls::unverified_client_config_showing(shown)?,
    };
    // The library's own default is a folder that most machines lack; this one looks where certificates are.
    let authorities = tls.ca_file.as_deref().unwrap_or(Path::new("probe"));
    let mut set_path = |name: &str, path: &Path| {
        properties.set(name, path.to_string_lossy());
    };
    set_path("ssl.ca.location", authorities);
    if let Some((certificate, key)) = own {
        set_path("ssl.certificate.location", certificate);
        set_path("ssl.key.location", key);
    }
    if !tls.verify {
        properties.set("enable.ssl.certificate.verification", "false");
        properties.set("ssl.endpoint.identification.algorithm", "none");
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
mod tests {
    use super::*;

    fn settings(yaml: &str) -> Result<Settings, String> {
        let options: Kafka = serde_saphyr::from_str(yaml).map_err(|error| error.to_string())?;
        Settings::new(&options).map_err(|error| crate::durable::retry::chain(&error))
    }

    #[test]
    fn the_smallest_form_has_the_documented_defaults() {
        let settings = settings("brokers: kafka:9092\ntopic: mdc").expect("it is complete");
        assert_eq!(settings.topics.names(), ["mdc"]);
        let told = settings.producer_config();
        for (name, value) in [
            ("bootstrap.servers", "kafka:9092"),
            ("enable.idempotence", "true"),
            ("acks", "all"),
            ("message.timeout.ms", "0"),
            ("message.max.bytes", "1000000"),
            ("compression.type", "lz4"),
            ("partitioner", "murmur2_random"),
            ("security.protocol", "plaintext"),
        ] {
            assert_eq!(told.get(name), Some(value), "{name}");
        }
        assert_eq!(settings.client_config().get("acks"), None);
        assert_eq!(
            settings.client_config().get("bootstrap.servers"),
            Some("kafka:9092")
        );
    }

    #[test]
    fn every_compression_is_in_the_library() {
        for compression in ["none", "gzip", "snappy", "lz4", "zstd"] {
            let yaml = format!("brokers: [a:1, 'b:2']\ntopic: mdc\ncompression: {compression}");
            let told = settings(&yaml).expect("it is complete").producer_config();
            assert_eq!(told.get("compression.type"), Some(compression));
        }
    }

    #[test]
    fn a_property_passes_through() {
        let yaml = "brokers: k:1\ntopic: mdc\nlibrdkafka: { linger.ms: 5, client.id: soc, socket.nagle.disable: true }";
        let told = settings(yaml).expect("it is complete").producer_config();
        assert_eq!(
            (told.get("linger.ms"), told.get("client.id")),
            (Some("5"), Some("soc"))
        );
        assert_eq!(told.get("socket.nagle.disable"), Some("true"));
    }

    #[test]
    fn says_what_is_wrong() {
        let cases = [
            ("brokers: []\ntopic: mdc", "`brokers` is empty"),
            ("brokers: kafka\ntopic: mdc", "`kafka`"),
            ("brokers: 'a:1,b:2'\ntopic: mdc", "`a:1,b:2`"),
            ("brokers: 'u:pw@a:x'\ntopic: mdc", "`a:x`"),
            ("brokers: k:1\ntopic: 'a b'", "`topic` is `a b`"),
            (
                "brokers: k:1\ntopic: mdc\nlibrdkafka: { acks: 1 }",
                "`librdkafka.acks` cannot be set: that nothing is lost",
            ),
            (
                "brokers: k:1\ntopic: mdc\nlibrdkafka: { compression.type: zstd }",
                "write `compression` instead",
            ),
            (
                "brokers: k:1\ntopic: mdc\nlibrdkafka: { test.mock.num.brokers: 1 }",
                "made for tests",
            ),
            (
                "brokers: k:1\ntopic: mdc\nlibrdkafka: { linger: 1 }",
                "`librdkafka.linger` is not taken: No such",
            ),
            (
                "brokers: k:1\ntopic: mdc\nlibrdkafka: { linger.ms: soon }",
                "`librdkafka.linger.ms` is not taken",
            ),
            (
                "brokers: k:1\ntopic: mdc\nkey: resource\ntombstones: true",
                "needs `key: item`",
            ),
            ("brokers: k:1\ntopic: mdc\nmessage_limit: 1B", "`message_limit`"),
            (
                "brokers: k:1\ntopic: mdc\nsasl: { mechanism: plain, username: u }",
                "needs `username` and `password`",
            ),
            (
                "brokers: k:1\ntopic: mdc\nsasl: { mechanism: oauthbearer }",
                "needs `token`",
            ),
            (
                "brokers: k:1\ntopic: mdc\nsasl: { mechanism: plain, username: u, password: { env: HUB2SIEM_UNSET } }",
                "failed to read `sasl.password`",
            ),
            (
                "brokers: k:1\ntopic: mdc\ntls: { ca_file: /nonexistent/ca.pem }",
                "CA file `/nonexistent/ca.pem`",
            ),
        ];
        for (yaml, expected) in cases {
            let error = settings(yaml).expect_err(yaml);
            assert!(error.contains(expected), "{yaml}: {error}");
            assert!(!error.contains("pw"), "{error}");
        }
    }

    #[test]
    fn a_password_is_not_shown() {
        let password = tempfile::NamedTempFile::new().expect("a temporary file can be made");
        std::fs::write(password.path(), "open sesame\n").expect("it can be written");
        let yaml = format!(
            "brokers: k:1\ntopic: mdc\nsasl: {{ mechanism: scram_sha_512, username: u, password: {{ file: {:?} }} }}",
            password.path()
        );
        let settings = settings(&yaml).expect("it is complete");
        assert_eq!(
            settings.producer_config().get("sasl.password"),
            Some("open sesame")
        );
        assert!(!format!("{settings:?}").contains("sesame"));
    }
}
