//! One dead letter, with everything a replay or a person needs.

use std::sync::Arc;

use bytes::Bytes;

use crate::acknowledge::Mark;
use crate::deliver::Context;
use crate::event::{
    EventId, Hub, Kind, Offset, PartitionId, RejectReason, Rejection, Rendered, SequenceNumber, Timestamp,
};

/// One record that was refused for good.
#[derive(Debug, Clone)]
pub struct DeadLetter {
    /// Identity of the delivery; `None` for an event that could not be read.
    pub event_id: Option<EventId>,
    /// The hub it came from.
    pub hub: Hub,
    /// Consumer group that read it.
    pub consumer_group: Arc<str>,
    /// Partition it came from.
    pub partition: PartitionId,
    /// Sequence number of its event.
    pub sequence_number: SequenceNumber,
    /// Offset of its event, if known.
    pub offset: Option<Offset>,
    /// When the hub took its event in, if known.
    pub enqueued_time: Option<Timestamp>,
    /// Position of the record in its event.
    pub record_index: u32,
    /// What it is.
    pub kind: Kind,
    /// Item key.
    pub key: Option<Box<str>>,
    /// The target that refused it; none for what never reached one.
    pub target: Option<Arc<str>>,
    /// The stage that refused it: one of the seven stage names.
    pub stage: &'static str,
    /// Class of the refusal.
    pub reason: RejectReason,
    /// The peer's text, or ours.
    pub detail: String,
    /// Revision of the map that rendered it.
    pub mapping_revision: Option<Arc<str>>,
    /// The record itself.
    pub content: Content,
}

/// What is kept of the record.
#[derive(Debug, Clone)]
pub enum Content {
    /// The record's own bytes as received; of the whole event where it could not be decoded.
    Body(Bytes),
    /// The rendered record, where the bytes as received were let go of before the refusal.
    Rendered(Bytes),
    /// Nothing: the AMQP library refused the event.
    Nothing,
}

impl DeadLetter {
    /// The dead letter of a record that its target refused.
    pub fn refused(context: &Context, record: &Rendered, rejection: Rejection) -> Self {
        let event = record.ticket.event();
        let Mark {
            sequence_number,
            offset,
            enqueued_time,
        } = event.position().clone();
        Self {
            event_id: Some(record.about.event_id),
            hub: context.hub.clone(),
            consumer_group: Arc::clone(&context.consumer_group),
            partition: event.partition().clone(),
            sequence_number,
            offset: Some(offset),
            enqueued_time: Some(enqueued_time),
            record_index: record.about.index,
            kind: record.about.kind,
            key: record.about.key.clone(),
            target: Some(Arc::clone(&context.target)),
            stage: "deliver",
            reason: rejection.reason,
            detail: rejection.detail,
            mapping_revision: record.about.mapping_revision.clone(),
            content: match &record.original {
                Some(original) => Content::Body(original.bytes.clone()),
                None => Content::Rendered(record.bytes.clone()),
            },
        }
    }
}
