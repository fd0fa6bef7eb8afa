//! What the consumer must know of its hub, checked by whoever builds it.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use super::credential::{Credential, Token};
use super::end_reason::End;
use super::replaceable::Replaceable;
use crate::event::{Hub, Offset, SequenceNumber, Timestamp};
use crate::proxy;

/// Port of AMQP over TLS.
pub const PORT_TLS: u16 = 5671;
/// Port of plain AMQP, as the development emulator speaks it.
pub const PORT_PLAIN: u16 = 5672;
/// Port of AMQP over WebSocket over TLS.
pub const PORT_WEB_SOCKET_TLS: u16 = 443;
/// Port of AMQP over WebSocket without TLS, for emulators.
pub const PORT_WEB_SOCKET_PLAIN: u16 = 80;
/// How long a token made from a key lives; what the official clients use.
pub const TOKEN_LIFETIME: Duration = Duration::from_secs(60 * 60);
/// How long one step of the protocol may take. The library waits for ever on every one of them.
pub const CALL_TIMEOUT: Duration = Duration::from_secs(30);

/// One consumer group of one hub, and how to reach it.
#[derive(Debug, Clone)]
pub struct HubSettings {
    /// Namespace and hub; the namespace is the name TLS is verified against, and part of the audience of tokens.
    pub hub: Hub,
    /// Consumer group as configured.
    pub consumer_group: Arc<str>,
    /// Where to connect, if not to the namespace.
    pub address: Option<Address>,
    /// Port at the namespace; [`Transport::port`] unless the connection string names another.
    pub port: u16,
    /// What AMQP is spoken on.
    pub transport: Transport,
    /// The proxy that leads out, if there is one.
    pub proxy: Replaceable<Option<Arc<proxy::Settings>>>,
    /// How TLS trusts the peer; `None` speaks plain TCP.
    pub tls: Replaceable<Option<Arc<rustls::ClientConfig>>>,
    /// How we prove who we are.
    pub credential: Replaceable<Credential>,
    /// Name of this reader, shown to whom it displaces.
    pub receiver_name: Arc<str>,
    /// What to do when the service refuses a stored position.
    pub on_invalid_checkpoint: OnInvalidCheckpoint,
    /// Life of a token; [`TOKEN_LIFETIME`].
    pub token_lifetime: Duration,
    /// Patience with one step of the protocol; [`CALL_TIMEOUT`].
    pub call_timeout: Duration,
}

impl HubSettings {
    /// What tokens are made for: the hub, which covers all of its links.
    pub fn audience(&self) -> String {
        format!("sb://{}/{}", self.hub.namespace, self.hub.name)
    }

    /// A token for the hub that is good now.
    pub async fn token(&self) -> Result<Token, End> {
        let credential = self.credential.get();
        credential
            .token(&self.audience(), Timestamp::now(), self.token_lifetime)
            .await
    }

    /// The port, if it is not one that the service itself has: then it tells apart what is kept for hubs of one name.
    pub fn own_port(&self) -> Option<u16> {
        let is_usual = matches!(
            (self.transport, self.port),
            (Transport::Amqp, PORT_TLS) | (Transport::WebSocket, PORT_WEB_SOCKET_TLS)
        );
        (!is_usual).then_some(self.port)
    }

    /// The proxy that leads to `host`, if one does.
    pub fn proxy_to(&self, host: &str) -> Option<Arc<proxy::Settings>> {
        self.proxy.get().filter(|proxy| proxy.leads_to(host))
    }

    /// Where to connect, with its port: the address if one is set, else the namespace.
    pub fn endpoint(&self) -> (String, u16) {
        match &self.address {
            Some(address) => (address.host.clone(), address.port.unwrap_or(self.port)),
            None => (self.hub.namespace.to_string(), self.port),
        }
    }
}

/// What AMQP is spoken on.
#[derive(
    Debug, Clone, Copy, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize, schemars::JsonSchema,
)]
#[serde(rename_all = "lowercase")]
pub enum Transport {
    /// TLS, port 5671.
    #[default]
    Amqp,
    /// WebSocket over TLS, port 443, for networks that let nothing else out.
    WebSocket,
}

