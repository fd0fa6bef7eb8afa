//! A producer by whose `transactional.id` only one can write: the newest.

use std::sync::Arc;
use std::time::{Duration, Instant};

use rdkafka::error::{KafkaError, KafkaResult, RDKafkaError};
use rdkafka::message::OwnedHeaders;
use rdkafka::producer::{BaseRecord, Producer as _, ThreadedProducer};
use rdkafka::types::RDKafkaErrorCode as Code;
use tokio_util::sync::CancellationToken;

use super::claim::Lost;
use super::config::{TRANSACTION_TIMEOUT, producer_config};
use crate::deliver::kafka::Settings;
use crate::deliver::kafka::feedback::Feedback;
use crate::deliver::kafka::inbox::{Arrived, Inbox, Trouble};
use crate::deliver::kafka::message::Message;
use crate::deliver::kafka::verdict;

/// One question to the client library; between two it is looked whether the bridge is ending.
const CALL_PATIENCE: Duration = Duration::from_secs(1);

/// How often reports are looked for that are surely coming.
const REPORT_INTERVAL: Duration = Duration::from_millis(1);

/// How long one producer tries to become the only one, before that is said and the next one tries.
const FENCE_PATIENCE: Duration = Duration::from_secs(10);

/// How long the end of a transaction is asked for. The cluster has ended it by itself by then.
const END_PATIENCE: Duration = Duration::from_secs(2 * TRANSACTION_TIMEOUT.as_secs());

/// Why a transaction could not be begun, filled or ended.
#[derive(Debug)]
pub(super) enum Failure {
    /// The transaction is gone; the producer can begin another one.
    Aborted(Code, String),
    /// The producer is of no use any more.
    Lost(Lost, String),
    /// The bridge is ending.
    Ending,
}

/// A producer between its claim and its end. Its calls wait, and so belong on a thread that may.
pub(super) struct Producer {
    inner: ThreadedProducer<Feedback>,
    settings: Settings,
    inbox: Arc<Inbox>,
    ending: CancellationToken,
    /// When the open transaction was begun.
    begun: Instant,
    /// Its number, by which reports of older ones are told apart, and what was sent in it.
    number: usize,
    sent: usize,
}

/// What became of the messages of a transaction.
#[derive(Debug)]
pub(super) struct Reports {
    /// Those that failed, by the tokens they were sent with.
    pub(super) failed: Vec<(usize, Code)>,
    /// Why the library has given the transaction up, if it has. It may tell no more of the others then.
    pub(super) given_up: Option<(Code, String)>,
}

/// Bits of a token that count the messages of one transaction; the others count the transactions.
const TOKEN_BITS: u32 = 32;

impl Producer {
    /// Starts one. It can write after [`Producer::fence`].
    pub(super) fn start(
        settings: Settings,
        transactional_id: &str,
        feedback: Feedback,
        ending: CancellationToken,
    ) -> KafkaResult<Self> {
        let inbox = Arc::clone(&feedback.inbox);
        let inner = producer_config(&settings, transactional_id).create_with_context(feedback)?;
        Ok(Self {
            inner,
            settings,
            inbox,
            ending,
            begun: Instant::now(),
            number: 0,
            sent: 0,
        })
    }

    /// Ends what anybody else was writing by the same `transactional.id`, and keeps it from writing more. Where connections
    /// are refused, gives what was said there.
    pub(super) fn fence(&self) -> Result<(), (Code, String)> {
        let until = Instant::now() + FENCE_PATIENCE;
        loop {
            let Err(error) = self.inner.init_transactions(CALL_PATIENCE) else {
                return Ok(());
            };
            let trouble = telling(self.take_arrived().troubles);
            let is_refused = trouble.as_ref().is_some_and(is_refusal);
            let is_passing = matches!(&error, KafkaError::Transaction(error) if error.is_retriable());
            if is_passing && !is_refused && !self.ending.is_cancelled() && Instant::now() < until {
                continue;
            }
            // What the cluster answered says more than what connections told meanwhile.
            return Err(match trouble.filter(|_| is_passing || is_refused) {
                Some(trouble) => (trouble.code, trouble.detail),
                None => (code_of(&error), error.to_string()),
            });
        }
    }

