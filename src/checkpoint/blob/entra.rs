//! The tokens of the one credential, as the Azure crate asks for them.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use azure_core::credentials::{AccessToken, Secret, TokenCredential, TokenRequestOptions};
use azure_core::error::{Error as AzureError, ErrorKind};
use azure_core::time::OffsetDateTime;
use secrecy::{ExposeSecret, SecretString};
use tokio::time::timeout;

use crate::credential::{Audience, TokenSource};

/// How long a request waits for a newer token. While the one before is good, the crate goes on with that; a wait of its whole
/// patience would end every request for as long as the authority is silent.
const PATIENCE: Duration = Duration::from_secs(3);

/// Gives the tokens of a [`TokenSource`] that are for storage. The crate names a scope too; the cloud of the source knows
/// the right one.
#[derive(Debug)]
pub(super) struct Entra {
    source: TokenSource,
    given: Mutex<Option<SecretString>>,
}

impl Entra {
    pub(super) fn new(source: TokenSource) -> Arc<Self> {
        Arc::new(Self {
            source,
            given: Mutex::default(),
        })
    }

    /// The store did not take the token given last: the next one will be another.
    pub(super) async fn refuse(&self) {
        let given = self.given.lock().expect("no holder of this lock panics").take();
        if let Some(token) = given {
            self.source.refuse(Audience::Storage, &token).await;
        }
    }
}

#[async_trait]
impl TokenCredential for Entra {
    async fn get_token(
        &self,
        _: &[&str],
        _: Option<TokenRequestOptions<'_>>,
    ) -> azure_core::Result<AccessToken> {
        let source = self.source.clone();
        // It goes on when nobody waits any more, so that its answer counts for the next request.
        let asked = tokio::spawn(async move { source.token(Audience::Storage).await });
        let token = match timeout(PATIENCE, asked).await {
            Ok(asked) => asked.map_err(|error| AzureError::new(ErrorKind::Other, error))?,
            Err(elapsed) => return Err(AzureError::new(ErrorKind::Credential, elapsed)),
        };
        let token = token.map_err(|failure| AzureError::new(ErrorKind::Credential, failure))?;
        let seconds = token.expires_at.as_millis().div_euclid(1000);
        let expires_on = OffsetDateTime::from_unix_timestamp(seconds)
            .map_err(|error| AzureError::new(ErrorKind::DataConversion, error))?;
        let text = Secret::new(token.text.expose_secret().to_owned());
        *self.given.lock().expect("no holder of this lock panics") = Some(token.text);
        Ok(AccessToken::new(text, expires_on))
    }
}
