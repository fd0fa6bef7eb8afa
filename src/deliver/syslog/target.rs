//! The worker of a `syslog` target by TCP or TLS: one connection at a time, and what is written on it.
//!
//! Nothing in the protocol confirms a line. A successful write only fills a buffer of ours; the receiver's system takes
//! bytes that its program never reads. So what was written stays unconfirmed for the settle window and is sent again if
//! the connection ends before.

use std::collections::VecDeque;
use std::time::Duration;

use tokio::sync::{mpsc, watch};
use tokio::time::{Instant, sleep, sleep_until};

use super::connection::{Connection, End};
use super::datagrams;
use super::settings::{Settings, Way};
use super::trouble::{Trouble, Troubles};
use super::unconfirmed::Unconfirmed;
use super::writer::Writer;
use crate::deliver::Context;
use crate::event::Rendered;

/// Time from one write to the next, unless more waits than one write takes: at high rates a line of its own for each
/// system call would cost more than everything else.
const WRITE_INTERVAL: Duration = Duration::from_millis(10);
/// Time from one look for what has left the settle window to the next. What is settled gives room to the readers of the hub:
/// in small pieces it would wake each of them for a few events.
const SETTLE_INTERVAL: Duration = Duration::from_millis(100);
/// Records taken from the queue at once.
const MAX_TAKEN_RECORDS: usize = 1_000;
/// When something came from the receiver at the moment of settling, or it has no room, it is looked at again after this.
const LOOK_INTERVAL: Duration = Duration::from_millis(10);
/// How long a receiver may take to close its side after we closed ours. Those of rsyslog and syslog-ng take milliseconds;
/// waiting longer would only use up the grace period.
const CLOSE_WAIT: Duration = Duration::from_secs(5);
/// After a receiver closed its side: longer than a round trip to any receiver.
const RESET_WAIT: Duration = Duration::from_secs(1);
/// A connection that lasted so long was made with the right settings on both sides.
const PROOF: Duration = Duration::from_secs(1);

/// Sends records until their channel ends and all are settled, or at once until `context.abandon`.
///
/// Of new `settings`, only what TLS trusts and shows is taken over, with the next connection.
pub async fn run(settings: watch::Receiver<Settings>, records: mpsc::Receiver<Rendered>, context: Context) {
    let abandon = context.abandon.clone();
    let first = settings.borrow().clone();
    if matches!(&first.way, Way::Stream { tls: Some(tls), .. } if !tls.is_verified) {
        context.warn_unverified();
    }
    let work = async {
        match first.way {
            Way::Datagrams => datagrams::work(&first, records, &context).await,
            Way::Stream { framing, .. } => {
                let writer = Writer::new(first.line.clone(), framing);
                Worker::new(&first, settings, writer, records, context)
                    .work()
                    .await;
            }
        }
    };
    tokio::select! {
        biased;
        () = abandon.cancelled() => {}
        () = work => {}
    }
}

/// Whether what was written may have been read: nothing came from the receiver, and nothing waits here for room there.
fn is_sound(connection: &Connection) -> bool {
    connection.is_quiet() && connection.is_sent()
}

struct Worker {
    settings: watch::Receiver<Settings>,
    writer: Writer,
    records: mpsc::Receiver<Rendered>,
    is_open: bool,
    taken: Vec<Rendered>,
    /// Not written on the present connection.
    waiting: VecDeque<Rendered>,
    unconfirmed: Unconfirmed<Rendered>,
    /// No write before this.
    next_write: Instant,
    /// Nothing is settled before this.
    next_settle: Instant,
    troubles: Troubles,
    context: Context,
}

impl Worker {
    fn new(
        first: &Settings,
        settings: watch::Receiver<Settings>,
        writer: Writer,
        records: mpsc::Receiver<Rendered>,
        context: Context,
    ) -> Self {
        Self {
            settings,
            writer,
            records,
            is_open: true,
            taken: Vec::new(),
            waiting: VecDeque::new(),
            unconfirmed: Unconfirmed::new(first.settle_window),
            next_write: Instant::now(),
            next_settle: Instant::now(),
            troubles: Troubles::new(first.try_interval),
            context,
        }
    }

