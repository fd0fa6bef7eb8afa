//! Whether a partition may be attached, where several instances share the group: only while its ownership is ours.
//!
//! A reader that lost its link may have lost it to the next owner, and not every fault says so. One that simply attached
//! again would take the partition back at the hub, the owner would do the same, and neither balancing would notice.
//! Source: Azure/azure-sdk-for-net issue 60352.

use tokio::time::sleep;

use super::{Ended, Reader};
use crate::checkpoint::{BlobStore, Store};
use crate::durable::Retry;
use crate::eventhub::EndReason;

impl Reader {
    /// Whether other instances may own the partition.
    pub(super) fn shares(&self) -> bool {
        self.blob_store().is_some()
    }

    /// Goes on only while the partition is ours; asks until the store answers. With a store of one process it always is.
    pub(super) async fn hold(&self) -> Result<(), Ended> {
        let Some(store) = self.blob_store() else {
            return Ok(());
        };
        let mut retry = Retry::default();
        loop {
            let asked = tokio::select! {
                () = self.stop.intake.cancelled() => return Err(Ended::Stopped),
                asked = store.confirm_ownership(&self.partition) => asked,
            };
            let error = match asked {
                Ok(true) => return Ok(()),
                Ok(false) => return Err(Ended::Taken),
                Err(error) => error,
            };
            let failure = retry.failed();
            if failure.is_to_be_logged {
                tracing::warn!(
                    partition = %self.partition, consumer_group = &*self.consumer_group,
                    error = &error as &dyn std::error::Error, hint = error.hint(),
                    "partition is not attached before it is known whether it is still ours"
                );
            }
            let cause = format!("it is not known whether it is still ours: {error}");
            self.status.detached(cause, false);
            tokio::select! {
                () = self.stop.intake.cancelled() => return Err(Ended::Stopped),
                () = sleep(failure.delay) => {}
            }
        }
    }

    /// What it means that another reader took the partition at the hub, which said `detail`.
    pub(super) async fn displaced(&self, detail: String) -> Ended {
        self.metrics
            .eventhub_reconnects_total
            .with_label_values(&[EndReason::Stolen.as_str()])
            .inc();
        match self.hold().await {
            Ok(()) => Ended::Displaced(detail),
            Err(ended) => ended,
        }
    }

    fn blob_store(&self) -> Option<&BlobStore> {
        match self.checkpointer.store() {
            Store::Blob(store) => Some(store),
            Store::File(_) | Store::Memory(_) => None,
        }
    }
}
