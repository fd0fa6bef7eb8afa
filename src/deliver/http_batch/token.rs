//! Where the token of a request comes from, when it is one that expires.

use secrecy::SecretString;

use crate::config::{SecretReference, secret};

/// Gives the token that is valid now. A further way to get one is a further variant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TokenSource {
    /// Somebody else renews it; it is read anew for every request.
    Renewed(SecretReference),
}

impl TokenSource {
    /// The token to send with a request that starts now.
    pub async fn token(&self) -> Result<SecretString, secret::Error> {
        match self {
            TokenSource::Renewed(reference) => {
                let reference = reference.clone();
                tokio::task::spawn_blocking(move || reference.read())
                    .await
                    .expect("reading a file does not panic and is not cancelled")
            }
        }
    }
}
