//! What the autoscaler KEDA makes of a checkpoint, by its strategy `blobMetadata`.
//!
//! Source: kedacore/keda, pkg/scalers/azure/azure_eventhub_checkpoint.go and azure_eventhub_scaler.go.

use hub2siem::event::PartitionId;

use crate::azurite::container::Blob;
use crate::azurite::{Azurite, Container, installed};
use crate::stage::{checkpoint, open, zero};

/// A checkpoint this far ahead of the hub is taken for one of another hub.
const STALE_THRESHOLD: i64 = 10_000;

/// What a scaler is told of one partition: its newest and its oldest number.
pub struct Partition<'p> {
    pub id: &'p str,
    pub first: i64,
    pub last: i64,
}

/// The events that KEDA counts as waiting. `namespace` and `hub` as the trigger has them; only the group is lowered.
pub fn lag(
    blobs: &[Blob],
    namespace: &str,
    hub: &str,
    group: &str,
    partition: &Partition<'_>,
) -> Result<i64, String> {
    if partition.last == -1 {
        return Ok(0);
    }
    let name = format!(
        "{namespace}/{hub}/{}/checkpoint/{}",
        group.to_lowercase(),
        partition.id
    );
    let Some(blob) = blobs.iter().find(|blob| blob.name == name) else {
        return Ok(partition.last - partition.first + 1);
    };
    let text = ["sequencenumber", "Sequencenumber"]
        .iter()
        .find_map(|key| blob.metadata.get(*key));
    let number: i64 = text
        .and_then(|text| text.parse().ok())
        .ok_or_else(|| format!("{name} has no sequence number: {:?}", blob.metadata))?;
    match partition.last - number {
        ahead if ahead < -STALE_THRESHOLD => Ok(i64::MAX),
        lag => Ok(lag.max(0)),
    }
}

/// Scenario: checkpoints before the first event, in the middle and at the end, and a partition without one; the trigger
/// names namespace and hub in lower case, the group as it likes.
/// Guarantees: KEDA finds each, and its lag is ours.
#[tokio::test]
async fn finds_every_checkpoint() {
    let Some(installed) = installed("what KEDA reads").await else {
        return;
    };
    let azurite = Azurite::start(&installed).await;
    let store = open(&azurite.settings("checkpoints"), "host-1").await;
    for (partition, number) in [("0", -1), ("1", 41), ("2", 99)] {
        let stored = store
            .store(&PartitionId::new(partition), &checkpoint(number, 1))
            .await;
        stored.expect("it can be stored");
    }
    let blobs = Container::new(&azurite, "checkpoints").list().await;
    let lag = |id, first, last| {
        let partition = Partition { id, first, last };
        lag(
            &blobs,
            "contoso.servicebus.windows.net",
            "defender",
            "$Default",
            &partition,
        )
    };
    assert_eq!(lag("0", 0, -1), Ok(0));
    assert_eq!(lag("0", 0, 9), Ok(10));
    assert_eq!(lag("1", 0, 99), Ok(58));
    assert_eq!(lag("2", 0, 99), Ok(0));
    assert_eq!(lag("3", 50, 99), Ok(50));
    assert!(store.load(&zero()).await.is_ok());
}
