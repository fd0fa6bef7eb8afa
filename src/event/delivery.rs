//! What arrives from the hub: one AMQP message of one partition, not yet looked into.

use std::sync::Arc;

use bytes::Bytes;

use super::{Offset, PartitionId, SequenceNumber, Timestamp};

/// The hub an event came from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Hub {
    /// Fully qualified name of the namespace, lower case, without port.
    pub namespace: Arc<str>,
    /// Name of the hub as configured.
    pub name: Arc<str>,
}

/// One event of one partition.
#[derive(Debug, Clone)]
pub struct Event {
    /// Partition it was read from.
    pub partition: PartitionId,
    /// Its number in the partition; gives the order.
    pub sequence_number: SequenceNumber,
    /// Its offset, opaque.
    pub offset: Offset,
    /// When the hub took it in.
    pub enqueued_time: Timestamp,
    /// The message body: whatever section carried it, as one run of bytes.
    pub body: Bytes,
    /// The end of the partition as the service knew it at this delivery, if it said.
    pub last_enqueued: Option<LastEnqueued>,
}

/// The newest event of a partition, as the receiver runtime metric or `$management` reports it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LastEnqueued {
    /// Its number; -1 while the partition is empty.
    pub sequence_number: SequenceNumber,
    /// When it was taken in.
    pub enqueued_time: Timestamp,
}
