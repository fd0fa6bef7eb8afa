//! The one writer of dead letters: answers only when the letters are on disk.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::mpsc;
use tokio::time::MissedTickBehavior;
use tokio_util::sync::CancellationToken;

use super::directory::{Directory, Error};
use super::{Forward, Health, Request, config, frame, line};
use crate::durable::retry::{Retry, chain};
use crate::event::Timestamp;
use crate::telemetry::Metrics;

/// Lines written with one fsync; more requests wait for the next, so that encoding them takes little memory.
const MAX_BATCH_BYTES: usize = 1 << 20;

/// The files are counted anew this often: `purge` makes room beside the bridge.
const LOOK_INTERVAL: Duration = Duration::from_secs(60);

/// Letters that grew too old are warned about every so many looks: once an hour.
const LOOKS_PER_WARNING: u64 = 60;

/// The writer, with its directory open and locked.
#[derive(Debug)]
pub struct Writer {
    directory: Option<Directory>,
    metrics: Arc<Metrics>,
    health: Arc<Health>,
    retry: Retry,
    forward: Option<Forward>,
}

impl Writer {
    /// Opens the directory. Blocks.
    ///
    /// Errors: at start, each means to stop with exit code 74.
    pub fn open(settings: &config::File, metrics: Arc<Metrics>, health: Arc<Health>) -> Result<Self, Error> {
        let directory = Directory::open(settings)?;
        metrics.dead_letter_bytes.set(directory.bytes() as i64);
        Ok(Self {
            directory: Some(directory),
            metrics,
            health,
            retry: Retry::default(),
            forward: None,
        })
    }

    /// Also sends a copy of each letter there, once it is on disk.
    pub fn forwarding_to(self, forward: Option<Forward>) -> Self {
        Self { forward, ..self }
    }

    /// Serves requests until every [`super::DeadLetters`] is dropped, or at once until `abandon`.
    ///
    /// What cannot be written is tried again for ever, loud, without an answer: intake stops by itself.
    pub async fn run(mut self, mut requests: mpsc::Receiver<Request>, abandon: CancellationToken) {
        let mut looks = tokio::time::interval(LOOK_INTERVAL);
        looks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut look_number = 0;
        loop {
            let first = tokio::select! {
                biased;
                () = abandon.cancelled() => return,
                request = requests.recv() => request,
                _ = looks.tick() => {
                    self.look(look_number % LOOKS_PER_WARNING == 0).await;
                    look_number += 1;
                    continue;
                }
            };
            let Some(first) = first else {
                return;
            };
            let batch = Batch::collect(first, &mut requests);
            tokio::select! {
                biased;
                () = abandon.cancelled() => return,
                () = self.write(&batch.lines) => {}
            }
            self.count(&batch.requests);
            for request in batch.requests {
                // Who asked may be gone, because it was abandoned; the letters stand all the same.
                let _is_heard = request.written.send(()).is_ok();
                if let Some(forward) = &self.forward {
                    forward.send(&request.letters, Timestamp::now());
                }
            }
        }
    }

    /// Completes when the lines are on disk. Where the limit leaves room for a part of them, that part is written once.
    async fn write(&mut self, lines: &Arc<Vec<u8>>) {
        let mut written = 0;
        while written < lines.len() {
            let batch = Arc::clone(lines);
            let result = self
                .blocking(move |directory| directory.append(&batch[written..], Timestamp::now()))
                .await;
            match result {
                Ok(bytes) => {
                    written += bytes;
                    self.succeeded();
                }
                Err(error) => self.failed(&error).await,
            }
        }
    }

    fn succeeded(&mut self) {
        if self.health.unblock() {
            self.retry.succeeded();
            tracing::info!("dead letters are written again");
        }
    }

    async fn failed(&mut self, error: &Error) {
        let failure = self.retry.failed();
        self.health.block(chain(error));
        if failure.is_to_be_logged {
            tracing::error!(
                error = error as &dyn std::error::Error,
                failures = failure.failures,
                hint = error.hint(),
                "dead letters cannot be written; intake stops until they can, nothing is lost"
            );
        }
        tokio::time::sleep(failure.delay).await;
    }

    /// Counts the files anew, closes an old segment, and warns about old letters if it is time for that.
    async fn look(&mut self, is_to_warn: bool) {
        let result = self
            .blocking(move |directory| {
                let now = Timestamp::now();
                directory.close_old(now);
                directory.count()?;
                match is_to_warn {
                    true => directory.older_than_age(now),
                    false => Ok(Vec::new()),
                }
            })
            .await;
        match result {
            Ok(old) if old.is_empty() => {}
            Ok(old) => tracing::warn!(
                files = old.len(),
                oldest = old[0],
                "dead letters are older than `dead_letter.file.age`; replay or look at them, then purge them"
            ),
            Err(error) => tracing::warn!(
                error = &error as &dyn std::error::Error,
                "the age of the dead letters could not be looked at"
            ),
        }
    }

    fn count(&self, requests: &[Request]) {
        for letter in requests.iter().flat_map(|request| &request.letters) {
            let target = letter.target.as_deref().unwrap_or_default();
            self.metrics
                .dead_letter_records_total
                .with_label_values(&[target, letter.reason.as_str()])
                .inc();
        }
    }

    async fn blocking<T: Send + 'static>(
        &mut self,
        work: impl FnOnce(&mut Directory) -> Result<T, Error> + Send + 'static,
    ) -> Result<T, Error> {
        let mut directory = self
            .directory
            .take()
            .expect("the directory is back after every use");
        let (directory, result) = tokio::task::spawn_blocking(move || {
            let result = work(&mut directory);
            (directory, result)
        })
        .await
        .expect("work on dead letter files does not panic and is not cancelled");
        self.metrics.dead_letter_bytes.set(directory.bytes() as i64);
        self.directory = Some(directory);
        result
    }
}

/// Requests that are written together.
struct Batch {
    requests: Vec<Request>,
    lines: Arc<Vec<u8>>,
}

impl Batch {
    fn collect(first: Request, waiting: &mut mpsc::Receiver<Request>) -> Self {
        let (mut lines, mut json) = (Vec::new(), Vec::new());
        let mut requests = Vec::new();
        let mut next = Some(first);
        while let Some(request) = next {
            for letter in &request.letters {
                json.clear();
                line::write(letter, &mut json);
                frame::append(&json, &mut lines);
            }
            requests.push(request);
            next = (lines.len() < MAX_BATCH_BYTES)
                .then(|| waiting.try_recv().ok())
                .flatten();
        }
        Self {
            requests,
            lines: Arc::new(lines),
        }
    }
}
