//! A target that the operator gave up: its records go to the dead letters, so that those it shares a group with go on.

use std::time::Duration;

use tokio::sync::mpsc;
use tokio::time::{Instant, interval_at};

use super::Context;
use super::dead_letter::DeadLetter;
use crate::acknowledge::Settlement;
use crate::event::{RejectReason, Rejection, Rendered};

/// Records that are written with one sync of the disk.
const MAX_RECORDS: usize = 256;

/// The log says this often how many records went to the dead letters, as long as they become more.
const LOG_INTERVAL: Duration = Duration::from_secs(3600);

/// Writes each record to the dead letters and settles it once it is on disk, until the queue has ended or
/// `context.abandon`. Records that are not settled then are read again after the next start.
pub async fn run(mut records: mpsc::Receiver<Rendered>, context: Context) {
    context.health.given_up(0);
    tracing::error!(
        target_name = &*context.target,
        "target is given up: each of its records goes to the dead letters until `given_up` is removed"
    );
    let mut hours = interval_at(Instant::now() + LOG_INTERVAL, LOG_INTERVAL);
    let mut logged = 0;
    let mut taken = Vec::with_capacity(MAX_RECORDS);
    loop {
        let count = tokio::select! {
            biased;
            () = context.abandon.cancelled() => break,
            _ = hours.tick() => {
                log(&context, &mut logged);
                continue;
            }
            count = records.recv_many(&mut taken, MAX_RECORDS) => count,
        };
        if count == 0 || !write(&mut taken, &context).await {
            break;
        }
    }
    log(&context, &mut logged);
}

/// Says how many records it were, unless that was said.
fn log(context: &Context, logged: &mut u64) {
    let records = context.health.given_up_records().unwrap_or_default();
    if records > *logged {
        tracing::error!(
            target_name = &*context.target,
            records,
            "target is given up: so many of its records went to the dead letters since the start"
        );
        *logged = records;
    }
}

/// `false` if the dead letters are closed, because the process is ending.
async fn write(records: &mut Vec<Rendered>, context: &Context) -> bool {
    let rejection = || Rejection {
        reason: RejectReason::GivenUp,
        detail: "the target is given up".to_owned(),
    };
    let letters = records
        .iter()
        .map(|record| DeadLetter::refused(context, record, rejection()));
    if context.dead_letters.write(letters.collect()).await.is_err() {
        return false;
    }
    let count = records.len() as u64;
    context.health.given_up(count);
    let metrics = &context.metrics;
    metrics
        .deliver_records_total
        .with_label_values(&[&*context.target, "rejected"])
        .inc_by(count);
    metrics
        .deliver_in_flight_records
        .with_label_values(&[&*context.target])
        .sub(count as i64);
    for record in records.drain(..) {
        record
            .ticket
            .settle(Settlement::DeadLettered(RejectReason::GivenUp));
    }
    true
}
