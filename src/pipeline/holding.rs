//! The only reader of a partition says so in the store that others look at.

use std::time::Duration;

use tokio_util::sync::CancellationToken;

use crate::checkpoint::BlobStore;
use crate::checkpoint::blob::Error;
use crate::event::PartitionId;

/// How often ownership is renewed.
const INTERVAL: Duration = Duration::from_secs(10);

/// Claims a partition and renews that until told to stop, whoever had it before.
pub(super) async fn hold(store: BlobStore, partition: PartitionId, stop: CancellationToken) {
    loop {
        if let Err(error) = claim(&store, &partition).await {
            tracing::warn!(
                %partition, error = &error as &dyn std::error::Error, hint = error.hint(),
                "ownership of the partition cannot be renewed"
            );
        }
        tokio::select! {
            () = stop.cancelled() => return,
            () = tokio::time::sleep(INTERVAL) => {}
        }
    }
}

async fn claim(store: &BlobStore, partition: &PartitionId) -> Result<(), Error> {
    let etag = match store.owned(partition) {
        Some(etag) => Some(etag),
        None => {
            let listed = store.list_ownership().await?.ownerships;
            let listed = listed
                .into_iter()
                .find(|ownership| ownership.partition == *partition);
            listed.map(|ownership| ownership.etag)
        }
    };
    store.claim(partition, etag.as_ref()).await?;
    Ok(())
}
