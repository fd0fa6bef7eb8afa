//! What a partition's reader tells its caller.

use std::time::Duration;

use super::end_reason::EndReason;
use super::settings::{OnInvalidCheckpoint, Position};
use crate::event::{Event, Loss, Offset, SequenceNumber, Timestamp};

/// One thing that happened to a partition.
#[derive(Debug)]
pub enum Step {
    /// The link is attached.
    Attached {
        /// The selector it starts at.
        position: String,
        /// When the hub was made; to be stored with checkpoints.
        hub_created_at: Timestamp,
        /// What `latest` turned out to be after a refused position: to be stored before anything is received, so that a
        /// restart skips nothing.
        resolved: Option<Position>,
    },
    /// The next event.
    Event(Event),
    /// The service sent an event again that was already taken in; it is dropped.
    Repeated {
        /// Its number.
        sequence_number: SequenceNumber,
    },
    /// The AMQP library refused an event; it is passed and will not come again.
    Unreadable {
        /// Its number, taken from its neighbours.
        sequence_number: SequenceNumber,
        /// When the hub took in an event before it, if one is known.
        enqueued_time: Option<Timestamp>,
        /// What the library said.
        detail: String,
    },
    /// Numbers were skipped between two neighbouring events of one link.
    Missing {
        /// How many.
        events: i64,
        /// The event after them, which is the next step, also where it cannot be read.
        before: SequenceNumber,
    },
    /// Retention removed events before they were read; the event after them is the next step.
    Lost(Loss),
    /// Reading started at the event of an offset, of which nothing else is known, and the hub has no such event any more.
    /// How many events were removed with it is not known, nor whether any came after it. The event that is first is the next
    /// step.
    OffsetGone {
        /// The offset.
        offset: Offset,
        /// Number of the first event.
        before: SequenceNumber,
        /// When the hub took that one in.
        enqueued_before: Timestamp,
    },
    /// The hub was deleted and made anew, or another one stands under its name. Reading starts again as the policy says,
    /// and numbers count from 0: what is in flight is to be finished but moves no position.
    HubRecreated {
        /// When the new one was made.
        created_at: Timestamp,
        /// The policy that is applied.
        policy: OnInvalidCheckpoint,
    },
    /// The service refuses the stored position. Reading starts again as the policy says, and numbers may be lower.
    PositionRefused {
        /// What the service said.
        detail: String,
        /// The policy that is applied.
        policy: OnInvalidCheckpoint,
    },
    /// The link, or the attempt to attach it, ended. The reader tries again by itself.
    Detached {
        /// The class of the cause.
        reason: EndReason,
        /// What the peer or the system said.
        detail: String,
        /// When it tries again.
        retry_after: Duration,
    },
    /// The wait after the end of a link is over, and the next call attaches anew. Whoever took the partition may have
    /// done so through what looked like a fault of the connection, so this is where to ask whether it is still ours.
    Reattaching,
}
