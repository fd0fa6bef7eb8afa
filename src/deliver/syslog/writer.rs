//! Records become the bytes of one write.

use std::collections::VecDeque;

use tokio::time::Instant;

use super::framing::Framing;
use super::line::Fit;
use super::line_settings::LineSettings;
use crate::deliver::Context;
use crate::event::{Rejection, Rendered};

/// A write ends with the line that reaches this: some fifty lines at once, and what is sent again of a write that is
/// interrupted stays small.
const FULL_WRITE_BYTES: usize = 64 << 10;

/// Writes lines into a buffer that is used again.
pub struct Writer {
    line_settings: LineSettings,
    framing: Framing,
    line: Vec<u8>,
    bytes: Vec<u8>,
}

impl Writer {
    /// An empty one.
    pub fn new(line_settings: LineSettings, framing: Framing) -> Self {
        Self {
            line_settings,
            framing,
            line: Vec::new(),
            bytes: Vec::new(),
        }
    }

    /// The lines of the last [`Writer::fill`].
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// Takes records from the front of `waiting` until a write is full, and gives those whose lines are in it. What is too
    /// long is in the dead letters when this completes.
    pub async fn fill(&mut self, waiting: &mut VecDeque<Rendered>, context: &Context) -> Vec<Rendered> {
        let started = Instant::now();
        self.bytes.clear();
        let mut written = Vec::new();
        let mut refused = Vec::new();
        let mut shortened = 0;
        while self.bytes.len() < FULL_WRITE_BYTES
            && let Some(mut record) = waiting.pop_front()
        {
            self.line.clear();
            let encoded = self
                .line_settings
                .encode(&record.bytes, &record.about, &mut self.line);
            match encoded {
                Ok(fit) => {
                    self.framing.append(&self.line, &mut self.bytes);
                    shortened += u64::from(fit == Fit::Shortened);
                    // Nothing refuses it any more, so no dead letter will need it.
                    record.original = None;
                    written.push(record);
                }
                Err(error) => refused.push((record, Rejection::from(error))),
            }
        }
        let labels = [&*context.target];
        let metrics = &context.metrics;
        metrics
            .deliver_truncated_records_total
            .with_label_values(&labels)
            .inc_by(shortened);
        metrics
            .deliver_seconds
            .with_label_values(&labels)
            .observe(started.elapsed().as_secs_f64());
        for (record, rejection) in refused {
            context.rejected(record, rejection).await;
        }
        written
    }
}
