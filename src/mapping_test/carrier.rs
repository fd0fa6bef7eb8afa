//! The event that brings a record which came from no hub.

use bytes::Bytes;

use crate::event::{Event, Hub, Offset, PartitionId, SequenceNumber, Timestamp};

/// A hub, and its first event with `body`, taken in at the start of 2026: the same for each call, so that what is made
/// of a body is the same everywhere.
pub fn carrier(body: impl Into<Bytes>) -> (Hub, Event) {
    let hub = Hub {
        namespace: "contoso.servicebus.windows.net".into(),
        name: "defender".into(),
    };
    let event = Event {
        partition: PartitionId::new("0"),
        sequence_number: SequenceNumber(1),
        offset: Offset::new("0"),
        enqueued_time: Timestamp::from_millis(1_767_225_600_000),
        body: body.into(),
        last_enqueued: None,
    };
    (hub, event)
}