    async fn work(mut self) {
        let metrics = &self.context.metrics;
        let reconnects = metrics.deliver_reconnects_total.clone();
        let reconnects = reconnects.with_label_values(&[&*self.context.target]);
        let connected = metrics.deliver_connected.clone();
        let connected = connected.with_label_values(&[&*self.context.target]);
        let mut is_first = true;
        while let Some(mut connection) = self.connect().await {
            reconnects.inc_by(u64::from(!is_first));
            is_first = false;
            connected.set(1);
            let end = self.session(&mut connection).await;
            connected.set(0);
            match end {
                Ok(()) => return,
                Err(end) => self.ended(end).await,
            }
        }
    }

    /// Tries until there is a connection; `None` if there is nothing left to send.
    async fn connect(&mut self) -> Option<Connection> {
        loop {
            let settings = self.settings.borrow_and_update().clone();
            let Way::Stream { tls, .. } = settings.way else {
                unreachable!("the transport does not change while the target runs");
            };
            let open = Connection::open(&settings.address, tls.as_ref());
            match self.unless_done(open).await? {
                Ok(connection) => return Some(connection),
                Err(error) => self.wait(Trouble::connecting(&error)).await?,
            }
        }
    }

    /// Writes and settles until the connection ends, or everything is settled.
    async fn session(&mut self, connection: &mut Connection) -> Result<(), End> {
        let mut proof = Some(Instant::now() + PROOF);
        loop {
            let look = self.settle_due(connection);
            if !self.waiting.is_empty() {
                self.write(connection).await?;
                continue;
            }
            if !self.is_open {
                return self.finish(connection).await;
            }
            let wake = [look, self.settle_at(), proof].into_iter().flatten();
            let wake = match look {
                Some(look) => Some(look),
                None => wake.min(),
            };
            tokio::select! {
                biased;
                end = connection.ended() => return Err(end),
                () = sleep_until(wake.unwrap_or(self.next_write)), if wake.is_some() => {
                    if proof.is_some_and(|proof| proof <= Instant::now()) {
                        proof = None;
                        self.troubles.over(&self.context);
                    }
                }
                () = self.take_in() => {}
            }
        }
    }

    /// Takes in what came, not too soon after the last write.
    async fn take_in(&mut self) {
        sleep_until(self.next_write).await;
        self.receive().await;
    }

    async fn receive(&mut self) {
        let count = self.records.recv_many(&mut self.taken, MAX_TAKEN_RECORDS).await;
        self.is_open = count > 0;
        self.waiting.extend(self.taken.drain(..));
    }

    async fn write(&mut self, connection: &mut Connection) -> Result<(), End> {
        let records = self.writer.fill(&mut self.waiting, &self.context).await;
        if records.is_empty() {
            return Ok(());
        }
        let metrics = &self.context.metrics;
        let labels = [&*self.context.target];
        metrics.deliver_batches_total.with_label_values(&labels).inc();
        let started = Instant::now();
        // Before it is written: of what is written in part, some may have arrived.
        self.unconfirmed.push(records, started);
        let result = connection.write(self.writer.bytes()).await;
        let waited = started.elapsed();
        self.unconfirmed.stand_still(waited);
        metrics
            .deliver_write_seconds
            .with_label_values(&labels)
            .observe(waited.as_secs_f64());
        self.next_write = started + WRITE_INTERVAL;
        result
    }

    /// Settles what has left the window, if the connection is sound at this moment. Gives the time to look again, if that
    /// cannot be told.
    fn settle_due(&mut self, connection: &Connection) -> Option<Instant> {
        let now = Instant::now();
        self.settle_at().filter(|due| *due <= now)?;
        if !is_sound(connection) {
            return Some(now + LOOK_INTERVAL);
        }
        self.settle(now);
        self.next_settle = now + SETTLE_INTERVAL;
        None
    }