    /// Begins a transaction.
    pub(super) fn begin(&mut self) -> Result<(), Failure> {
        self.take_arrived();
        self.begun = Instant::now();
        self.number += 1;
        self.sent = 0;
        self.inner.begin_transaction().map_err(|error| self.lost(&error))
    }

    /// Hands a message over; its end comes with `token` by [`Producer::reports`].
    pub(super) fn send(
        &mut self,
        token: usize,
        message: &Message<'_>,
        headers: OwnedHeaders,
    ) -> Result<(), Code> {
        self.produce(BaseRecord {
            topic: message.topic,
            partition: None,
            payload: message.value,
            key: message.key,
            timestamp: Some(message.timestamp_ms),
            headers: Some(headers),
            delivery_opaque: token,
        })
    }

    /// Hands a position over. The positions of all partitions stand in the first partition of their topic.
    pub(super) fn send_position(
        &mut self,
        token: usize,
        topic: &str,
        key: &str,
        value: &str,
    ) -> Result<(), Code> {
        self.produce(BaseRecord {
            topic,
            partition: Some(0),
            payload: Some(value.as_bytes()),
            key: Some(key),
            timestamp: None,
            headers: None,
            delivery_opaque: token,
        })
    }

    /// The client library keeps a bounded number of bytes; what is more waits here.
    fn produce(&mut self, mut record: BaseRecord<'_, str, [u8], usize>) -> Result<(), Code> {
        record.delivery_opaque |= self.number << TOKEN_BITS;
        loop {
            let Err((error, refused)) = self.inner.send(record) else {
                self.sent += 1;
                return Ok(());
            };
            let code = code_of(&error);
            if code != Code::QueueFull || self.ending.is_cancelled() || self.must_abort().is_some() {
                return Err(code);
            }
            record = refused;
            // It is full again at the next try, or it is not.
            let _ = self.inner.flush(CALL_PATIENCE);
        }
    }

    /// Waits until every message that was sent since the last time is reported, or none will be any more.
    pub(super) fn reports(&mut self) -> Result<Reports, Failure> {
        let mut reports = Reports {
            failed: Vec::new(),
            given_up: None,
        };
        while self.sent > 0 && reports.given_up.is_none() {
            if self.ending.is_cancelled() {
                return Err(Failure::Ending);
            }
            let is_flushed = self.inner.flush(CALL_PATIENCE).is_ok();
            for report in self.take_arrived().reports {
                if report.token >> TOKEN_BITS == self.number {
                    self.sent -= 1;
                    let token = report.token & ((1 << TOKEN_BITS) - 1);
                    reports
                        .failed
                        .extend(report.result.err().map(|code| (token, code)));
                }
            }
            if self.sent > 0 && is_flushed {
                // The last reports are with the thread that hears them.
                std::thread::sleep(REPORT_INTERVAL);
            } else if self.sent > 0 {
                reports.given_up = self.must_abort();
            }
        }
        if !reports.failed.is_empty() {
            reports.given_up = self.must_abort();
        }
        Ok(reports)
    }

    /// Whether the library has given up the open transaction; its messages then wait for nothing.
    fn must_abort(&self) -> Option<(Code, String)> {
        // Refused while one is open, by another error if that one is given up. There is no other way to ask.
        match self.inner.begin_transaction() {
            Err(KafkaError::Transaction(error)) if error.txn_requires_abort() => {
                Some((error.code(), error.to_string()))
            }
            _ => None,
        }
    }

