//! The worker of a `file` target: takes what is queued, writes it with one fsync, then settles it.

use std::iter::Peekable;
use std::sync::Arc;

use tokio::sync::mpsc;
use tokio::time::Instant;

use super::config::Settings;
use super::encode;
use super::output::{Error, Output};
use crate::deliver::Context;
use crate::durable::retry::{Retry, chain};
use crate::event::Rendered;
use crate::telemetry::BlockReason;

/// Records written with one fsync at most; bounds how many are settled at once.
const MAX_BATCH_RECORDS: usize = 1_000;

/// Bytes written with one fsync at most, unless one record is larger; bounds the copy made for the write.
const MAX_BATCH_BYTES: usize = 1 << 20;

/// Writes records until their channel ends and all are settled, or at once until `context.abandon`.
///
/// A disk that is full or cannot be written blocks the target; it is tried again for ever.
pub async fn run(settings: Settings, mut records: mpsc::Receiver<Rendered>, context: Context) {
    let abandon = context.abandon.clone();
    let mut worker = Worker::new(&settings, context);
    let work = async {
        worker.open().await;
        let mut queued = Vec::new();
        while records.recv_many(&mut queued, MAX_BATCH_RECORDS).await > 0 {
            let mut records = queued.drain(..).peekable();
            while records.peek().is_some() {
                let batch = worker.collect(&mut records);
                worker.deliver(batch).await;
            }
        }
    };
    tokio::select! {
        biased;
        () = abandon.cancelled() => {}
        () = work => {}
    }
}

struct Worker {
    output: Option<Output>,
    batch_bytes: usize,
    context: Context,
    retry: Retry,
}

impl Worker {
    fn new(settings: &Settings, context: Context) -> Self {
        let file_bytes = settings.rotate.map_or(usize::MAX, |rotate| rotate.bytes.get());
        Self {
            output: Some(Output::new(settings)),
            batch_bytes: MAX_BATCH_BYTES.min(file_bytes),
            context,
            retry: Retry::default(),
        }
    }

    /// Opens the output before the first record, so that trouble shows at once. A failure is not waited for here: the
    /// first record meets it again.
    async fn open(&mut self) {
        if let Err(error) = self.blocking(Output::open).await {
            self.context.health.block(BlockReason::Storage, &chain(&error));
        }
    }

    fn collect(&self, queued: &mut Peekable<impl Iterator<Item = Rendered>>) -> Batch {
        let started = Instant::now();
        let batch = Batch::collect(queued, self.batch_bytes);
        self.context
            .metrics
            .deliver_seconds
            .with_label_values(&[&*self.context.target])
            .observe(started.elapsed().as_secs_f64());
        batch
    }

    /// Completes when every record of the batch is written and settled.
    async fn deliver(&mut self, batch: Batch) {
        let started = Instant::now();
        let Batch { lines, records } = batch;
        while let Err(error) = self.write(&lines).await {
            self.failed(&error, records.len()).await;
        }
        self.context.health.unblock();
        self.retry.succeeded();
        let labels = [&*self.context.target];
        let metrics = &self.context.metrics;
        metrics
            .deliver_confirmation_seconds
            .with_label_values(&labels)
            .observe(started.elapsed().as_secs_f64());
        let bytes: usize = records.iter().map(|record| record.bytes.len()).sum();
        metrics
            .deliver_bytes_total
            .with_label_values(&labels)
            .inc_by(bytes as u64);
        self.context
            .delivered(records.into_iter().map(|record| record.ticket));
    }

    async fn write(&mut self, lines: &Arc<Vec<u8>>) -> Result<(), Error> {
        self.context
            .metrics
            .deliver_batches_total
            .with_label_values(&[&*self.context.target])
            .inc();
        let lines = Arc::clone(lines);
        self.blocking(move |output| output.write(&lines)).await
    }

    async fn failed(&mut self, error: &Error, records: usize) {
        let failure = self.retry.failed();
        let target = &*self.context.target;
        let detail = chain(error);
        let metrics = &self.context.metrics;
        metrics
            .deliver_retries_total
            .with_label_values(&[target, BlockReason::Storage.as_str()])
            .inc();
        metrics
            .deliver_records_total
            .with_label_values(&[target, "retry"])
            .inc_by(records as u64);
        self.context.health.block(BlockReason::Storage, &detail);
        // The first failure is logged where the target becomes blocked.
        if failure.is_to_be_logged && failure.failures > 1 {
            tracing::error!(
                target_name = target,
                detail,
                failures = failure.failures,
                "file target still cannot be written; its records wait"
            );
        }
        tokio::time::sleep(failure.delay).await;
    }

    async fn blocking<T: Send + 'static>(
        &mut self,
        work: impl FnOnce(&mut Output) -> Result<T, Error> + Send + 'static,
    ) -> Result<T, Error> {
        let mut output = self.output.take().expect("the output is back after every use");
        let (output, result) = tokio::task::spawn_blocking(move || {
            let result = work(&mut output);
            (output, result)
        })
        .await
        .expect("writing a file does not panic and is not cancelled");
        self.output = Some(output);
        result
    }
}

/// Records that are written with one fsync.
struct Batch {
    lines: Arc<Vec<u8>>,
    records: Vec<Rendered>,
}

impl Batch {
    /// Takes records as long as their lines stay below `bytes`, and at least one.
    fn collect(queued: &mut Peekable<impl Iterator<Item = Rendered>>, bytes: usize) -> Self {
        let mut lines = Vec::new();
        let mut records = Vec::new();
        let fits =
            |lines: &Vec<u8>, record: &Rendered| lines.is_empty() || lines.len() + record.bytes.len() < bytes;
        while let Some(record) = queued.next_if(|record| fits(&lines, record)) {
            encode::append_line(&record.bytes, &mut lines);
            records.push(record);
        }
        Self {
            lines: Arc::new(lines),
            records,
        }
    }
}
