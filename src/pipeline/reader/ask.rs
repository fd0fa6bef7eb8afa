//! When the hub is asked for the oldest and the newest event of a partition.

use std::time::{Duration, Instant};

use super::Reader;
use super::reading::{Asked, Reading};
use crate::event::Timestamp;

impl Reader {
    /// When to ask the hub for its oldest and newest event: while none arrives, so that the lag is known; and while one
    /// waits for long, so that it is known what the hub removes first.
    pub(super) fn ask_in(&self, reading: &Reading) -> Duration {
        let idle_millis = self.idle_interval.as_millis() as i64;
        let oldest = reading.in_flight.oldest();
        let since = match oldest.is_some_and(|oldest| Timestamp::now().millis_since(oldest) >= idle_millis) {
            true => reading.last_asked,
            false => reading.last_asked.max(reading.last_event),
        };
        self.idle_interval.saturating_sub(since.elapsed())
    }

    pub(super) async fn ask(&self, reading: &mut Reading) {
        reading.last_asked = Instant::now();
        if reading.last_event.elapsed() >= self.idle_interval {
            reading.credit.idle();
        }
        let asked = tokio::select! {
            () = self.stop.intake.cancelled() => return,
            asked = self.client.partition_properties(&self.partition) => asked,
        };
        reading.asked = Some(match asked {
            Ok(properties) => Asked::Told(properties, reading.last_asked),
            Err(end) => Asked::Failed(end),
        });
    }
}
