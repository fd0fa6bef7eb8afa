//! A target that the operator gave up: its records go to the dead letters, so that those it shares a group with go on.

use tokio::sync::mpsc;

use super::Context;
use super::dead_letter::DeadLetter;
use crate::acknowledge::Settlement;
use crate::event::{RejectReason, Rejection, Rendered};

/// Records that are written with one sync of the disk.
const MAX_RECORDS: usize = 256;

/// Writes each record to the dead letters and settles it once it is on disk, until the queue has ended or
/// `context.abandon`. Records that are not settled then are read again after the next start.
pub async fn run(mut records: mpsc::Receiver<Rendered>, context: Context) {
    tracing::error!(
        target_name = &*context.target,
        "target is given up: each of its records goes to the dead letters until `given_up` is removed"
    );
    let mut taken = Vec::with_capacity(MAX_RECORDS);
    loop {
        let count = tokio::select! {
            biased;
            () = context.abandon.cancelled() => return,
            count = records.recv_many(&mut taken, MAX_RECORDS) => count,
        };
        if count == 0 || !write(&mut taken, &context).await {
            return;
        }
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
    let labels = [&*context.target];
    let in_flight = context
        .metrics
        .deliver_in_flight_records
        .with_label_values(&labels);
    let rejected = context
        .metrics
        .deliver_records_total
        .with_label_values(&[&*context.target, "rejected"]);
    for record in records.drain(..) {
        rejected.inc();
        in_flight.dec();
        record.ticket.settle(Settlement::DeadLettered);
    }
    true
}
