//! Producers come and go: the first one, and one after each fatal error. Records stay.

use std::time::Duration;

use rdkafka::error::{KafkaError, KafkaResult};
use rdkafka::types::RDKafkaErrorCode;
use tokio::runtime::Handle;
use tokio::time::Instant;

use super::feedback::Feedback;
use super::producer::Producer;
use super::settings::Settings;
use super::target::{End, Target};
use super::verdict::{self, Verdict};
use crate::deliver::blocked::Cause;
use crate::deliver::retry_reason::RetryReason;
use crate::telemetry::BlockReason;

impl Target {
    /// Starts a producer, if it is time for one.
    pub(super) fn start_producer(&mut self, now: Instant) {
        if self.start_at.is_none_or(|moment| moment > now) {
            return;
        }
        self.start_at = None;
        let settings = self.settings.clone();
        let feedback = Feedback {
            target: self.context.target.clone(),
            inbox: self.inbox.clone(),
            metrics: self.context.metrics.clone(),
            token: settings.token.clone(),
            runtime: Handle::current(),
            statistics: Default::default(),
        };
        let start = tokio::task::spawn_blocking(move || Producer::start(&settings, feedback));
        let edition = self.edition;
        self.operations.push(Box::pin(async move {
            let started = start.await.expect("starting does not panic and is not cancelled");
            End::Started(edition, started)
        }));
    }

    /// A producer is there, or could not be had: the client library does not take the options together, or cannot read
    /// a certificate that it could before.
    pub(super) fn started(&mut self, edition: u64, result: KafkaResult<Producer>, now: Instant) {
        match result {
            Ok(producer) if edition != self.edition => self.dismantle(producer, Duration::ZERO),
            Ok(producer) => {
                self.blocks.answered(false, now);
                self.producer = Some(producer);
            }
            Err(error) => {
                let reason = match &error {
                    KafkaError::ClientCreation(text) if text.contains("ssl.") => BlockReason::Tls,
                    _ => BlockReason::Configuration,
                };
                self.blocks.block(reason, error.to_string(), Cause::Question, now);
                self.start_at = Some(now + self.rebuilds.failed().delay);
            }
        }
        self.blocks.publish(&self.context.health);
    }

    /// Asks whether the producer is still of use, which no code of a report says.
    pub(super) fn look_for_fatal(&mut self, now: Instant) {
        let fatal = self.producer.as_ref().and_then(Producer::fatal_error);
        let Some((code, detail)) = fatal else {
            return;
        };
        let Some(producer) = self.producer.take() else {
            return;
        };
        self.broken(producer, code, detail, now);
    }

    fn broken(&mut self, producer: Producer, code: RDKafkaErrorCode, detail: String, now: Instant) {
        let rebuilds = &self.context.metrics.deliver_kafka_rebuilds_total;
        rebuilds.with_label_values(&[&*self.context.target]).inc();
        tracing::warn!(
            target_name = &*self.context.target,
            %code,
            detail,
            "the producer is replaced after a fatal error; what was not confirmed is sent again"
        );
        if let Verdict::Blocked(reason) = verdict::of_report(code) {
            self.blocks.block(reason, detail, Cause::Batch, now);
        }
        let pause = self.rebuilds.failed().delay;
        self.dismantle(producer, pause);
    }

    fn dismantle(&mut self, producer: Producer, pause: Duration) {
        let dismantle = tokio::task::spawn_blocking(move || producer.dismantle());
        self.operations.push(Box::pin(async move {
            dismantle
                .await
                .expect("ending a producer does not panic and is not cancelled");
            End::Dismantled(pause)
        }));
    }

    /// The producer is gone, and told everything it will ever tell.
    pub(super) fn dismantled(&mut self, pause: Duration, now: Instant) {
        self.hear(now);
        let key = self.settings.key;
        let unreported = self.lanes.iter_mut().map(|lane| lane.take_back(key)).sum();
        self.count_retries(unreported, RetryReason::Rebuilt);
        self.full_until = None;
        self.is_connected = false;
        self.start_at = Some(now + pause);
    }

    /// While connections are refused: perhaps for a password or a certificate that somebody renewed since. The client
    /// library does not read them again by itself.
    pub(super) fn read_anew(&mut self, now: Instant) {
        if !self.blocks.needs_answer() || !self.blocks.is_due(now) {
            return;
        }
        self.blocks.begin_try(now);
        let settings = self.settings.clone();
        let read = tokio::task::spawn_blocking(move || settings.renewed().map(Box::new));
        self.operations.push(Box::pin(async move {
            End::ReadAnew(read.await.expect("reading does not panic and is not cancelled"))
        }));
    }

    pub(super) fn renewed(&mut self, settings: Option<Box<Settings>>, now: Instant) {
        let Some(settings) = settings else {
            return;
        };
        tracing::info!(
            target_name = &*self.context.target,
            "a renewed password or certificate is tried"
        );
        self.settings = *settings;
        self.edition += 1;
        self.troubles = 0;
        self.blocks.try_now(now);
        if let Some(producer) = self.producer.take() {
            self.dismantle(producer, Duration::ZERO);
        }
    }
}
