//! The letters of one target on their way to its workers, no more of them at a time than the window has room for.

use std::sync::Arc;

use governor::DefaultDirectRateLimiter;
use governor::clock::Clock;
use prometheus::IntGauge;
use tokio::sync::{Semaphore, mpsc};
use tokio_util::sync::CancellationToken;

use super::prepare::prepare;
use super::settle::Settled;
use super::{Account, Planned};
use crate::acknowledge::{Settlement, Window};
use crate::config::TargetConfiguration;
use crate::deliver::dead_letter::{Entry, entries};
use crate::event::Rendered;
use crate::pipeline::queue;

/// What the feeder of one target needs.
pub(super) struct Feed {
    pub(super) target: TargetConfiguration,
    pub(super) letters: Vec<Planned>,
    /// The way to its workers.
    pub(super) records: mpsc::Sender<Rendered>,
    /// Where settlements go; it has room for as many as there are places.
    pub(super) settled: mpsc::Sender<Settled>,
    /// Places of letters on their way.
    pub(super) places: Arc<Semaphore>,
    pub(super) window: Arc<Window>,
    /// The most letters in a time, of all targets.
    pub(super) limiter: Option<Arc<DefaultDirectRateLimiter>>,
    pub(super) account: Arc<Account>,
    pub(super) in_flight: IntGauge,
    /// No more letters.
    pub(super) intake: CancellationToken,
}

impl Feed {
    /// Sends every letter, or those until told to stop. What happens to them is told elsewhere.
    pub(super) async fn run(self) {
        let intake = self.intake.clone();
        tokio::select! {
            biased;
            () = intake.cancelled() => {}
            () = self.send_all() => {}
        }
    }

    async fn send_all(&self) {
        for planned in &self.letters {
            self.room().await;
            if let Some(entry) = self.read(planned).await
                && !self.send(entry).await
            {
                return;
            }
        }
    }

    /// Waits until there is room for another letter. One is taken in whatever its size.
    async fn room(&self) {
        loop {
            let released = self.window.released();
            tokio::pin!(released);
            released.as_mut().enable();
            if self.window.free_bytes() > 0 {
                break;
            }
            released.await;
        }
        let Some(limiter) = &self.limiter else {
            return;
        };
        while let Err(not_yet) = limiter.check() {
            tokio::time::sleep(not_yet.wait_time_from(limiter.clock().now())).await;
        }
    }

    /// `None` if it is gone since the plan was made: purged, or moved away.
    async fn read(&self, planned: &Planned) -> Option<Entry> {
        let (path, offset, length) = (Arc::clone(&planned.path), planned.id.offset, planned.length);
        let read = tokio::task::spawn_blocking(move || entries::read_at(&path, offset, length)).await;
        match read.expect("reading a file does not panic and is not cancelled") {
            Ok(entry) => Some(entry),
            Err(error) => {
                tracing::warn!(
                    error = &error as &dyn std::error::Error,
                    letter = %planned.id,
                    "dead letter is gone since the replay began; it is not sent"
                );
                None
            }
        }
    }

    /// `false` when the workers are gone.
    async fn send(&self, entry: Entry) -> bool {
        let target = Arc::clone(&self.target.name);
        let prepared = match prepare(&entry.letter, &self.target) {
            Ok(prepared) => prepared,
            Err(unfit) => {
                self.account
                    .refused(&target, entry.id, unfit.reason, unfit.detail);
                return true;
            }
        };
        let place = Arc::clone(&self.places).acquire_owned().await;
        let place = place.expect("the places are never closed");
        let (settled, event_id) = (self.settled.clone(), prepared.about.event_id);
        let answer = move |settlement: Settlement| {
            // Who marks may be gone, because it failed: then the letter stays and is sent again.
            let _is_heard = settled.try_send(Settled {
                id: entry.id,
                crc32: entry.crc32,
                event_id,
                target,
                settlement,
                _place: place,
            });
        };
        let record = prepared.record(&self.window, Box::new(answer));
        queue::send(&self.records, &self.in_flight, record).await
    }
}
