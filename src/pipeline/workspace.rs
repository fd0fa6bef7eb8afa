//! What a reader keeps from event to event, so that an event costs few allocations and few observations.

use std::time::Duration;

use super::chunk::Chunk;
use super::dispatch::Dispatch;
use crate::telemetry::Metrics;

/// What one reader renders with.
#[derive(Debug)]
pub struct Workspace {
    /// The record being rendered.
    pub(super) scratch: Vec<u8>,
    /// Where it goes then, by target.
    pub(super) chunks: Vec<Chunk>,
    /// Time spent since the stages were observed last.
    pub(super) stages: Stages,
}

/// Events whose stages are observed as one batch under load; without load each wait for an event ends a batch.
pub(super) const STAGE_BATCH_EVENTS: u32 = 64;

/// What the stages of one batch took.
#[derive(Debug, Default)]
pub(super) struct Stages {
    pub(super) events: u32,
    pub(super) decode: Duration,
    pub(super) map: Duration,
}

impl Stages {
    pub(super) fn observe(&mut self, metrics: &Metrics) {
        if self.events > 0 {
            metrics.decode_seconds.observe(self.decode.as_secs_f64());
            metrics.map_seconds.observe(self.map.as_secs_f64());
        }
        *self = Self::default();
    }
}

impl Workspace {
    /// For a reader that dispatches by `plan`.
    pub fn new(plan: &Dispatch) -> Self {
        Self {
            scratch: Vec::with_capacity(8 << 10),
            chunks: plan.targets.iter().map(|_| Chunk::default()).collect(),
            stages: Stages::default(),
        }
    }

    /// No further event is there now: what was done since the last time is one batch.
    pub fn end_batch(&mut self, plan: &Dispatch) {
        self.stages.observe(plan.counters.metrics());
    }
}