impl Transport {
    /// Its usual port.
    pub fn port(self, is_plain: bool) -> u16 {
        match (self, is_plain) {
            (Transport::Amqp, false) => PORT_TLS,
            (Transport::Amqp, true) => PORT_PLAIN,
            (Transport::WebSocket, false) => PORT_WEB_SOCKET_TLS,
            (Transport::WebSocket, true) => PORT_WEB_SOCKET_PLAIN,
        }
    }
}

/// A host to connect to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Address {
    /// Name or IP address, without brackets.
    pub host: String,
    /// Port; `None` takes the namespace's.
    pub port: Option<u16>,
}

impl Address {
    /// Reads `host`, `host:port`, `[::1]` or `[::1]:port`; `None` for anything else.
    pub fn parse(text: &str) -> Option<Self> {
        let (host, rest) = match text.strip_prefix('[') {
            Some(rest) => rest.split_once(']')?,
            None => text.find(':').map_or((text, ""), |colon| text.split_at(colon)),
        };
        let port = match rest.strip_prefix(':') {
            Some(port) => Some(port.parse().ok().filter(|port| *port != 0)?),
            None if rest.is_empty() => None,
            None => return None,
        };
        let is_host = !host.is_empty() && !host.contains(['/', '@', ' ']);
        is_host.then(|| Self {
            host: host.to_owned(),
            port,
        })
    }
}

impl fmt::Display for Address {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let is_v6 = self.host.contains(':');
        let (open, close) = if is_v6 { ("[", "]") } else { ("", "") };
        write!(formatter, "{open}{}{close}", self.host)?;
        self.port.map_or(Ok(()), |port| write!(formatter, ":{port}"))
    }
}

/// What to do with a stored position that is of no use: the hub was re-created, or failed over, or refuses it.
#[derive(
    Debug, Clone, Copy, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize, schemars::JsonSchema,
)]
#[serde(rename_all = "snake_case")]
pub enum OnInvalidCheckpoint {
    /// Start again with the oldest event: nothing is skipped, and after a refusal much may come again.
    #[default]
    Earliest,
    /// Start again with what arrives from now on: what came since the last event is not read.
    Latest,
    /// Start again at the enqueued time of the last event; at the oldest event if that time is not known. For a namespace
    /// with a paired one (geo-disaster recovery), whose hub has the same times and other positions.
    EnqueuedTime,
    /// Read nothing until someone decides: changes this, or the checkpoint.
    Fail,
}

/// The last event that was taken in, or settled.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Position {
    /// Its number; -1 stands before the first event.
    pub sequence_number: SequenceNumber,
    /// Its offset as received; `None`, empty and `no offset` mean that the sequence number decides.
    pub offset: Option<Offset>,
    /// When the hub took it in.
    pub enqueued_time: Option<Timestamp>,
    /// When the hub was made that the event is from; `None` adopts whatever hub is found.
    pub hub_created_at: Option<Timestamp>,
}

/// Where a partition is read from at first.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum StartPosition {
    /// The oldest event kept.
    Earliest,
    /// The first event enqueued after this moment.
    EnqueuedAfter(Timestamp),
    /// The event of this number.
    SequenceNumber(SequenceNumber),
    /// The event at this offset.
    Offset(Offset),
    /// The event after this one: a checkpoint, or what `latest` was resolved to.
    After(Position),
}

#[cfg(test)]
mod tests {
    use super::Address;

    #[test]
    fn reads_addresses() {
        for (text, expected) in [
            ("hub.internal", Some("hub.internal")),
            ("hub.internal:5671", Some("hub.internal:5671")),
            ("10.0.0.4:443", Some("10.0.0.4:443")),
            ("[::1]:5671", Some("[::1]:5671")),
            ("[::1]", Some("[::1]")),
            ("::1", None),
            ("hub:", None),
            ("hub:0", None),
            ("hub:70000", None),
            ("amqps://hub", None),
            ("", None),
        ] {
            let found = Address::parse(text).map(|address| address.to_string());
            assert_eq!(found.as_deref(), expected, "{text}");
        }
    }
}
