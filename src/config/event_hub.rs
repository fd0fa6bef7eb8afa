//! The `event_hub` section as written.

use std::collections::BTreeMap;
use std::ops::Range;
use std::path::PathBuf;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::secret::SecretReference;
use super::unit::Duration;
use super::yaml::Spanned;
use crate::eventhub::settings::{OnInvalidCheckpoint, Transport};

/// The hub to read.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct EventHub {
    /// Connection string with at least the right to listen, on the namespace or on the hub. Either this, or `namespace`.
    pub connection_string: Option<Spanned<SecretReference>>,
    /// Whole host name of the namespace, such as `contoso.servicebus.windows.net`, which is then read with `credential`.
    pub namespace: Option<Spanned<String>>,
    /// Name of the hub; may be left out if the connection string has an `EntityPath`.
    pub name: Option<Spanned<String>>,
    /// Consumer group for the targets that name none of their own. No other program may read it.
    #[serde(default = "default_consumer_group")]
    pub consumer_group: Spanned<String>,
    /// Where to start while the consumer group has no checkpoint at all; the named event is the first one read.
    #[serde(default)]
    pub start: Start,
    /// Where to go on when the stored position is of no use: the hub refuses it, or another hub stands under the name, because
    /// it was deleted and made again or a paired namespace took over.
    #[serde(default)]
    pub on_invalid_checkpoint: OnInvalidCheckpoint,
    /// How long the hub keeps events; lets the bridge say how long a blocked target may stay so.
    pub retention: Option<Duration>,
    /// The longest time without any event that is normal. After more than that the bridge says so, with the likely causes: an
    /// export that is refused or switched off says nothing.
    pub expect_event_every: Option<Spanned<Duration>>,
    /// Connect to this `host` or `host:port` instead, as for a private endpoint; TLS is still verified against the
    /// namespace's name, and WebSocket still asks for it.
    pub address: Option<Spanned<String>>,
    /// What AMQP travels in.
    #[serde(default)]
    pub transport: Transport,
    /// How the hub's certificate is verified.
    #[serde(default)]
    pub tls: Tls,
}

/// Where to start without a checkpoint.
#[derive(Debug, Default, Clone, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Start {
    /// The oldest event the hub still has.
    #[default]
    Earliest,
    /// Only what arrives from now on.
    Latest,
    /// The first event enqueued at or after this RFC 3339 time.
    EnqueuedAfter(Spanned<String>),
    /// Sequence number by partition; partitions not listed start at the earliest event.
    SequenceNumber(BTreeMap<String, i64>),
    /// Offset by partition; partitions not listed start at the earliest event.
    Offset(BTreeMap<String, String>),
}

/// How the hub's certificate is verified.
#[derive(Debug, Default, Clone, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Tls {
    /// PEM file of the authorities to trust instead of the system's.
    pub ca_file: Option<PathBuf>,
}

impl EventHub {
    /// Where the file says what the hub is reached with; the whole section if it does not.
    pub fn access_span(&self, section: Range<usize>) -> Range<usize> {
        let string = self
            .connection_string
            .as_ref()
            .map(|written| written.span.clone());
        let namespace = self.namespace.as_ref().map(|written| written.span.clone());
        string.or(namespace).unwrap_or(section)
    }
}

fn default_consumer_group() -> Spanned<String> {
    Spanned {
        value: "$Default".to_owned(),
        span: 0..0,
    }
}
