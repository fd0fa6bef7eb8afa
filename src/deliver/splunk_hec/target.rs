//! The target: what it holds, and the loop that takes records in, starts requests and hears their ends.

use std::collections::VecDeque;
use std::time::Duration;

use futures_util::future::BoxFuture;
use futures_util::stream::{FuturesUnordered, StreamExt};
use tokio::sync::{mpsc, watch};
use tokio::time::{Instant, sleep_until};

use super::batch::Batch;
use super::channel::Channel;
use super::client::{Client, Identity};
use super::envelope::Envelopes;
use super::reply::Reply;
use super::settings::Settings;
use crate::deliver::Context;
use crate::deliver::blocked::Blocks;
use crate::deliver::endpoint::Endpoint;
use crate::deliver::http_request;
use crate::event::Rendered;

/// How long a batch waits for company while the window is full, so that it is not one record a request.
const CROWDED_LINGER: Duration = Duration::from_millis(200);
/// How often an open batch looks whether the window filled up without a further record.
const WINDOW_CHECK_INTERVAL: Duration = Duration::from_millis(100);

/// Most records taken from the queue at once.
const MAX_INTAKE_RECORDS: usize = 256;

/// Brings records to the collector until the queue has ended and each is settled, or until `context.abandon`.
///
/// Every request is a future inside this one; nothing is spawned, so nothing outlives the call. Records that are not
/// settled at an abandon are dropped: they are sent again after the next start.
///
/// Token, batching and trust are taken over from further `settings`; requests under way finish with what they have.
pub async fn run(
    mut settings: watch::Receiver<Settings>,
    mut records: mpsc::Receiver<Rendered>,
    context: Context,
) {
    let abandon = context.abandon.clone();
    let first = settings.borrow_and_update().clone();
    if !first.verify {
        context.warn_unverified();
    }
    let mut target = Target::new(first, context);
    let mut intake = Vec::new();
    loop {
        let now = Instant::now();
        target.start(now);
        if target.is_done() {
            return;
        }
        let room = target.room();
        let wake = target.wake(now);
        tokio::select! {
            biased;
            () = abandon.cancelled() => return,
            Ok(()) = settings.changed() => {
                let new = settings.borrow_and_update().clone();
                target.take_over(new, Instant::now());
            }
            Some(end) = target.operations.next(), if !target.operations.is_empty() => target.finish(end, Instant::now()),
            taken = records.recv_many(&mut intake, room), if room > 0 => {
                target.is_ended = taken == 0;
                target.take_in(&mut intake, Instant::now());
            }
            () = sleep_until(wake.unwrap_or(now)), if wake.is_some() => {}
        }
    }
}

/// A target at work.
pub(super) struct Target {
    pub(super) settings: Settings,
    pub(super) context: Context,
    pub(super) envelopes: Envelopes,
    pub(super) endpoints: Vec<Endpoint>,
    pub(super) connections: Vec<Connection>,
    /// The batch that still takes records, and when its first one came.
    pub(super) open: Batch,
    pub(super) opened: Option<Instant>,
    /// Batches to be sent, the next one first.
    pub(super) ready: VecDeque<Batch>,
    pub(super) blocks: Blocks,
    pub(super) operations: FuturesUnordered<BoxFuture<'static, End>>,
    /// Records on their way to the dead letters, by batch.
    pub(super) rejecting: usize,
    pub(super) scratch: Vec<u8>,
    pub(super) is_ended: bool,
    /// How often the settings were replaced.
    pub(super) edition: u64,
}

/// One connection to one endpoint, with its own channel. It does one thing at a time, so there are never two
/// questions for a channel, and one socket is enough.
pub(super) struct Connection {
    pub(super) endpoint: usize,
    pub(super) client: Client,
    pub(super) channel: Channel,
    pub(super) is_busy: bool,
    /// Edition of the settings that its request under way, or its last one, was sent with.
    pub(super) edition: u64,
    /// Times in a row that the channel was replaced because another node answered.
    pub(super) nodes_lost: u32,
    /// Whether a changed cookie says nothing about the node.
    pub(super) has_rotating_cookie: bool,
}

/// How something that was started ended.
pub(super) enum End {
    /// A batch was sent over a connection.
    Posted(usize, Batch, Result<Reply, http_request::Error>),
    /// A question about acknowledgements was asked over a connection; whether it was a try while blocked.
    Asked(usize, bool, Result<Reply, http_request::Error>),
    /// An endpoint was asked for its health.
    Probed(usize, Result<Reply, http_request::Error>),
    /// A refused record is in the dead letters.
    Rejected,
}

