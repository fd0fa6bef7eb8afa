//! A record in the form one target wants, on its way to that target.

use std::sync::Arc;

use bytes::Bytes;

use super::{EventId, Kind, Record, RecordField, Timestamp};
use crate::acknowledge::{Held, Ticket};

/// One rendered record. It owes its event exactly one settlement, given through its [`Ticket`].
#[derive(Debug)]
pub struct Rendered {
    /// The encoded record without a line end: a JSON object, or a line of CEF or LEEF.
    pub bytes: Bytes,
    /// What the target's envelope or a dead letter says about it.
    pub about: About,
    /// The record's own bytes as received, for a dead letter; let go of once the peer took the request.
    pub original: Option<Original>,
    /// Room in the window for `bytes`; given back when dropped.
    pub held: Held,
    /// The obligation to settle.
    pub ticket: Ticket,
}

/// What stays known of a record when its bytes are gone.
#[derive(Debug, Clone)]
pub struct About {
    /// What it is.
    pub kind: Kind,
    /// Position in its event.
    pub index: u32,
    /// Identity of the delivery.
    pub event_id: EventId,
    /// Item key.
    pub key: Option<Box<str>>,
    /// Event time.
    pub time: Timestamp,
    /// Whether the weekly snapshot sent it.
    pub is_snapshot: bool,
    /// Revision of the map that rendered it, as `name@revision`; `None` for `native`.
    pub mapping_revision: Option<Arc<str>>,
    /// What only some kinds of target need; `None` where the target did not ask for it.
    pub details: Option<Box<Details>>,
}

/// What a target may put into headers, keys and priorities. It is copied out of the record, so only targets that need
/// it ask for it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Details {
    /// `$record.action`.
    pub action: Option<Box<str>>,
    /// `$record.severity`, as the source writes it.
    pub severity: Option<Box<str>>,
    /// `$record.resource_id`, as the source writes it.
    pub resource_id: Option<Box<str>>,
    /// `$record.subscription`, lower case.
    pub subscription: Option<Box<str>>,
}

impl Details {
    /// Copies those `wanted` out of `record`; `None` if none is.
    pub fn of(record: &Record<'_>, wanted: &[RecordField]) -> Option<Box<Self>> {
        if wanted.is_empty() {
            return None;
        }
        let text = |field| {
            let value = wanted.contains(&field).then(|| record.field(field))??;
            value.as_str().map(Box::from)
        };
        Some(Box::new(Self {
            action: text(RecordField::Action),
            severity: text(RecordField::Severity),
            resource_id: text(RecordField::ResourceId),
            subscription: text(RecordField::Subscription),
        }))
    }

    /// Bytes of text it keeps.
    pub fn bytes(&self) -> usize {
        let texts = [
            &self.action,
            &self.severity,
            &self.resource_id,
            &self.subscription,
        ];
        texts
            .iter()
            .map(|text| text.as_ref().map_or(0, |text| text.len()))
            .sum()
    }
}

/// A record's own bytes, shared with its siblings of the same event.
#[derive(Debug, Clone)]
pub struct Original {
    /// The record's bytes.
    pub bytes: Bytes,
    /// Room in the window for the event's body; given back when the last record lets go.
    pub held: Arc<Held>,
}
