//! The target at work: connects, sends what waits, settles what is answered, and begins again when a session ends.

use std::collections::VecDeque;
use std::pin::pin;

use futures_util::future::BoxFuture;
use futures_util::stream::{FuturesUnordered, StreamExt};
use tokio::sync::{mpsc, watch};
use tokio::time::{Instant, sleep_until};

use super::end::End;
use super::message::Message;
use super::settings::Settings;
use crate::deliver::Context;
use crate::deliver::blocked::{Blocks, Cause};
use crate::deliver::stream::connect;
use crate::durable::retry::Retry;
use crate::event::{Rejection, Rendered};

/// Brings records to the receiver until the queue has ended and each is settled, or until `context.abandon`.
///
/// Nothing is spawned, so nothing outlives the call. Records that are not settled at an abandon are dropped: they are sent
/// again after the next start. Certificates are taken over from further `settings`, with the next connection.
pub async fn run(settings: watch::Receiver<Settings>, records: mpsc::Receiver<Rendered>, context: Context) {
    let abandon = context.abandon.clone();
    let mut worker = Worker::new(settings, records, context);
    if worker.settings.tls.as_ref().is_some_and(|tls| !tls.is_verified) {
        worker.context.warn_unverified();
    }
    tokio::select! {
        biased;
        () = abandon.cancelled() => {}
        () = worker.work() => {}
    }
}

/// A target at work, with a session or without one.
pub(super) struct Worker {
    pub(super) settings: Settings,
    pub(super) updates: watch::Receiver<Settings>,
    pub(super) records: mpsc::Receiver<Rendered>,
    pub(super) context: Context,
    /// To be sent, the next one first.
    pub(super) waiting: VecDeque<Message>,
    /// Records just taken from the queue.
    pub(super) intake: Vec<Rendered>,
    /// Whether the queue has ended.
    pub(super) is_ended: bool,
    /// Records on their way to the dead letters.
    pub(super) rejecting: FuturesUnordered<BoxFuture<'static, ()>>,
    /// Records the receiver took since the start.
    pub(super) accepted: u64,
    pub(super) blocks: Blocks,
    pub(super) retry: Retry,
    /// Whether the last session ended in silence: then one line at a time, until one is answered.
    pub(super) is_probing: bool,
    /// Whether there was a connection.
    pub(super) has_connected: bool,
    /// The line that is being written.
    pub(super) line: Vec<u8>,
}

impl Worker {
    fn new(
        mut updates: watch::Receiver<Settings>,
        records: mpsc::Receiver<Rendered>,
        context: Context,
    ) -> Self {
        let settings = updates.borrow_and_update().clone();
        Self {
            blocks: Blocks::new(settings.try_interval),
            settings,
            updates,
            records,
            context,
            waiting: VecDeque::new(),
            intake: Vec::new(),
            is_ended: false,
            rejecting: FuturesUnordered::new(),
            accepted: 0,
            retry: Retry::default(),
            is_probing: false,
            has_connected: false,
            line: Vec::new(),
        }
    }

    /// Completes when everything is settled.
    async fn work(&mut self) {
        while !self.is_done() {
            self.blocks.begin_try(Instant::now());
            let settings = self.settings.clone();
            let connecting = connect(&settings.address, settings.tls.as_ref());
            let end = match self.meanwhile(connecting).await {
                None => return,
                Some(Ok(stream)) => self.session(stream).await,
                Some(Err(error)) => End::NotConnected(error),
            };
            let next_try = self.ended(&end);
            self.pause_until(next_try).await;
        }
    }

    /// Whether nothing is left to do while there is no session.
    pub(super) fn is_done(&self) -> bool {
        self.is_ended && self.waiting.is_empty() && self.rejecting.is_empty()
    }

    /// How many records may be taken in while so many are sent and not answered.
    pub(super) fn room(&self, unanswered: usize) -> usize {
        let held = unanswered + self.waiting.len() + self.rejecting.len();
        match self.is_ended {
            true => 0,
            false => self.settings.window_lines.saturating_sub(held),
        }
    }

    /// Takes over what came from the queue; nothing is the end of it.
    pub(super) fn take_in(&mut self, taken: usize) {
        self.is_ended = taken == 0;
        self.waiting.extend(self.intake.drain(..).map(Message::from));
    }

    /// Sends a record to the dead letters; the rest goes on meanwhile.
    pub(super) fn reject(&mut self, record: Rendered, rejection: Rejection) {
        let context = self.context.clone();
        self.rejecting.push(Box::pin(async move {
            context.rejected(record, rejection).await;
        }));
    }

    /// Takes over new settings, if there are any, and tries at once what was refused with the old ones.
    pub(super) fn take_over(&mut self) {
        if self.updates.has_changed().unwrap_or(false) {
            self.settings = self.updates.borrow_and_update().clone();
            self.blocks.try_now(Instant::now());
        }
    }

    /// Waits for `future`, and takes in records meanwhile. `None` once nothing is left to do.
    async fn meanwhile<T>(&mut self, future: impl Future<Output = T>) -> Option<T> {
        let mut future = pin!(future);
        while !self.is_done() {
            let room = self.room(0);
            tokio::select! {
                biased;
                result = &mut future => return Some(result),
                Some(()) = self.rejecting.next(), if !self.rejecting.is_empty() => {}
                taken = self.records.recv_many(&mut self.intake, room), if room > 0 => self.take_in(taken),
            }
        }
        None
    }

    /// Counts and reports the end of a session, or that there was none. Gives the moment of the next try.
    fn ended(&mut self, end: &End) -> Instant {
        let now = Instant::now();
        let labels = [&*self.context.target];
        self.context
            .metrics
            .deliver_connected
            .with_label_values(&labels)
            .set(0);
        if self.is_done() {
            return now;
        }
        let labels = [&*self.context.target, end.reason().as_str()];
        self.context
            .metrics
            .deliver_retries_total
            .with_label_values(&labels)
            .inc();
        let detail = end.detail();
        if let Some(reason) = end.block() {
            self.blocks.block(reason, detail, Cause::Batch, now);
            self.blocks.publish(&self.context.health);
            return self.blocks.next_try().unwrap_or(now);
        }
        let failure = self.retry.failed();
        if failure.is_to_be_logged {
            tracing::warn!(
                target_name = &*self.context.target,
                detail,
                failures = failure.failures,
                "no session with the RELP receiver; it is tried again, and what it did not answer is sent again"
            );
        }
        now + failure.delay
    }

    /// Waits until then, or until there are new settings.
    async fn pause_until(&mut self, moment: Instant) {
        let mut updates = self.updates.clone();
        let pause = async move {
            tokio::select! {
                () = sleep_until(moment) => {}
                Ok(()) = updates.changed() => {}
            }
        };
        self.meanwhile(pause).await;
        self.take_over();
    }
}
