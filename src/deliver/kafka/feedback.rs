//! What the threads of the client library tell: reports, troubles, statistics, log lines, and the wish for a token.

use std::error::Error;
use std::sync::{Arc, Mutex};

use rdkafka::ClientContext;
use rdkafka::client::OAuthToken;
use rdkafka::config::RDKafkaLogLevel;
use rdkafka::error::KafkaError;
use rdkafka::producer::{DeliveryResult, ProducerContext};
use rdkafka::types::RDKafkaErrorCode;
use tokio::runtime::Handle;

use super::inbox::{Inbox, Report, Trouble};
use super::statistics::Statistics;
use super::token;
use crate::deliver::http_batch::token::TokenSource;
use crate::durable::retry::chain;
use crate::telemetry::Metrics;

/// The ear of one producer. It does next to nothing itself: its callers are the threads that move the messages.
#[derive(Debug)]
pub struct Feedback {
    /// Name of the target.
    pub target: Arc<str>,
    /// Where reports and troubles go.
    pub inbox: Arc<Inbox>,
    /// Metrics of the whole bridge.
    pub metrics: Arc<Metrics>,
    /// Where a token comes from, if one is needed.
    pub token: Option<TokenSource>,
    /// Reads the token.
    pub runtime: Handle,
    /// Counters so far.
    pub statistics: Mutex<Statistics>,
}

impl ClientContext for Feedback {
    const ENABLE_REFRESH_OAUTH_TOKEN: bool = true;

    /// Everything that matters comes by an error or a report as well; these lines are for who searches deeper.
    fn log(&self, level: RDKafkaLogLevel, facility: &str, message: &str) {
        tracing::debug!(
            target_name = &*self.target,
            ?level,
            facility,
            message,
            "client library"
        );
    }

    fn stats_raw(&self, report: &[u8]) {
        let mut statistics = self.statistics.lock().expect("no holder of this lock panics");
        match statistics.observe(report, &self.target, &self.metrics) {
            Some(is_connected) => self.inbox.connected(is_connected),
            None => tracing::debug!(target_name = &*self.target, "statistics of another form"),
        }
    }

    fn error(&self, error: KafkaError, detail: &str) {
        let code = error.rdkafka_error_code().unwrap_or(RDKafkaErrorCode::Fail);
        let detail = detail.to_owned();
        self.inbox.trouble(Trouble { code, detail });
    }

    fn generate_oauth_token(&self, _: Option<&str>) -> Result<OAuthToken, Box<dyn Error>> {
        let source = self.token.as_ref().ok_or("no token is configured")?;
        // The library shows only the outermost text.
        token::token(source, &self.runtime).map_err(|error| chain(&error).into())
    }
}

impl ProducerContext for Feedback {
    type DeliveryOpaque = usize;

    fn delivery(&self, result: &DeliveryResult<'_>, token: usize) {
        let result = match result {
            Ok(_) => Ok(()),
            Err((error, _)) => Err(error.rdkafka_error_code().unwrap_or(RDKafkaErrorCode::Fail)),
        };
        self.inbox.report(Report { token, result });
    }
}
