//! Where the token of a request comes from, when it is one that expires.

use std::time::Duration;

use secrecy::SecretString;

use crate::config::{SecretReference, secret};
use crate::credential::{self, Audience, Reason};

/// Gives the token that is valid now. A further way to get one is a further variant.
#[derive(Debug, Clone)]
pub enum TokenSource {
    /// Somebody else renews it; it is read anew for every request.
    Renewed(SecretReference),
    /// The credential that the hub may use too keeps it, and renews it in time.
    Credential(credential::TokenSource, Audience),
}

/// There is no token to send.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// It cannot be read.
    #[error("failed to get the token of the request")]
    Secret(#[from] secret::Error),
    /// Entra ID does not give one.
    #[error(transparent)]
    Credential(#[from] credential::Failure),
}

impl TokenSource {
    /// The token to send with a request that starts now.
    pub async fn token(&self) -> Result<SecretString, Error> {
        match self {
            TokenSource::Renewed(reference) => {
                let reference = reference.clone();
                let read = tokio::task::spawn_blocking(move || reference.read());
                let token = read
                    .await
                    .expect("reading a file does not panic and is not cancelled");
                Ok(token?)
            }
            TokenSource::Credential(source, audience) => Ok(source.token(*audience).await?.text),
        }
    }

    /// The peer does not take `token`: the next one shall be another, where that can be had.
    pub fn refuse(&self, token: &SecretString) {
        if let TokenSource::Credential(source, audience) = self {
            source.refuse(*audience, token);
        }
    }
}

impl PartialEq for TokenSource {
    fn eq(&self, other: &Self) -> bool {
        match (self, other) {
            (TokenSource::Renewed(reference), TokenSource::Renewed(other)) => reference == other,
            (TokenSource::Credential(source, _), TokenSource::Credential(other, _)) => source.is_same(other),
            _ => false,
        }
    }
}

impl Eq for TokenSource {}

impl Error {
    /// Whether it passes by itself.
    pub fn is_passing(&self) -> bool {
        match self {
            Error::Secret(_) => false,
            Error::Credential(failure) => failure.reason != Reason::Refused,
        }
    }

    /// How long it takes at least.
    pub fn retry_after(&self) -> Option<Duration> {
        match self {
            Error::Secret(_) => None,
            Error::Credential(failure) => failure.retry_after,
        }
    }
}
