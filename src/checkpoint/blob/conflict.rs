//! What a refused write of a checkpoint means: somebody else wrote it since we last saw it.

use super::store::BlobStore;
use super::{Error, metadata};
use crate::checkpoint::layout::Checkpoint;
use crate::event::PartitionId;

const READ: &str = "read the checkpoint";

/// What to do about a refused write.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Verdict {
    /// The partition is not ours: nothing of ours may be written.
    Lost,
    /// What stands there is as far as what we have.
    Behind,
    /// Write again, in place of what stands there now.
    Again,
}

/// Reads both blobs again. The last write of an owner before us must not evict us, and a write of ours must not move the
/// position back.
pub(super) async fn judge(
    store: &BlobStore,
    partition: &PartitionId,
    ours: &Checkpoint,
) -> Result<Verdict, Error> {
    if !store.confirm_ownership(partition).await? {
        return Ok(Verdict::Lost);
    }
    let name = store.0.names.checkpoint(partition);
    let Some(blob) = store.client().read(READ, &name).await? else {
        store.note_checkpoint(partition, None);
        return Ok(Verdict::Again);
    };
    store.note_checkpoint(partition, Some(blob.etag));
    // What cannot be read says no position that ours could move back.
    let stored = metadata::read(&name, &blob.metadata).ok();
    let Some(stored) = stored.filter(|stored| is_as_far(stored, ours)) else {
        return Ok(Verdict::Again);
    };
    store.note_further(partition, stored);
    Ok(Verdict::Behind)
}

/// Whether `stored` is at or beyond `ours`. Numbers of another hub say nothing; who does not say which hub it was means
/// this one.
fn is_as_far(stored: &Checkpoint, ours: &Checkpoint) -> bool {
    let is_same_hub = match (stored.hub_created_at, ours.hub_created_at) {
        (Some(stored), Some(ours)) => stored == ours,
        _ => true,
    };
    is_same_hub && stored.sequence_number >= ours.sequence_number
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::checkpoint::layout::VERSION;
    use crate::event::{Offset, SequenceNumber, Timestamp};

    #[test]
    fn only_a_position_of_the_same_hub_is_as_far() {
        let checkpoint = |number, hub_created_at: Option<i64>| Checkpoint {
            version: VERSION,
            sequence_number: SequenceNumber(number),
            offset: Offset::new("1"),
            enqueued_time: Timestamp::UNKNOWN,
            hub_created_at: hub_created_at.map(Timestamp::from_millis),
            stored_at: None,
            targets: BTreeMap::new(),
        };
        for (stored, ours, expected) in [
            ((9, Some(1)), (9, Some(1)), true),
            ((10, Some(1)), (9, Some(1)), true),
            ((8, Some(1)), (9, Some(1)), false),
            ((10, Some(1)), (9, Some(2)), false),
            ((10, None), (9, Some(2)), true),
            ((10, Some(1)), (9, None), true),
            ((SequenceNumber::UNKNOWN.0, None), (-1, Some(2)), false),
        ] {
            let is_as_far = is_as_far(&checkpoint(stored.0, stored.1), &checkpoint(ours.0, ours.1));
            assert_eq!(is_as_far, expected, "{stored:?} {ours:?}");
        }
    }
}
