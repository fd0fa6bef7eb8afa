//! The tokens of the one credential, as the Azure crate asks for them.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use azure_core::credentials::{AccessToken, Secret, TokenCredential, TokenRequestOptions};
use azure_core::error::{Error as AzureError, ErrorKind};
use azure_core::time::OffsetDateTime;
use secrecy::{ExposeSecret, SecretString};
use tokio::sync::OnceCell;
use tokio::time::timeout;

use crate::credential::{Audience, Failure, TokenSource};

/// How long a request waits for a token where none is good: less than its own patience, so that it is told what is missing.
const PATIENCE: Duration = Duration::from_secs(3);

/// Gives the tokens of a [`TokenSource`] that are for storage. The crate names a scope too; the cloud of the source knows
/// the right one.
#[derive(Debug)]
pub(super) struct Entra {
    source: TokenSource,
    first: OnceCell<()>,
    given: Mutex<Option<SecretString>>,
}

impl Entra {
    pub(super) fn new(source: TokenSource) -> Arc<Self> {
        Arc::new(Self {
            source,
            first: OnceCell::new(),
            given: Mutex::default(),
        })
    }

    /// Waits once until there is a token, or there is none: the first one may take longer than a request has patience, as from
    /// `az`. What fails here fails again where it is shown.
    pub(super) async fn prepare(&self) {
        let asked = async || drop(self.source.token(Audience::Storage).await);
        self.first.get_or_init(asked).await;
    }

    /// The store did not take the token given last: the next one will be another.
    pub(super) fn refuse(&self) {
        let given = self.given.lock().expect("no holder of this lock panics").take();
        if let Some(token) = given {
            self.source.refuse(Audience::Storage, &token);
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
            Err(_) => Err(Failure::of_silence(&self.source.settings().kind, PATIENCE)),
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
