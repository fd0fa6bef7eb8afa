//! How an emulated hub is set up.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;

/// Set-up of one emulated hub.
#[derive(Debug, Clone)]
pub struct Options {
    /// Where to listen; port 0 takes a free one.
    pub listen: SocketAddr,
    /// Name of the hub, compared without regard to case.
    pub hub: String,
    /// Number of partitions at start, at least 1; they are named `0`, `1`, and so on.
    pub partitions: u32,
    /// Consumer groups that exist beside `$Default`; empty means every name exists.
    pub consumer_groups: Vec<String>,
    /// If set, senders and receivers must prove that they know this key; otherwise any token is taken.
    pub key: Option<SharedAccessKey>,
    /// If set, tokens of this authority are taken too; with it, and without a key, no others are.
    pub authority: Option<Authority>,
    /// If set, connections are TLS from the first byte.
    pub tls: Option<Arc<rustls::ServerConfig>>,
    /// Newest events kept per partition; older ones are forgotten. `None` keeps all.
    pub retention: Option<u64>,
    /// Largest event a sender may send, in bytes.
    pub max_message_size: u64,
}

/// A shared access policy.
#[derive(Debug, Clone)]
pub struct SharedAccessKey {
    /// Name of the policy.
    pub name: String,
    /// The key as it stands in a connection string; its text is the secret, it is not decoded.
    pub key: String,
}

/// Who gives tokens to applications. The real one signs with a certificate; this one with a key that the hub knows.
#[derive(Debug, Clone)]
pub struct Authority {
    /// The key of its signatures: JWTs with `HS256`.
    pub key: String,
    /// What `aud` of its tokens must say.
    pub audience: String,
}

impl Options {
    /// A hub on a free port of the loopback address, without TLS and without a key.
    pub fn new(hub: impl Into<String>, partitions: u32) -> Self {
        Self {
            listen: SocketAddr::from((Ipv4Addr::LOCALHOST, 0)),
            hub: hub.into(),
            partitions,
            consumer_groups: Vec::new(),
            key: None,
            authority: None,
            tls: None,
            retention: None,
            max_message_size: 1_048_576,
        }
    }
}
