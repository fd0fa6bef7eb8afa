//! Records that travel together.

use tokio::time::Instant;

use super::body::Encoded;
use crate::event::Rendered;

/// Records of one request, from the first one gathered to the last one settled.
#[derive(Debug, Default)]
pub struct Batch {
    /// The records, in the order they came.
    pub records: Vec<Rendered>,
    /// Where they go; the same for all.
    pub lane: usize,
    /// Size before compression, slightly overestimated.
    pub size: usize,
    /// The body, if it was sent before.
    pub body: Option<Encoded>,
    /// When it was sent first.
    pub first_sent: Option<Instant>,
    /// Replies that nobody should give, in a row.
    pub surprises: u32,
    /// Endpoint of the last doubtful reply, and how many records it had accepted by then.
    pub doubted_at: Option<(usize, u64)>,
}

impl Batch {
    /// Nothing yet for `lane`.
    pub fn new(lane: usize) -> Self {
        Self {
            lane,
            ..Self::default()
        }
    }

    /// Adds a record of `size` bytes at the end.
    pub fn push(&mut self, record: Rendered, size: usize) {
        self.size += size;
        self.records.push(record);
    }

    /// Number of records.
    pub fn len(&self) -> usize {
        self.records.len()
    }

    /// Whether there is no record.
    pub fn is_empty(&self) -> bool {
        self.records.is_empty()
    }

    /// Bytes of the rendered records.
    pub fn rendered_bytes(&self) -> u64 {
        self.records.iter().map(|record| record.bytes.len() as u64).sum()
    }
}