    /// Makes what was sent visible. Every message must be reported.
    pub(super) fn commit(&self) -> Result<(), Failure> {
        match self.end(|producer| producer.commit_transaction(CALL_PATIENCE)) {
            Ok(()) => Ok(()),
            Err(Ended::Ending) => Err(Failure::Ending),
            Err(Ended::Refused(error)) if error.txn_requires_abort() => {
                let (code, detail) = (error.code(), error.to_string());
                self.abort()?;
                Err(Failure::Aborted(code, detail))
            }
            Err(Ended::Refused(error)) => Err(self.lost(&KafkaError::Transaction(error))),
            Err(Ended::OutOfTime(detail)) => Err(Failure::Lost(Lost::Unclear, detail)),
        }
    }

    /// Takes back what was sent.
    pub(super) fn abort(&self) -> Result<(), Failure> {
        let ended = self.end(|producer| producer.abort_transaction(CALL_PATIENCE));
        match ended {
            Ok(()) => Ok(()),
            Err(Ended::Ending) => Err(Failure::Ending),
            Err(Ended::Refused(error)) => Err(self.lost(&KafkaError::Transaction(error))),
            Err(Ended::OutOfTime(detail)) => Err(Failure::Lost(Lost::Unclear, detail)),
        }
    }

    /// Asks for the end of a transaction as often as that may help: the library goes on where it was.
    fn end(&self, ask: impl Fn(&ThreadedProducer<Feedback>) -> KafkaResult<()>) -> Result<(), Ended> {
        let until = Instant::now() + END_PATIENCE;
        loop {
            let error = match ask(&self.inner) {
                Ok(()) => return Ok(()),
                Err(KafkaError::Transaction(error)) if !error.is_retriable() => {
                    return Err(Ended::Refused(error));
                }
                Err(error) => error,
            };
            if self.ending.is_cancelled() {
                return Err(Ended::Ending);
            }
            if Instant::now() >= until {
                return Err(Ended::OutOfTime(error.to_string()));
            }
        }
    }

    /// What the end of the producer means: another one fenced it, unless the cluster may have ended a transaction that took
    /// too long. Both are told in the same words.
    pub(super) fn lost(&self, error: &KafkaError) -> Failure {
        let (code, detail) = self
            .inner
            .client()
            .fatal_error()
            .unwrap_or_else(|| (code_of(error), error.to_string()));
        let is_fenced = matches!(
            code,
            Code::Fenced | Code::ProducerFenced | Code::InvalidProducerEpoch | Code::InvalidProducerIdMapping
        );
        match is_fenced && self.begun.elapsed() < TRANSACTION_TIMEOUT {
            true => Failure::Lost(Lost::Fenced, detail),
            false => Failure::Lost(Lost::Unclear, detail),
        }
    }

    /// Whether the password or the certificates were renewed since it was started. It keeps those it has.
    pub(super) fn is_outdated(&self) -> bool {
        self.settings.renewed().is_some()
    }

    /// Whether the producer is of no use any more, and why.
    pub(super) fn fatal(&self) -> Option<Failure> {
        self.inner.client().fatal_error()?;
        Some(self.lost(&KafkaError::Canceled))
    }

    fn take_arrived(&self) -> Arrived {
        let mut arrived = Arrived::default();
        self.inbox.take(&mut arrived);
        arrived
    }
}

/// The trouble that says most: a refusal, else one of a single broker; that all are away is told behind each of them.
fn telling(troubles: Vec<Trouble>) -> Option<Trouble> {
    let rank = |trouble: &Trouble| (is_refusal(trouble), trouble.code != Code::AllBrokersDown);
    troubles.into_iter().max_by_key(rank)
}

fn is_refusal(trouble: &Trouble) -> bool {
    verdict::of_connection(trouble.code, &trouble.detail).is_some()
}

/// How a transaction did not end.
enum Ended {
    Refused(RDKafkaError),
    OutOfTime(String),
    Ending,
}

/// The library's code of an error.
pub(super) fn code_of(error: &KafkaError) -> Code {
    match error {
        KafkaError::Transaction(error) => error.code(),
        error => error.rdkafka_error_code().unwrap_or(Code::Fail),
    }
}

/// The client library has no form for people to read.
impl std::fmt::Debug for Producer {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("Producer")
    }
}
