//! What is left to do for the ownership when the readers have ended: keep it until the last checkpoint, then give it back.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use futures_util::{StreamExt, stream};

use super::sharing::{Ownership, Sharing};
use crate::checkpoint::BlobStore;
use crate::checkpoint::blob::{self, Claimed};
use crate::event::PartitionId;

/// Requests to the store at a time.
pub(super) const MAX_REQUESTS: usize = 8;
/// How long giving back may take. What is not given back is free after its expiry.
const RELINQUISH_TIMEOUT: Duration = Duration::from_secs(5);

/// The partitions of a group that stops.
#[derive(Debug)]
pub struct Held {
    sharing: Sharing,
    consumer_group: Arc<str>,
    partitions: BTreeSet<PartitionId>,
}

impl Held {
    /// What is ours of `partitions`; `None` where nothing is shared.
    pub fn of(
        ownership: Ownership,
        consumer_group: Arc<str>,
        partitions: BTreeSet<PartitionId>,
    ) -> Option<Self> {
        match ownership {
            Ownership::Alone => None,
            Ownership::Shared(sharing) => Some(Self {
                sharing,
                consumer_group,
                partitions,
            }),
        }
    }

    /// Keeps what is ours while the targets are drained, so that nobody reads it before the last checkpoint.
    pub async fn renew_for_ever(&self) {
        loop {
            for (partition, renewed) in renew(&self.sharing.store, self.partitions.clone()).await {
                if let Err(error) = renewed {
                    tracing::debug!(%partition, cause = %error, "ownership was not renewed while stopping");
                }
            }
            tokio::time::sleep(self.sharing.interval).await;
        }
    }

    /// Gives everything back, so that others need not wait for the expiry. After the last checkpoint.
    pub async fn relinquish(&self) {
        let given = tokio::time::timeout(RELINQUISH_TIMEOUT, self.relinquish_all()).await;
        let cause = match given {
            Ok(Ok(0)) => return,
            Ok(Ok(partitions)) => {
                tracing::info!(
                    consumer_group = &*self.consumer_group,
                    partitions,
                    "partitions given back"
                );
                return;
            }
            Ok(Err(error)) => error.to_string(),
            Err(_) => "the blob store does not answer in time".to_owned(),
        };
        tracing::warn!(
            consumer_group = &*self.consumer_group,
            cause,
            free_after_seconds = self.sharing.expiry.as_secs(),
            "partitions were not given back; other instances take them over when they expire"
        );
    }

    /// By what stands in the store: a claim that the stop cut off may have succeeded.
    async fn relinquish_all(&self) -> Result<usize, blob::Error> {
        let store = &self.sharing.store;
        let listing = store.list_ownership().await?;
        let own = listing
            .ownerships
            .into_iter()
            .filter(|own| own.owner_id == store.owner_id());
        let given = stream::iter(own).map(|own| async move {
            match store.confirm_ownership(&own.partition).await? {
                true => store.relinquish(&own.partition).await.map(|()| 1),
                false => Ok(0),
            }
        });
        let given: Vec<_> = given.buffer_unordered(MAX_REQUESTS).collect().await;
        given.into_iter().sum()
    }
}

/// Renews those of `partitions` that are ours, each with its result.
pub(super) async fn renew(
    store: &BlobStore,
    partitions: impl IntoIterator<Item = PartitionId>,
) -> Vec<(PartitionId, Result<Claimed, blob::Error>)> {
    let renewals = stream::iter(partitions).map(|partition| async move {
        let renewed = match store.owned(&partition) {
            Some(etag) => store.claim(&partition, Some(&etag)).await,
            None => Ok(Claimed::LostTo),
        };
        (partition, renewed)
    });
    renewals.buffer_unordered(MAX_REQUESTS).collect().await
}
