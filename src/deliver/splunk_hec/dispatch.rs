//! What is started, and when: questions, health probes, and above all batches.

use tokio::time::Instant;

use super::acknowledge;
use super::batch::Batch;
use super::request::Request;
use super::target::{End, Target};

impl Target {
    /// Starts everything that may be started now.
    pub(super) fn start(&mut self, now: Instant) {
        self.ask_due_channels(now);
        self.probe_endpoints(now);
        self.ask_while_blocked(now);
        while self.post_next(now) {}
    }

    /// Asks where it is time, and once more where the oldest batch waited too long: then the answer decides.
    fn ask_due_channels(&mut self, now: Instant) {
        for number in 0..self.connections.len() {
            let connection = &self.connections[number];
            let expiry = connection.channel.expiry(self.settings.acknowledgement_timeout);
            let mut moments = connection.channel.next_poll().into_iter().chain(expiry);
            if !connection.is_busy && moments.any(|moment| moment <= now) {
                self.ask(number, false);
            }
        }
    }

    fn probe_endpoints(&mut self, now: Instant) {
        for number in 0..self.endpoints.len() {
            let has_work =
                !self.ready.is_empty() || !self.open.is_empty() || self.has_other_endpoint(number, now);
            let asks_with = self
                .connections
                .iter()
                .position(|connection| connection.endpoint == number);
            let Some(connection) = asks_with.filter(|_| has_work) else {
                continue;
            };
            if self.endpoints[number].begin_probe(now) {
                let identity = self.identity(connection);
                let client = self.connections[connection].client.clone();
                let url = self.endpoints[number].url.clone();
                self.operations.push(Box::pin(async move {
                    End::Probed(number, client.health(&url, &identity).await)
                }));
            }
        }
    }

    /// Whether records could flow past this endpoint: then it is readmitted without waiting for a batch in need.
    fn has_other_endpoint(&self, number: usize, now: Instant) -> bool {
        let mut others = self
            .endpoints
            .iter()
            .enumerate()
            .filter(|(other, _)| *other != number);
        others.any(|(_, endpoint)| endpoint.is_open(now))
    }

    /// While the peer gives no acknowledgements, a question is the harmless try.
    fn ask_while_blocked(&mut self, now: Instant) {
        if !self.blocks.needs_answer() || !self.blocks.is_due(now) {
            return;
        }
        let idle = self.connections.iter().position(|connection| !connection.is_busy);
        if let Some(connection) = idle.filter(|_| !self.ready.is_empty() || self.is_open_due(now)) {
            self.blocks.begin_try(now);
            self.ask(connection, true);
        }
    }

    fn ask(&mut self, number: usize, is_try: bool) {
        let identity = self.identity(number);
        let connection = &mut self.connections[number];
        connection.is_busy = true;
        connection.edition = self.edition;
        let question = if connection.channel.has_pending() {
            acknowledge::question(connection.channel.ids())
        } else {
            acknowledge::question([0].into_iter())
        };
        let client = connection.client.clone();
        let url = self.endpoints[connection.endpoint].url.clone();
        self.operations.push(Box::pin(async move {
            End::Asked(number, is_try, client.ask(&url, &identity, question).await)
        }));
    }

    /// Sends the next batch, if there is one, a worker for it and an endpoint that takes it.
    fn post_next(&mut self, now: Instant) -> bool {
        if !self.may_post(now) {
            return false;
        }
        let Some(connection) = self.idle_connection(now) else {
            return false;
        };
        let Some(batch) = self.next_batch(now) else {
            return false;
        };
        let limit = self.endpoints[self.connections[connection].endpoint].batch_bytes;
        if batch.size > limit && batch.len() > 1 {
            let halves = batch.halves(&self.envelopes);
            self.put_first(halves);
        } else {
            self.post(connection, batch, now);
        }
        true
    }