impl Target {
    fn new(settings: Settings, context: Context) -> Self {
        let endpoints: Vec<Endpoint> = settings
            .endpoints
            .iter()
            .map(|url| Endpoint::new(url.clone(), settings.batch_bytes, settings.workers))
            .collect();
        let connections = (0..endpoints.len() * settings.workers)
            .map(|number| Connection {
                endpoint: number % endpoints.len(),
                client: Client::new(&settings),
                channel: Channel::open(),
                is_busy: false,
                edition: 0,
                nodes_lost: 0,
                has_rotating_cookie: false,
            })
            .collect();
        Self {
            envelopes: Envelopes::new(&settings, &context.hub),
            endpoints,
            connections,
            open: Batch::default(),
            opened: None,
            ready: VecDeque::new(),
            blocks: Blocks::new(settings.try_interval),
            operations: FuturesUnordered::new(),
            rejecting: 0,
            scratch: Vec::new(),
            is_ended: false,
            edition: 0,
            settings,
            context,
        }
    }

    /// Whether nothing is left to do.
    fn is_done(&self) -> bool {
        self.is_ended
            && self.open.is_empty()
            && self.ready.is_empty()
            && self.rejecting == 0
            && self.posts() == 0
            && !self
                .connections
                .iter()
                .any(|connection| connection.channel.has_pending())
    }

    /// Batches on their way.
    pub(super) fn posts(&self) -> usize {
        self.endpoints.iter().map(|endpoint| endpoint.posts).sum()
    }

    /// How many records may be taken in: none while batches wait for a worker. Batches of a blocked index do not
    /// count, so that the records of other indexes pass them.
    fn room(&self) -> usize {
        let blocked = self.blocks.indexes();
        let waiting = self
            .ready
            .iter()
            .filter(|batch| batch.indexes & blocked == 0)
            .take(self.settings.workers);
        if self.is_ended || waiting.count() == self.settings.workers {
            return 0;
        }
        self.settings
            .batch_records
            .saturating_sub(self.open.len())
            .clamp(1, MAX_INTAKE_RECORDS)
    }

    fn take_in(&mut self, records: &mut Vec<Rendered>, now: Instant) {
        let limit = self
            .endpoints
            .iter()
            .map(|endpoint| endpoint.batch_bytes)
            .max()
            .unwrap_or(1);
        for record in records.drain(..) {
            if !self.open.is_empty() && self.open.size + self.envelopes.size(&record) > limit {
                self.close_open();
            }
            self.opened.get_or_insert(now);
            self.open.push(record, &self.envelopes);
            if self.open.len() >= self.settings.batch_records || self.open.size >= limit {
                self.close_open();
            }
        }
    }

    /// Puts the open batch behind the others; what a blocked index holds up is gathered apart.
    pub(super) fn close_open(&mut self) {
        let batch = std::mem::take(&mut self.open);
        self.opened = None;
        if batch.indexes & self.blocks.indexes() == 0 {
            self.ready.push_back(batch);
            return;
        }
        for part in batch.by_index(&self.envelopes) {
            let fits = |before: &&mut Batch| {
                before.indexes == part.indexes
                    && before.request.is_none()
                    && before.len() + part.len() <= self.settings.batch_records
                    && before.size + part.size <= self.settings.batch_bytes
            };
            match self.ready.iter_mut().rev().find(fits) {
                Some(before) => part
                    .records
                    .into_iter()
                    .for_each(|record| before.push(record, &self.envelopes)),
                None => self.ready.push_back(part),
            }
        }
    }

    /// Whether the open batch should wait no longer.
    pub(super) fn is_open_due(&self, now: Instant) -> bool {
        let Some((first, opened)) = self.open.records.first().zip(self.opened) else {
            return false;
        };
        self.is_ended
            || opened + self.settings.linger <= now
            || (opened + CROWDED_LINGER <= now && first.held.window().is_full())
    }

    /// When to look again although nothing happened.
    fn wake(&self, now: Instant) -> Option<Instant> {
        let linger = self
            .opened
            .map(|opened| (opened + self.settings.linger).min(now + WINDOW_CHECK_INTERVAL));
        let linger = linger.filter(|_| !self.is_open_due(now));
        let idle = self.connections.iter().filter(|connection| !connection.is_busy);
        let channels = idle.flat_map(|connection| {
            let channel = &connection.channel;
            [
                channel.next_poll(),
                channel.expiry(self.settings.acknowledgement_timeout),
            ]
        });
        let endpoints = self.endpoints.iter().filter_map(|endpoint| endpoint.wakes(now));
        channels
            .flatten()
            .chain(linger)
            .chain(endpoints)
            .chain(self.blocks.wakes())
            .filter(|moment| *moment > now)
            .min()
    }

    /// Who asks over this connection.
    pub(super) fn identity(&self, connection: usize) -> Identity {
        let channel = &self.connections[connection].channel;
        Identity {
            token: self.settings.token().clone(),
            channel: channel.id.clone(),
            cookie: channel.cookie(),
        }
    }
}
