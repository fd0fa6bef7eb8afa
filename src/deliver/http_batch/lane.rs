//! One place that records are written to: the batch that still takes records, and what the peer said of the place so far.

use std::time::Duration;

use tokio::time::Instant;

use super::batch::Batch;
use crate::event::Rendered;

/// How long a batch waits for company while the window is full, so that it is not one record a request.
const CROWDED_LINGER: Duration = Duration::from_millis(200);

/// How often an open batch looks whether the window filled up without a further record.
const WINDOW_CHECK_INTERVAL: Duration = Duration::from_millis(100);

/// What is gathered for one place, and what is known of it.
#[derive(Debug)]
pub struct Lane {
    /// Whether the peer took a record for it since the start.
    pub has_taken: bool,
    /// Records refused one by one before it took any.
    pub doubts: u32,
    open: Batch,
    opened: Option<Instant>,
}

impl Lane {
    /// Nothing gathered for the place with this number.
    pub fn new(number: usize) -> Self {
        Self {
            has_taken: false,
            doubts: 0,
            open: Batch::new(number),
            opened: None,
        }
    }

    /// Adds a record of `size` bytes. Gives back batches that are full: the one before it, that with it, or both.
    pub fn push(
        &mut self,
        record: Rendered,
        size: usize,
        limit_bytes: usize,
        limit_records: usize,
        now: Instant,
    ) -> impl Iterator<Item = Batch> {
        let before = (!self.open.is_empty() && self.open.size + size > limit_bytes).then(|| self.close());
        self.opened.get_or_insert(now);
        self.open.push(record, size);
        let is_full = self.open.len() >= limit_records || self.open.size >= limit_bytes;
        let after = is_full.then(|| self.close());
        before.into_iter().chain(after)
    }

    /// What was gathered.
    pub fn close(&mut self) -> Batch {
        self.opened = None;
        let next = Batch::new(self.open.lane);
        std::mem::replace(&mut self.open, next)
    }

    /// Number of records.
    pub fn len(&self) -> usize {
        self.open.len()
    }

    /// Whether the batch should wait no longer.
    pub fn is_due(&self, linger: Duration, now: Instant) -> bool {
        let Some((first, opened)) = self.open.records.first().zip(self.opened) else {
            return false;
        };
        opened + linger <= now || (opened + CROWDED_LINGER <= now && first.held.window().is_full())
    }

    /// When to look again although nothing happened.
    pub fn wakes(&self, linger: Duration, now: Instant) -> Option<Instant> {
        let opened = self.opened?;
        Some((opened + linger).min(now + WINDOW_CHECK_INTERVAL))
    }
}
