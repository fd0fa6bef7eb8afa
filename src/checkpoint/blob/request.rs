//! One request to the blob store and its end.

use std::sync::Arc;
use std::time::Duration;

use azure_core::http::{ClientOptions, ExponentialRetryOptions, RetryOptions, Transport as AzureTransport};

use super::Error;
use super::entra::Entra;
use super::settings::Settings;
use super::transport::Transport;

/// All tries of one request together. Far below the expiry of an ownership, so that a renewal that fails is noticed while
/// there is time for another.
const PATIENCE: Duration = Duration::from_secs(8);
/// Tries after the first; whoever asked tries again later by itself.
const MAX_RETRIES: u32 = 2;

/// Options of the Azure crate: our HTTP client, and few tries.
pub(super) fn options(settings: &Settings) -> ClientOptions {
    let retry = ExponentialRetryOptions {
        max_retries: MAX_RETRIES,
        max_total_elapsed: PATIENCE.try_into().expect("eight seconds are a duration"),
        ..ExponentialRetryOptions::default()
    };
    ClientOptions {
        transport: Some(AzureTransport::new(Arc::new(Transport::new(settings)))),
        retry: RetryOptions::exponential(retry),
        ..ClientOptions::default()
    }
}

/// Waits for the end of a request, for [`PATIENCE`] at most; the first one waits for a token before.
pub(super) async fn finish<T>(
    operation: &'static str,
    object: &str,
    entra: Option<&Entra>,
    request: impl Future<Output = azure_core::Result<T>>,
) -> Result<T, Error> {
    if let Some(entra) = entra {
        entra.prepare().await;
    }
    let ended = tokio::time::timeout(PATIENCE, request).await;
    let Ok(ended) = ended else {
        return Err(Error::Silent {
            operation,
            object: object.to_owned(),
            patience: PATIENCE,
        });
    };
    let error = match ended {
        Ok(answer) => return Ok(answer),
        Err(error) => Error::of(operation, object, &error),
    };
    if let (Error::Refused { status: 401, .. }, Some(entra)) = (&error, entra) {
        entra.refuse();
    }
    Err(error)
}
