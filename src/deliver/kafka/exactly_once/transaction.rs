//! One transaction: the records of whole events and the position behind them.

use rdkafka::types::RDKafkaErrorCode as Code;

use super::batch::Batch;
use super::claim::Lost;
use super::producer::{Failure, Producer, Reports};
use super::refused;
use crate::deliver::kafka::Settings;
use crate::deliver::kafka::message::{self, Message};
use crate::deliver::kafka::verdict::{self, Verdict};
use crate::deliver::retry_reason::RetryReason;
use crate::event::{Hub, RejectReason, Rejection, Rendered};
use crate::telemetry::BlockReason;

/// Where a partition's records and positions go; the same for all of its transactions.
#[derive(Debug)]
pub(super) struct Place {
    pub(super) settings: Settings,
    pub(super) hub: Hub,
    pub(super) position_topic: String,
    /// The key of its position.
    pub(super) key: String,
}

/// How a transaction ended.
#[derive(Debug)]
pub(super) enum Outcome {
    /// Records and position are in the cluster.
    Committed,
    /// Nothing is, because these records are refused for good, by token.
    Refused(Vec<(usize, Rejection)>),
    /// Nothing is; the same may go later.
    Retry(RetryReason, String),
    /// Nothing is, until somebody mends something.
    Blocked(BlockReason, String),
    /// Nothing is known but that the producer is of no use any more.
    Lost(Lost, String),
    /// The bridge is ending; nothing more is known.
    Ending,
}

/// Sends and commits `batch`. Waits for the brokers.
pub(super) fn transact(producer: &mut Producer, batch: &Batch, place: &Place) -> Outcome {
    let result = attempt(producer, batch, place).and_then(|failed| match failed.is_empty() {
        true => Ok(Outcome::Committed),
        false => sort(producer, batch, place, failed),
    });
    match result.unwrap_or_else(|failure| of_failure(failure, place)) {
        Outcome::Retry(_, detail) | Outcome::Blocked(_, detail) if producer.is_outdated() => {
            Outcome::Lost(Lost::Unclear, detail)
        }
        outcome => outcome,
    }
}

/// Gives the messages that failed, by token, after the transaction was aborted for them.
fn attempt(producer: &mut Producer, batch: &Batch, place: &Place) -> Result<Vec<(usize, Code)>, Failure> {
    producer.begin()?;
    let mut failed = Vec::new();
    for (token, record) in batch.records().enumerate() {
        if token > 0 && token.is_multiple_of(batch.group) {
            failed.extend(heard(producer)?);
        }
        if !failed.is_empty() {
            break;
        }
        if let Err(code) = send(producer, token, record, place) {
            failed.push((token, code));
        }
    }
    if failed.is_empty() {
        let (topic, value) = (&place.position_topic, batch.position.to_json());
        if let Err(code) = producer.send_position(batch.len(), topic, &place.key, &value) {
            failed.push((batch.len(), code));
        }
    }
    failed.extend(heard(producer)?);
    let ended = match failed.is_empty() {
        true => producer.commit(),
        false => producer.abort(),
    };
    ended.map(|()| failed)
}

/// Waits for reports, and gives the messages that failed. A transaction that is given up without one is aborted.
pub(super) fn heard(producer: &mut Producer) -> Result<Vec<(usize, Code)>, Failure> {
    let Reports { mut failed, given_up } = producer.reports()?;
    if let Some(failure) = producer.fatal() {
        return Err(failure);
    }
    let Some((code, detail)) = given_up else {
        return Ok(failed);
    };
    if failed.is_empty() {
        producer.abort()?;
        return Err(Failure::Aborted(code, detail));
    }
    // The library throws away what waits in a transaction that it gives up, sometimes also what that was given up for.
    let purged = failed.iter_mut().filter(|(_, code)| *code == Code::PurgeQueue);
    purged.for_each(|(_, reported)| *reported = code);
    Ok(failed)
}

/// Hands one record over.
pub(super) fn send(
    producer: &mut Producer,
    token: usize,
    record: &Rendered,
    place: &Place,
) -> Result<(), Code> {
    let message = Message::of(record, &place.settings);
    producer.send(token, &message, message::headers(record, &place.hub))
}

/// What to do about the messages that failed. What an operator has to mend comes first, then what can be done without the
/// others.
fn sort(
    producer: &mut Producer,
    batch: &Batch,
    place: &Place,
    failed: Vec<(usize, Code)>,
) -> Result<Outcome, Failure> {
    let mut suspects = Vec::new();
    let mut retry = None;
    for (token, code) in failed {
        // What a report calls a suspect and what is refused at once are looked at alone.
        match verdict::of_report(code) {
            Verdict::Suspect(_) | Verdict::Rejected(_) if token < batch.len() => suspects.push(token),
            verdict => {
                if let Some(outcome) = blocked(verdict, code, place) {
                    return Ok(outcome);
                }
                retry = Some((verdict, code));
            }
        }
    }
    if !suspects.is_empty() {
        suspects.sort_unstable();
        suspects.dedup();
        let refused = refused::find(producer, batch, place, suspects)?;
        if !refused.is_empty() {
            return Ok(Outcome::Refused(refused));
        }
        let detail = "records that were refused together are taken alone".to_owned();
        return Ok(Outcome::Retry(RetryReason::Partial, detail));
    }
    let (verdict, code) = retry.expect("each message that failed is a suspect or has to go again");
    Ok(match verdict {
        Verdict::Retry(reason) => Outcome::Retry(reason, code.to_string()),
        // Only a position comes here: its topic takes no message as small as that.
        Verdict::Suspect(_) | Verdict::Rejected(_) => Outcome::Blocked(
            BlockReason::Configuration,
            format!("topic `{}` refuses positions: {code}", place.position_topic),
        ),
        _ => Outcome::Retry(RetryReason::Unavailable, code.to_string()),
    })
}

fn blocked(verdict: Verdict, code: Code, place: &Place) -> Option<Outcome> {
    let (reason, detail) = match verdict {
        Verdict::Blocked(reason) => (reason, code.to_string()),
        Verdict::BlockedTopic => {
            let topics = place.settings.topics.names().join("`, `");
            let detail = format!(
                "{code}: topics `{topics}` and `{}` have to be made, or we have to be allowed to write to them",
                place.position_topic
            );
            (BlockReason::Destination, detail)
        }
        _ => return None,
    };
    Some(Outcome::Blocked(reason, detail))
}

fn of_failure(failure: Failure, place: &Place) -> Outcome {
    match failure {
        Failure::Aborted(code, detail) => {
            let verdict = verdict_of(code);
            blocked(verdict, code, place).unwrap_or(match verdict {
                Verdict::Retry(reason) => Outcome::Retry(reason, detail),
                _ => Outcome::Retry(RetryReason::Unavailable, detail),
            })
        }
        Failure::Lost(lost, detail) => Outcome::Lost(lost, detail),
        Failure::Ending => Outcome::Ending,
    }
}

/// What an error of a transaction as a whole means.
pub(super) fn verdict_of(code: Code) -> Verdict {
    match code {
        Code::TransactionalIdAuthorizationFailed => Verdict::Blocked(BlockReason::Authorization),
        Code::InvalidTransactionTimeout | Code::UnsupportedVersion => {
            Verdict::Blocked(BlockReason::Configuration)
        }
        code => verdict::of_report(code),
    }
}

/// A refusal of one record as the dead letters have it.
pub(super) fn rejection(reason: RejectReason, code: Code) -> Rejection {
    Rejection {
        reason,
        detail: code.to_string(),
    }
}
