//! The target at work: the loop that takes records in, starts requests and hears their ends.

use std::collections::VecDeque;

use futures_util::future::BoxFuture;
use futures_util::stream::{FuturesUnordered, StreamExt};
use tokio::sync::{mpsc, watch};
use tokio::time::{Instant, sleep_until};

use super::batch::Batch;
use super::body;
use super::client::{self, Request};
use super::lane::Lane;
use super::protocol::{Protocol, Reply};
use super::settings::Settings;
use crate::deliver::Context;
use crate::deliver::blocked::Blocks;
use crate::deliver::endpoint::Endpoint;
use crate::deliver::http_request;
use crate::event::Rendered;
use crate::proxy;

/// Most records taken from the queue at once.
const MAX_INTAKE_RECORDS: usize = 256;

/// Brings records to the peer until the queue has ended and each is settled, or until `context.abandon`.
///
/// Every request is a future inside this one; nothing is spawned, so nothing outlives the call. Records that are not
/// settled at an abandon are dropped: they are sent again after the next start.
///
/// Secrets, batching and trust are taken over from further `settings`; requests under way finish with what they have.
pub async fn run<P: Protocol>(
    protocol: P,
    mut settings: watch::Receiver<Settings>,
    mut records: mpsc::Receiver<Rendered>,
    context: Context,
) {
    let abandon = context.abandon.clone();
    let first = settings.borrow_and_update().clone();
    if !first.verify {
        context.warn_unverified();
    }
    let mut sender = Sender::new(protocol, first, context);
    let mut intake = Vec::new();
    loop {
        let now = Instant::now();
        while sender.post_next(now) {}
        if sender.is_done() {
            return;
        }
        let room = sender.room();
        let wake = sender.wake(now);
        tokio::select! {
            biased;
            () = abandon.cancelled() => return,
            Ok(()) = settings.changed() => {
                let new = settings.borrow_and_update().clone();
                sender.take_over(new, Instant::now());
            }
            Some(end) = sender.operations.next(), if !sender.operations.is_empty() => sender.finish(end, Instant::now()),
            taken = records.recv_many(&mut intake, room), if room > 0 => {
                sender.is_ended = taken == 0;
                sender.take_in(&mut intake, Instant::now());
            }
            () = sleep_until(wake.unwrap_or(now)), if wake.is_some() => {}
        }
    }
}

/// A target at work.
pub(super) struct Sender<P> {
    pub(super) protocol: P,
    pub(super) settings: Settings,
    pub(super) context: Context,
    http: reqwest::Client,
    pub(super) endpoints: Vec<Endpoint>,
    pub(super) lanes: Vec<Lane>,
    /// Batches to be sent, the next one first.
    pub(super) ready: VecDeque<Batch>,
    pub(super) blocks: Blocks,
    pub(super) operations: FuturesUnordered<BoxFuture<'static, End>>,
    /// Records on their way to the dead letters.
    pub(super) rejecting: usize,
    /// Whether each endpoint took nothing since it refused everything: our identity, our TLS, the address.
    pub(super) refusing: Vec<bool>,
    is_ended: bool,
    /// How often the settings were replaced.
    pub(super) edition: u64,
}

/// How something that was started ended.
pub(super) enum End {
    /// A batch was sent.
    Posted(Box<Posted>),
    /// A refused record is in the dead letters.
    Rejected,
}

/// A batch that was sent, and what came back.
pub(super) struct Posted {
    /// Number of the endpoint.
    pub(super) endpoint: usize,
    /// The settings it was sent with.
    pub(super) edition: u64,
    pub(super) batch: Batch,
    pub(super) result: Result<Reply, client::Error>,
}

impl<P: Protocol> Sender<P> {
    fn new(protocol: P, settings: Settings, context: Context) -> Self {
        let endpoints = settings
            .endpoints
            .iter()
            .map(|url| Endpoint::new(url.clone(), settings.batch_bytes, settings.workers))
            .collect();
        Self {
            http: http_request::client(&settings.tls, settings.workers, settings.proxy.as_ref()),
            endpoints,
            lanes: (0..protocol.lanes().len()).map(Lane::new).collect(),
            ready: VecDeque::new(),
            blocks: Blocks::new(settings.try_interval),
            operations: FuturesUnordered::new(),
            rejecting: 0,
            refusing: vec![false; settings.endpoints.len()],
            is_ended: false,
            edition: 0,
            protocol,
            settings,
            context,
        }
    }

    /// Whether nothing is left to do.
    fn is_done(&self) -> bool {
        self.is_ended
            && self.ready.is_empty()
            && self.rejecting == 0
            && self.posts() == 0
            && self.lanes.iter().all(|lane| lane.len() == 0)
    }

    /// Batches on their way.
    fn posts(&self) -> usize {
        self.endpoints.iter().map(|endpoint| endpoint.posts).sum()
    }

