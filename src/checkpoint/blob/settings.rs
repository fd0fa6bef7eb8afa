//! The blob store as it is trusted: one container, one way to be let in.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use secrecy::{ExposeSecret, SecretSlice, SecretString};
use url::Url;

use super::config::Strategy;
use crate::credential::TokenSource;
use crate::event::Timestamp;
use crate::proxy;

/// Checked options of the blob store.
#[derive(Debug, Clone)]
pub struct Settings {
    /// Address of the container, without a query.
    pub container: Url,
    /// With whose right.
    pub access: Access,
    /// How its certificate is verified.
    pub tls: Arc<rustls::ClientConfig>,
    /// The proxy on the way to it, if there is one.
    pub proxy: Option<Arc<proxy::Settings>>,
    /// How instances come to an equal share of the partitions.
    pub strategy: Strategy,
    /// How often ownership is renewed.
    pub interval: Duration,
    /// When an ownership that was not renewed is over.
    pub expiry: Duration,
}

impl Settings {
    /// Gets its tokens from `current` from now on, where it got them from another source of the same.
    pub fn share_credential(&mut self, current: &TokenSource) {
        if let Access::Entra(source) = &mut self.access {
            *source = current.clone();
        }
    }
}

/// With whose right the container is used.
#[derive(Debug, Clone)]
pub enum Access {
    /// The account's own key.
    SharedKey {
        /// Name of the account.
        account: String,
        /// The key's bytes.
        key: SecretSlice<u8>,
    },
    /// A signature that somebody with the key made.
    Signature(Signature),
    /// Tokens of Microsoft Entra ID.
    Entra(TokenSource),
}

/// A shared access signature: the query of an address.
#[derive(Clone)]
pub struct Signature(SecretString);

impl Signature {
    /// A signature as the portal gives it, with or without its question mark; `None` if it is none.
    pub fn new(text: &str) -> Option<Self> {
        let query = text.trim().trim_start_matches('?');
        let has_signature = query
            .split('&')
            .any(|pair| pair.strip_prefix("sig=").is_some_and(|value| !value.is_empty()));
        has_signature.then(|| Self(SecretString::from(query)))
    }

    /// Its end, if it names one and not a policy that has it.
    pub fn end(&self) -> Option<Timestamp> {
        let end = self.field("se")?.replace("%3A", ":").replace("%3a", ":");
        Timestamp::parse(&end)
    }

    /// Whether it is one for the account, and not for a container or a blob.
    pub fn is_of_account(&self) -> bool {
        self.field("srt").is_some()
    }

    fn field(&self, name: &str) -> Option<&str> {
        let mut pairs = self.expose().split('&').filter_map(|pair| pair.split_once('='));
        pairs.find_map(|(key, value)| (key == name).then_some(value))
    }

    pub(super) fn expose(&self) -> &str {
        self.0.expose_secret()
    }
}

impl fmt::Debug for Signature {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Signature")
    }
}
