//! The options of a `kafka` target, as the file has them.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::exactly_once;
use super::property::Property;
use crate::config::{ByteSize, SecretReference};
use crate::deliver::batch::Batch;
use crate::deliver::http_batch::config::HttpTls;
use crate::deliver::value::{TextByKind, Texts};

/// Writes records to topics of Apache Kafka, or of whatever speaks its protocol.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Kafka {
    /// Where to begin, as `host:port`, one or several; the brokers tell of each other.
    pub brokers: Texts,
    /// Topic to write to: one text, or a text for each kind with `otherwise` for the rest. `{kind}` is replaced.
    pub topic: TextByKind,
    /// What records of one partition have in common; order is kept among records of the same key.
    #[serde(default)]
    pub key: Key,
    /// How batches are compressed.
    #[serde(default)]
    pub compression: Compression,
    /// Positions are kept in the same cluster and written in the transaction that carries the records, so that readers with
    /// `isolation.level=read_committed` see each record once. Needs a `consumer_group` of its own.
    #[serde(default)]
    pub exactly_once: bool,
    /// The compacted topic where `exactly_once` keeps positions; made if it is absent and that is allowed.
    #[serde(default = "exactly_once::config::default_position_topic")]
    pub position_topic: String,
    /// Limits of one transaction of `exactly_once`; there is one at a time for each partition of the hub. The first that is
    /// reached ends it; so does a window without room.
    #[serde(default)]
    pub transaction: Batch,
    /// A record of the action `Delete` is sent without its body, which makes compacted topics forget the item. Needs the key
    /// `item`.
    #[serde(default)]
    pub tombstones: bool,
    /// The largest message that is sent, key and headers included. Not more than the topic's `max.message.bytes`; a larger one
    /// goes to the dead letters.
    #[serde(default = "message_limit")]
    pub message_limit: ByteSize,
    /// Who we are; without it nobody.
    pub sasl: Option<Sasl>,
    /// Connections by TLS; without it they are open. `{}` trusts the system's authorities.
    pub tls: Option<HttpTls>,
    /// Further properties of the client librdkafka, by their names there. Those that the promise to lose nothing depends on,
    /// and those that have an option here, are refused.
    #[serde(default)]
    pub librdkafka: BTreeMap<String, Property>,
}

/// What the key of a message is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Key {
    /// The item: an alert's id, or the lower-case id of the resource that says the posture.
    #[default]
    Item,
    /// The resource that the record is about.
    Resource,
    /// The subscription of the record.
    Subscription,
    /// There is none: messages are spread over the partitions, and have no order.
    None,
}

/// How batches are compressed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Compression {
    /// Not at all.
    None,
    /// By gzip, the slowest.
    Gzip,
    /// By snappy.
    Snappy,
    /// By LZ4, the least work.
    #[default]
    Lz4,
    /// By Zstandard, the smallest.
    Zstd,
}

/// Who we are for the brokers.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Sasl {
    /// The way to say it.
    pub mechanism: Mechanism,
    /// The name; not with `oauthbearer`.
    pub username: Option<String>,
    /// The password; not with `oauthbearer`.
    pub password: Option<SecretReference>,
    /// With `oauthbearer`: the token, a JWT. Somebody else renews it; it is read anew before it expires.
    pub token: Option<SecretReference>,
}

/// A mechanism of SASL.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Mechanism {
    /// The password itself; only with TLS.
    Plain,
    /// A proof that we know the password, by SHA-256.
    #[serde(rename = "scram_sha_256")]
    ScramSha256,
    /// The same by SHA-512.
    #[serde(rename = "scram_sha_512")]
    ScramSha512,
    /// A token that expires.
    Oauthbearer,
}

impl Compression {
    /// The word that the client library has for it.
    pub fn as_str(self) -> &'static str {
        match self {
            Compression::None => "none",
            Compression::Gzip => "gzip",
            Compression::Snappy => "snappy",
            Compression::Lz4 => "lz4",
            Compression::Zstd => "zstd",
        }
    }
}

impl Mechanism {
    /// Its registered name.
    pub fn as_str(self) -> &'static str {
        match self {
            Mechanism::Plain => "PLAIN",
            Mechanism::ScramSha256 => "SCRAM-SHA-256",
            Mechanism::ScramSha512 => "SCRAM-SHA-512",
            Mechanism::Oauthbearer => "OAUTHBEARER",
        }
    }
}

/// What brokers take if nobody changed it (1 MiB), less what they count besides the message.
fn message_limit() -> ByteSize {
    ByteSize(1_000_000)
}
