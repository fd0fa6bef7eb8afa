//! Clients of the library, all for the same target.

use std::time::Duration;

use rdkafka::admin::AdminClient;
use rdkafka::consumer::{BaseConsumer, ConsumerContext};
use rdkafka::error::{KafkaError, KafkaResult};
use tokio::runtime::Handle;
use tokio_util::sync::CancellationToken;

use super::cluster::Error;
use super::config::consumer_config;
use super::producer::Producer;
use crate::deliver::Context;
use crate::deliver::kafka::Settings;
use crate::deliver::kafka::feedback::Feedback;

/// One question to the cluster; between two it is looked whether the bridge is ending.
pub(super) const CALL_PATIENCE: Duration = Duration::from_secs(5);

/// What clients are made with. Making one reads files and ending one waits, so both belong on a thread that may.
#[derive(Clone)]
pub(super) struct Clients {
    pub(super) settings: Settings,
    /// The position topic.
    pub(super) topic: String,
    pub(super) context: Context,
    pub(super) runtime: Handle,
    /// Cancelled when nobody waits for answers any more.
    pub(super) ending: CancellationToken,
}

impl Clients {
    /// A producer that is not fenced off yet.
    pub(super) fn producer(&self, transactional_id: &str) -> KafkaResult<Producer> {
        Producer::start(
            self.settings(),
            transactional_id,
            self.feedback(),
            self.ending.clone(),
        )
    }

    /// A reader that sees what `isolation` lets it.
    pub(super) fn consumer(&self, isolation: &str) -> KafkaResult<BaseConsumer<Feedback>> {
        consumer_config(&self.settings(), isolation).create_with_context(self.feedback())
    }

    /// One that makes topics.
    pub(super) fn admin(&self) -> KafkaResult<AdminClient<Feedback>> {
        let mut config = self.settings().client_config();
        // Asking for the position topic would make it, with the brokers' policy and not with ours.
        config.set("allow.auto.create.topics", "false");
        config.create_with_context(self.feedback())
    }

    /// An error with the position topic.
    pub(super) fn error(&self, operation: &'static str, source: KafkaError) -> Error {
        Error::Client {
            operation,
            topic: self.topic.clone(),
            source,
        }
    }

    /// With the password and the certificates that are there now.
    fn settings(&self) -> Settings {
        self.settings.renewed().unwrap_or_else(|| self.settings.clone())
    }

    fn feedback(&self) -> Feedback {
        Feedback {
            target: self.context.target.clone(),
            inbox: Default::default(),
            metrics: self.context.metrics.clone(),
            token: self.settings.token.clone(),
            runtime: self.runtime.clone(),
            statistics: Default::default(),
        }
    }
}

impl ConsumerContext for Feedback {}