    /// How many records may be taken in: none while batches wait for a worker. Batches of a blocked lane do not count,
    /// so that the records of others pass them.
    fn room(&self) -> usize {
        let blocked = self.blocks.indexes();
        let waiting = self.ready.iter().filter(|batch| blocked & (1 << batch.lane) == 0);
        match self.is_ended || waiting.take(self.settings.workers).count() == self.settings.workers {
            true => 0,
            false => self.settings.batch_records.clamp(1, MAX_INTAKE_RECORDS),
        }
    }

    fn take_in(&mut self, records: &mut Vec<Rendered>, now: Instant) {
        let limits = self.endpoints.iter().map(|endpoint| endpoint.batch_bytes);
        let limit_bytes = limits.max().unwrap_or(1);
        for record in records.drain(..) {
            let size = self.protocol.size(&record);
            let lane = &mut self.lanes[self.protocol.lane(record.about.kind)];
            let full = lane.push(record, size, limit_bytes, self.settings.batch_records, now);
            self.ready.extend(full);
        }
    }

    /// When to look again although nothing happened.
    fn wake(&self, now: Instant) -> Option<Instant> {
        let lanes = self
            .lanes
            .iter()
            .filter(|lane| !lane.is_due(self.settings.linger, now));
        let lanes = lanes.filter_map(|lane| lane.wakes(self.settings.linger, now));
        let endpoints = self.endpoints.iter().filter_map(|endpoint| endpoint.wakes(now));
        lanes
            .chain(endpoints)
            .chain(self.blocks.wakes())
            .filter(|moment| *moment > now)
            .min()
    }

    /// Sends the next batch, if there is one, a worker for it and an endpoint that takes it.
    fn post_next(&mut self, now: Instant) -> bool {
        let may_post = match self.blocks.is_target_blocked() {
            true => self.posts() == 0 && self.blocks.is_due(now),
            false => self.posts() < self.settings.workers,
        };
        if !may_post {
            return false;
        }
        let open = self
            .endpoints
            .iter()
            .enumerate()
            .filter(|(_, endpoint)| endpoint.is_open(now));
        let Some((endpoint, _)) = open.min_by_key(|(_, endpoint)| (endpoint.posts, endpoint.accepted)) else {
            return false;
        };
        let Some(batch) = self.next_batch(now) else {
            return false;
        };
        if batch.size > self.endpoints[endpoint].batch_bytes && batch.len() > 1 {
            let halves = self.halves(batch);
            self.put_first(halves);
        } else {
            self.post(endpoint, batch, now);
        }
        true
    }

    /// The first batch whose lane takes something; without one, the first open batch that is due.
    fn next_batch(&mut self, now: Instant) -> Option<Batch> {
        let blocked = self.blocks.indexes();
        let blocks = &mut self.blocks;
        let mut is_free = |lane: usize| blocked & (1 << lane) == 0 || blocks.begin_index_try(1 << lane, now);
        if let Some(next) = self.ready.iter().position(|batch| is_free(batch.lane)) {
            return self.ready.remove(next);
        }
        let (linger, is_ended) = (self.settings.linger, self.is_ended);
        let mut due = self
            .lanes
            .iter_mut()
            .enumerate()
            .filter(|(_, lane)| match is_ended {
                true => lane.len() > 0,
                false => lane.is_due(linger, now),
            });
        due.find(|(number, _)| is_free(*number))
            .map(|(_, lane)| lane.close())
    }

    fn post(&mut self, number: usize, mut batch: Batch, now: Instant) {
        self.blocks.begin_try(now);
        let endpoint = &mut self.endpoints[number];
        endpoint.posts += 1;
        batch.first_sent.get_or_insert(now);
        let is_gzip = self.settings.is_compressed && !endpoint.is_plain;
        let url = self.protocol.url(&endpoint.url, batch.lane);
        let body = body::encode(&mut batch, &self.protocol, is_gzip, &self.context);
        let request = Request::new(&self.http, &self.settings, self.protocol.method(), url, body);
        let batches = &self.context.metrics.deliver_batches_total;
        batches.with_label_values(&[&*self.context.target]).inc();
        let edition = self.edition;
        self.operations.push(Box::pin(async move {
            let result = request.send().await;
            End::Posted(Box::new(Posted {
                endpoint: number,
                edition,
                batch,
                result,
            }))
        }));
    }

    /// Takes over secrets, batching, trust and proxy. Batches that are gathered stay as they are, and are divided if they are
    /// too large now. What else differs needs a restart, and a difference there does not come here.
    fn take_over(&mut self, new: Settings, now: Instant) {
        self.edition += 1;
        if new.batch_bytes != self.settings.batch_bytes {
            let endpoints = self.endpoints.iter_mut();
            endpoints.for_each(|endpoint| endpoint.allow(new.batch_bytes));
        }
        let is_same_way = proxy::settings::is_same(new.proxy.as_ref(), self.settings.proxy.as_ref());
        if new.tls_files != self.settings.tls_files || !is_same_way {
            self.http = http_request::client(&new.tls, new.workers, new.proxy.as_ref());
        }
        self.blocks.try_now(now);
        self.settings = new;
    }
}
