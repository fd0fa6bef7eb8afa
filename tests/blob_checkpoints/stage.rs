//! Stores and checkpoints to begin with.

use std::collections::BTreeMap;
use std::sync::Arc;

use hub2siem::checkpoint::blob::{BlobStore, Etag, Settings};
use hub2siem::checkpoint::file::Scope;
use hub2siem::checkpoint::layout::{Checkpoint, VERSION};
use hub2siem::event::{Offset, PartitionId, SequenceNumber, Timestamp};

/// A hub and a group whose names other consumers write in another case.
pub const SCOPE: Scope<'static> = Scope {
    namespace: "contoso.servicebus.windows.net",
    port: None,
    hub: "Defender",
    consumer_group: "$Default",
};
/// What the names of its blobs begin with.
pub const GROUP: &str = "contoso.servicebus.windows.net/defender/$default";

/// The store of [`SCOPE`] as the process `owner_id` has it.
pub async fn open(settings: &Settings, owner_id: &str) -> BlobStore {
    let store = BlobStore::open(settings, SCOPE, Arc::from(owner_id)).await;
    store.expect("the store can be opened")
}

/// A checkpoint of a hub that was made at `hub_created_at`.
pub fn checkpoint(number: i64, hub_created_at: i64) -> Checkpoint {
    Checkpoint {
        version: VERSION,
        sequence_number: SequenceNumber(number),
        offset: Offset::new(format!("o{number}")),
        enqueued_time: Timestamp::from_millis(1_700_000_000_000 + number),
        hub_created_at: Some(Timestamp::from_millis(hub_created_at)),
        stored_at: None,
        targets: BTreeMap::new(),
    }
}

/// Partition `0`.
pub fn zero() -> PartitionId {
    PartitionId::new("0")
}

/// Claims a partition that nobody ever had.
pub async fn claim(store: &BlobStore, partition: &PartitionId) -> Etag {
    let claimed = store.claim(partition, None).await.expect("the store answers");
    match claimed {
        hub2siem::checkpoint::blob::Claimed::Won(etag) => etag,
        lost => panic!("{partition}: {lost:?}"),
    }
}