    /// When to settle next.
    fn settle_at(&self) -> Option<Instant> {
        self.unconfirmed.next_due().map(|due| due.max(self.next_settle))
    }

    /// Settles what leaves the window by then.
    fn settle(&mut self, until: Instant) {
        let now = Instant::now();
        let metrics = &self.context.metrics;
        let labels = [&*self.context.target];
        while let Some(batch) = self.unconfirmed.take_due(until) {
            let bytes: usize = batch.records.iter().map(|record| record.bytes.len()).sum();
            metrics
                .deliver_bytes_total
                .with_label_values(&labels)
                .inc_by(bytes as u64);
            metrics
                .deliver_confirmation_seconds
                .with_label_values(&labels)
                .observe((now - batch.written).as_secs_f64());
            self.context
                .delivered(batch.records.into_iter().map(|record| record.ticket));
        }
        self.troubles.over(&self.context);
    }

    /// Closes our side, so that the receiver reads to the end and closes its own, and settles the rest.
    ///
    /// Not before it has room for everything: a receiver that stands still may not read to the end for a long time, and what
    /// waits here is gone when the system gives it up. A receiver may have closed just before, for another reason. What reached it after that is answered by a reset within
    /// one round trip, so that is waited for.
    async fn finish(&mut self, connection: &mut Connection) -> Result<(), End> {
        let Some(due) = self.unconfirmed.last_due() else {
            // How the receiver takes that does not matter.
            let _ = connection.half_close().await;
            return Ok(());
        };
        while !is_sound(connection) {
            tokio::select! {
                biased;
                end = connection.ended() => return Err(end),
                () = sleep(LOOK_INTERVAL) => {}
            }
        }
        connection.half_close().await?;
        tokio::select! {
            biased;
            end = connection.ended() => match end {
                End::Closed => sleep_until(due.min(Instant::now() + RESET_WAIT)).await,
                other => return Err(other),
            },
            // It goes on reading, or never closes: then the window has to do.
            () = sleep_until(due.max(Instant::now() + CLOSE_WAIT)) => {}
        }
        match connection.error() {
            Some(end) => Err(end),
            None => {
                self.settle(due);
                Ok(())
            }
        }
    }

    /// What is unconfirmed waits again, before everything else, and so does the worker for a while.
    async fn ended(&mut self, end: End) {
        let mut count = 0;
        for record in self.unconfirmed.take_newest_first() {
            self.waiting.push_front(record);
            count += 1;
        }
        let metrics = &self.context.metrics;
        let target = &*self.context.target;
        metrics
            .deliver_resent_records_total
            .with_label_values(&[target])
            .inc_by(count);
        metrics
            .deliver_records_total
            .with_label_values(&[target, "retry"])
            .inc_by(count);
        // If nothing is left, `connect` finds that out too.
        let _ = self.wait(Trouble::ended(&end)).await;
    }

    /// Says what is wrong, and waits until it is worth another try. `None` if there is nothing left to send.
    async fn wait(&mut self, trouble: Trouble) -> Option<()> {
        let wake = self.troubles.met(trouble, &self.context);
        let mut settings = self.settings.clone();
        let is_blocked = self.troubles.is_blocked();
        let wait = async {
            tokio::select! {
                () = sleep_until(wake) => {}
                // Something was mended, perhaps this.
                Ok(()) = settings.changed(), if is_blocked => {}
            }
        };
        self.unless_done(wait).await?;
        self.troubles.try_again();
        Some(())
    }

    /// Does something for which the queue need not be read; `None` if the queue ends meanwhile and nothing is left to send.
    async fn unless_done<T>(&mut self, work: impl Future<Output = T>) -> Option<T> {
        let mut work = std::pin::pin!(work);
        loop {
            if self.waiting.is_empty() && !self.is_open {
                return None;
            }
            let is_idle = self.waiting.is_empty();
            tokio::select! {
                biased;
                done = &mut work => return Some(done),
                () = self.receive(), if is_idle => {}
            }
        }
    }
}
