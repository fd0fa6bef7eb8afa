//! A record in the form one target wants, on its way to that target.

use std::sync::Arc;

use bytes::Bytes;

use super::{EventId, Kind, Timestamp};
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
}

/// A record's own bytes, shared with its siblings of the same event.
#[derive(Debug, Clone)]
pub struct Original {
    /// The record's bytes.
    pub bytes: Bytes,
    /// Room in the window for the event's body; given back when the last record lets go.
    pub held: Arc<Held>,
}
