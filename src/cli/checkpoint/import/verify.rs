//! What a source says, compared with what the hub has.

use std::collections::BTreeMap;

use super::plan::{Found, Position, Why};
use super::raw::{Content, Item};
use crate::checkpoint::Checkpoint;
use crate::checkpoint::layout::VERSION;
use crate::checkpoint::legacy::LegacyPosition;
use crate::cli::checkpoint::hub::Hub;
use crate::cli::checkpoint::resolve::{Unresolved, Wanted, resolve};
use crate::cli::exit::Failure;
use crate::event::{Offset, PartitionId, Timestamp};
use crate::eventhub::{EndReason, KnownHub};

/// What `item` is worth. Without a hub it is taken at its word.
///
/// Errors: the hub cannot be asked.
pub(super) async fn verify(hub: Option<&Hub>, partition: &PartitionId, item: Item) -> Result<Found, Failure> {
    let Item {
        place,
        stored_at,
        content,
    } = item;
    let unusable = |why, detail| Found::Unusable {
        place: place.clone(),
        why,
        detail,
    };
    let (legacy, own) = match content {
        Content::NothingSettled => return Ok(Found::Nothing),
        Content::Unreadable(detail) => return Ok(unusable(Why::Unreadable, detail)),
        Content::Legacy(legacy) => (Some(legacy), None),
        Content::Own(own) => (LegacyPosition::of(&own), Some(*own)),
    };
    let Some(hub) = hub else {
        let own = own.filter(|own| own.known_sequence_number().is_some());
        return Ok(match own.or_else(|| legacy.as_ref().and_then(unverified)) {
            Some(checkpoint) => found(place, checkpoint, Vec::new()),
            None => unusable(
                Why::NeedsHub,
                "it has an offset and no sequence number, which only the hub can tell".to_owned(),
            ),
        });
    };
    let known_hub = KnownHub::of(own.as_ref().and_then(|own| own.hub_created_at), stored_at);
    if known_hub.is_another(hub.created_at) {
        let detail = format!("it is of {known_hub}; this one was made at {}", hub.created_at);
        return Ok(unusable(Why::Foreign, detail));
    }
    let Some(legacy) = legacy else {
        // A checkpoint of ours before the first event.
        let own = own.expect("what is no position of another program is a checkpoint of ours");
        return Ok(found(place, adopted(own, hub), Vec::new()));
    };
    let wanted = Wanted::After {
        sequence_number: legacy.sequence_number,
        offset: legacy.offset.clone(),
    };
    let resolved = match resolve(hub, partition, &wanted).await {
        Ok(resolved) => resolved,
        Err(Unresolved::Foreign(detail)) => return Ok(unusable(Why::Foreign, detail)),
        Err(Unresolved::Peer(end)) if end.reason == EndReason::Unreadable => {
            let detail = format!(
                "the event there cannot be read ({end}), and only the event tells its number; if that is known otherwise, \
                 `checkpoint set --partition {partition} --sequence-number` takes it"
            );
            return Ok(unusable(Why::Unreadable, detail));
        }
        Err(Unresolved::Peer(end)) => return Err(hub.failure(partition, end)),
    };
    let mut checkpoint = resolved.checkpoint;
    if let Some(time) = legacy.enqueued_time
        && checkpoint.known_enqueued_time().is_none()
    {
        checkpoint.enqueued_time = time;
    }
    let checkpoint = match own {
        Some(own) if own.known_sequence_number().is_some() => adopted(own, hub),
        Some(_) | None => checkpoint,
    };
    Ok(found(place, checkpoint, resolved.notes))
}

fn found(place: String, checkpoint: Checkpoint, notes: Vec<String>) -> Found {
    Found::Position(Position {
        place,
        checkpoint,
        notes,
    })
}

/// A checkpoint of ours as one of this hub.
fn adopted(own: Checkpoint, hub: &Hub) -> Checkpoint {
    Checkpoint {
        hub_created_at: Some(hub.created_at),
        ..own
    }
}

/// The checkpoint of a position as it was stored; `None` without a sequence number.
fn unverified(legacy: &LegacyPosition) -> Option<Checkpoint> {
    Some(Checkpoint {
        version: VERSION,
        sequence_number: legacy.sequence_number?,
        // The bridge then starts by the number.
        offset: legacy.offset.clone().unwrap_or_else(|| Offset::new("")),
        enqueued_time: legacy.enqueued_time.unwrap_or(Timestamp::UNKNOWN),
        hub_created_at: None,
        stored_at: None,
        targets: BTreeMap::new(),
    })
}
