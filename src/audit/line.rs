//! A line of the audit's files, framed with length and checksum.

use serde::{Deserialize, Serialize};

use super::Totals;
use crate::durable::frame;
use crate::event::{PartitionId, SequenceNumber, Timestamp};

/// What a line says.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Line {
    /// What became of a range of events.
    Settled(Settled),
    /// How a partition stands at the end of a day or of the process.
    Standing(Standing),
}

/// Who read a partition: one process, and one generation of its reading.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Reading {
    /// Names the process since its start.
    pub run: String,
    /// Grows whenever the process begins the partition anew.
    pub generation: u64,
}

/// What became of the events after `from`, up to and including `to`.
///
/// It takes the place of every earlier line of the partition that lies after `from`: reading went on from there, so what
/// those say was read again.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Settled {
    /// When it was written; of several lines made one, when the last of them was.
    pub time: Timestamp,
    /// Of several lines made one, when the first of them was written.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub since: Option<Timestamp>,
    /// The partition.
    pub partition: PartitionId,
    /// Who read it.
    #[serde(flatten)]
    pub reading: Reading,
    /// When the hub was made; numbers of another hub mean other events.
    pub hub_created_at: Option<Timestamp>,
    /// Why reading began at `from`; only in the first line of a reading.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub begins: Option<String>,
    /// The position before the first event.
    pub from: SequenceNumber,
    /// The last event.
    pub to: SequenceNumber,
    /// Events after `to` that were received and not settled when the line was written.
    pub in_flight: u64,
    /// The sums.
    pub totals: Totals,
}

/// How a partition stands.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Standing {
    /// When it was written.
    pub time: Timestamp,
    /// The partition.
    pub partition: PartitionId,
    /// Who reads it.
    #[serde(flatten)]
    pub reading: Reading,
    /// Events received and not settled. At a stop they are given up, and read again after the next start. Where another
    /// reader has the partition, also those that settled since the last stored position.
    pub in_flight: u64,
    /// Whether the process ends with this line.
    pub is_stop: bool,
    /// Whether this reading ends with this line because another reader has the partition.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub is_taken: bool,
}

impl Line {
    /// When it was written; of several lines made one, when the first and the last of them were.
    pub fn span(&self) -> (Timestamp, Timestamp) {
        match self {
            Line::Settled(line) => (line.since.unwrap_or(line.time), line.time),
            Line::Standing(line) => (line.time, line.time),
        }
    }

    /// Who read.
    pub fn reading(&self) -> &Reading {
        match self {
            Line::Settled(line) => &line.reading,
            Line::Standing(line) => &line.reading,
        }
    }

    /// The partition.
    pub fn partition(&self) -> &PartitionId {
        match self {
            Line::Settled(line) => &line.partition,
            Line::Standing(line) => &line.partition,
        }
    }

    /// Adds it, framed and with its line end.
    pub fn append(&self, lines: &mut Vec<u8>) {
        let json = serde_json::to_vec(self).expect("a line has text keys and plain values");
        frame::append(&json, lines);
    }
}

/// The lines as they are written.
pub fn encode(lines: &[Line]) -> Vec<u8> {
    let mut bytes = Vec::new();
    for line in lines {
        line.append(&mut bytes);
    }
    bytes
}