    fn may_post(&self, now: Instant) -> bool {
        let posts = self.posts();
        if self.blocks.is_target_blocked() {
            return posts == 0 && self.blocks.is_due(now) && !self.blocks.needs_answer();
        }
        posts < self.settings.workers
    }

    /// An idle connection to the open endpoint with the least to do.
    fn idle_connection(&self, now: Instant) -> Option<usize> {
        let idle = self.connections.iter().enumerate().filter(|(_, connection)| {
            !connection.is_busy && self.endpoints[connection.endpoint].is_open(now)
        });
        idle.min_by_key(|(_, connection)| {
            let endpoint = &self.endpoints[connection.endpoint];
            (
                endpoint.posts,
                connection.channel.ids().count(),
                endpoint.accepted,
            )
        })
        .map(|(number, _)| number)
    }

    /// The first batch that no index holds up; without one, the open batch once it is due.
    fn next_batch(&mut self, now: Instant) -> Option<Batch> {
        let blocked = self.blocks.indexes();
        if blocked != 0 {
            self.separate_blocked(blocked);
        }
        let blocks = &mut self.blocks;
        let next = self
            .ready
            .iter()
            .position(|batch| batch.indexes & blocked == 0 || blocks.begin_index_try(batch.indexes, now));
        if let Some(next) = next {
            return self.ready.remove(next);
        }
        if !self.is_open_due(now) {
            return None;
        }
        if self.open.indexes & blocked == 0 {
            self.opened = None;
            return Some(std::mem::take(&mut self.open));
        }
        self.close_open();
        self.next_batch(now)
    }

    /// Divides batches that mix records of a refused index with others, so that the others can go.
    fn separate_blocked(&mut self, blocked: u16) {
        let is_mixed = |batch: &Batch| batch.indexes & blocked != 0 && batch.indexes.count_ones() > 1;
        if !self.ready.iter().any(is_mixed) {
            return;
        }
        for batch in std::mem::take(&mut self.ready) {
            if is_mixed(&batch) {
                self.ready.extend(batch.by_index(&self.envelopes));
            } else {
                self.ready.push_back(batch);
            }
        }
    }

    fn post(&mut self, number: usize, mut batch: Batch, now: Instant) {
        let endpoint_number = self.connections[number].endpoint;
        self.blocks.begin_try(now);
        let (body, is_gzip) = self.encode(&mut batch, endpoint_number);
        let endpoint = &mut self.endpoints[endpoint_number];
        endpoint.posts += 1;
        if endpoint.is_on_probation {
            endpoint.has_probe = true;
            batch.is_probe = true;
        }
        batch.first_sent.get_or_insert(now);
        let target = [&*self.context.target];
        self.context
            .metrics
            .deliver_batches_total
            .with_label_values(&target)
            .inc();
        let url = endpoint.url.clone();
        let identity = self.identity(number);
        let connection = &mut self.connections[number];
        connection.is_busy = true;
        connection.edition = self.edition;
        let client = connection.client.clone();
        self.operations.push(Box::pin(async move {
            let result = client.post_events(&url, &identity, body, is_gzip).await;
            End::Posted(number, batch, result)
        }));
    }

    /// The body of a batch for one endpoint, encoded at most once for each form of compression.
    pub(super) fn encode(&mut self, batch: &mut Batch, endpoint: usize) -> (bytes::Bytes, bool) {
        let is_gzip = self.settings.is_compressed && !self.endpoints[endpoint].is_plain;
        if batch
            .request
            .as_ref()
            .is_some_and(|request| request.is_gzip && !is_gzip)
        {
            batch.restore();
        }
        let request = batch.request.get_or_insert_with(|| {
            let began = std::time::Instant::now();
            let request = Request::encode(&batch.records, &self.envelopes, is_gzip, &mut self.scratch);
            let target = [&*self.context.target];
            let seconds = self.context.metrics.deliver_seconds.with_label_values(&target);
            seconds.observe(began.elapsed().as_secs_f64());
            request
        });
        (request.body.clone(), request.is_gzip)
    }
}
