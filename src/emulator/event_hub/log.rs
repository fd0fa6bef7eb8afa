//! What the hub holds: per partition a run of events in segments, so that repeated events cost no memory of their own.

use std::collections::VecDeque;
use std::ops::ControlFlow;
use std::sync::Arc;

use bytes::Bytes;

use crate::event::Timestamp;

use super::body::{Body, Template};

/// Distance between the offsets of neighbouring events, so that an offset mistaken for a sequence number is noticed.
const OFFSET_STRIDE: i64 = 4096;

/// All partitions of the hub in one life.
#[derive(Debug)]
pub(super) struct Log {
    /// When this life of the hub began; a re-created hub has a later one.
    pub created_at: Timestamp,
    /// The partitions by number.
    pub partitions: Vec<Partition>,
    next_partition: usize,
    next_counter: u64,
}

/// One partition.
#[derive(Debug, Default)]
pub(super) struct Partition {
    segments: VecDeque<Segment>,
    begin: i64,
    next: i64,
    last_enqueued: Option<Timestamp>,
    retention: Option<i64>,
}

/// A run of events that were enqueued at one moment.
#[derive(Debug)]
struct Segment {
    first: i64,
    count: i64,
    enqueued_time: Timestamp,
    source: Source,
}

#[derive(Debug)]
enum Source {
    One {
        body: Body,
        partition_key: Option<Arc<str>>,
    },
    /// The event at index `i` has the counter `counter + i * stride` and the line at that counter.
    Repeated {
        lines: Arc<[Template]>,
        counter: u64,
        stride: u64,
    },
}

/// One event as a reader sees it.
pub(super) struct Stored<'a> {
    pub sequence_number: i64,
    pub enqueued_time: Timestamp,
    pub partition_key: Option<&'a str>,
    pub body: Content<'a>,
}

/// Where the bytes of an event come from.
pub(super) enum Content<'a> {
    Body(&'a Body),
    Rendered(&'a Template, u64),
}

/// Offset of an event as the hub writes it.
pub(super) fn offset(sequence_number: i64) -> i64 {
    sequence_number * OFFSET_STRIDE
}

/// Lowest sequence number whose offset is greater than (or, if `inclusive`, not less than) `offset`.
pub(super) fn sequence_after_offset(offset: i64, inclusive: bool) -> i64 {
    let floor = offset.div_euclid(OFFSET_STRIDE);
    let exact = offset.rem_euclid(OFFSET_STRIDE) == 0;
    if inclusive && exact { floor } else { floor + 1 }
}

impl Log {
    /// An empty hub of `partitions` partitions, each keeping the newest `retention` events (all if `None`).
    pub fn new(partitions: u32, retention: Option<u64>, created_at: Timestamp) -> Self {
        let mut log = Self {
            created_at,
            partitions: Vec::new(),
            next_partition: 0,
            next_counter: 0,
        };
        for _ in 0..partitions {
            log.add_partition(retention);
        }
        log
    }

    /// Adds an empty partition at the end.
    pub fn add_partition(&mut self, retention: Option<u64>) {
        self.partitions.push(Partition {
            retention: retention.map(|events| i64::try_from(events).unwrap_or(i64::MAX)),
            ..Partition::default()
        });
    }

    /// The partition a sender without a choice gets next.
    pub fn round_robin(&mut self) -> usize {
        let partition = self.next_partition % self.partitions.len();
        self.next_partition = partition + 1;
        partition
    }

    /// Appends `events` further events made from `lines`, in turn, spread evenly over all partitions.
    pub fn append_repeated(&mut self, lines: &Arc<[Template]>, events: u64, enqueued_time: Timestamp) {
        let stride = self.partitions.len() as u64;
        let start = self.next_counter;
        for index in 0..stride {
            // The first counter at or after `start` that belongs to this partition.
            let first = start + (index + stride - start % stride) % stride;
            let end = start + events;
            if first >= end {
                continue;
            }
            let count = (end - first).div_ceil(stride);
            let source = Source::Repeated {
                lines: Arc::clone(lines),
                counter: first,
                stride,
            };
            let partition = &mut self.partitions[index as usize];
            partition.push(source, i64::try_from(count).unwrap_or(i64::MAX), enqueued_time);
        }
        self.next_counter = start + events;
    }
}

impl Partition {
    /// Appends one event and gives its sequence number.
    pub fn append(&mut self, body: Body, partition_key: Option<Arc<str>>, enqueued_time: Timestamp) -> i64 {
        self.push(Source::One { body, partition_key }, 1, enqueued_time);
        self.next - 1
    }

    fn push(&mut self, source: Source, count: i64, enqueued_time: Timestamp) {
        self.segments.push_back(Segment {
            first: self.next,
            count,
            enqueued_time,
            source,
        });
        self.next += count;
        self.last_enqueued = Some(enqueued_time);
        if let Some(retention) = self.retention {
            self.truncate(self.next - retention);
        }
    }

    /// Leaves out the next `count` sequence numbers.
    pub fn skip(&mut self, count: i64) {
        self.next += count;
    }

    /// Forgets all events before `sequence_number`, as retention does.
    pub fn truncate(&mut self, sequence_number: i64) {
        self.begin = self.begin.max(sequence_number.min(self.next));
        while let Some(segment) = self.segments.front()
            && segment.first + segment.count <= self.begin
        {
            self.segments.pop_front();
        }
    }

    /// Sequence number of the oldest kept event, or of the next one if there is none.
    pub fn begin(&self) -> i64 {
        self.begin
    }

    /// Sequence number of the newest event; -1 before the first.
    pub fn last(&self) -> i64 {
        self.next - 1
    }

    /// When the newest event was enqueued, also after it was truncated.
    pub fn last_enqueued(&self) -> Option<Timestamp> {
        self.last_enqueued
    }

    /// Whether no event is kept.
    pub fn is_empty(&self) -> bool {
        self.segments.is_empty()
    }

    /// Lowest sequence number enqueued after (or, if `inclusive`, not before) `time`; the next one if there is none.
    pub fn sequence_after_time(&self, time: Timestamp, inclusive: bool) -> i64 {
        self.segments
            .iter()
            .find(|segment| segment.enqueued_time > time || (inclusive && segment.enqueued_time == time))
            .map_or(self.next, |segment| segment.first.max(self.begin))
    }

    /// Calls `visit` for each kept event from `sequence_number` on, in order, until it breaks.
    pub fn for_each_from(&self, sequence_number: i64, mut visit: impl FnMut(Stored<'_>) -> ControlFlow<()>) {
        let start = sequence_number.max(self.begin);
        let position = self
            .segments
            .partition_point(|segment| segment.first + segment.count <= start);
        for segment in self.segments.range(position..) {
            for index in (start - segment.first).max(0)..segment.count {
                if visit(segment.event(index)).is_break() {
                    return;
                }
            }
        }
    }
}

impl Segment {
    fn event(&self, index: i64) -> Stored<'_> {
        let (body, partition_key) = match &self.source {
            Source::One { body, partition_key } => (Content::Body(body), partition_key.as_deref()),
            Source::Repeated {
                lines,
                counter,
                stride,
            } => {
                let counter = counter + index.unsigned_abs() * stride;
                let line = &lines[(counter % lines.len() as u64) as usize];
                (Content::Rendered(line, counter), None)
            }
        };
        Stored {
            sequence_number: self.first + index,
            enqueued_time: self.enqueued_time,
            partition_key,
            body,
        }
    }
}

impl From<Bytes> for Body {
    fn from(bytes: Bytes) -> Self {
        Body::Data(bytes)
    }
}
