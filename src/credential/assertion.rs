//! What an application shows in place of a secret: a statement signed here, or a token of its cluster.

use std::path::PathBuf;
use std::sync::Arc;

use async_trait::async_trait;
use azure_core::error::{Error as AzureError, ErrorKind};
use azure_core::http::ClientMethodOptions;
use azure_identity::ClientAssertion;

use super::certificate::{self, Certificate};
use super::clock_skew::ClockSkew;
use crate::event::Timestamp;

/// Where assertions come from; each request gets a new one.
#[derive(Debug)]
pub(super) enum Assertion {
    /// Signed with the key of a certificate.
    Signed {
        certificate: Arc<Certificate>,
        client_id: String,
        /// The address it is shown at.
        audience: String,
        skew: Arc<ClockSkew>,
    },
    /// Read from a file that somebody else renews.
    File(PathBuf),
}

/// An assertion cannot be had.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The file cannot be read.
    #[error("failed to read the token file `{}`", path.display())]
    File {
        /// Its path.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// It cannot be signed.
    #[error(transparent)]
    Certificate(#[from] certificate::Error),
}

impl Assertion {
    async fn get(&self) -> Result<String, Error> {
        match self {
            Assertion::Signed {
                certificate,
                client_id,
                audience,
                skew,
            } => {
                let now = skew.to_theirs(Timestamp::now());
                Ok(certificate.assertion(client_id, audience, now)?)
            }
            Assertion::File(path) => match tokio::fs::read_to_string(path).await {
                Ok(text) => Ok(text.trim().to_owned()),
                Err(source) => Err(Error::File {
                    path: path.clone(),
                    source,
                }),
            },
        }
    }
}

#[async_trait]
impl ClientAssertion for Assertion {
    async fn secret(&self, _: Option<ClientMethodOptions<'_>>) -> azure_core::Result<String> {
        self.get()
            .await
            .map_err(|error| AzureError::new(ErrorKind::Credential, error))
    }
}
