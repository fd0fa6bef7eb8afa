//! Which records of an aborted transaction the brokers refuse. Each try is a transaction that is aborted too, so that
//! nothing of it is ever seen.

use std::time::Duration;

use super::batch::Batch;
use super::producer::{Failure, Producer};
use super::transaction::{Place, heard, rejection, send};
use crate::deliver::kafka::verdict::{self, Verdict};
use crate::event::{RejectReason, Rejection, Rendered};

/// Tries of one group that end otherwise than with its refusal. After a refusal the library may number what follows in a
/// way that brokers do not take, until the next abort sets that right.
const MAX_TRIES: u32 = 5;

/// Between two of them.
const TRY_INTERVAL: Duration = Duration::from_millis(100);

/// Of the records with these tokens, those that are refused also when they go alone, in their order. A broker may refuse
/// a whole batch for one record in it, so a group that is refused is halved until it is one record.
pub(super) fn find(
    producer: &mut Producer,
    batch: &Batch,
    place: &Place,
    suspects: Vec<usize>,
) -> Result<Vec<(usize, Rejection)>, Failure> {
    let records: Vec<&Rendered> = batch.records().collect();
    let mut refused = Vec::new();
    let mut groups = vec![suspects];
    let mut tries = 0;
    while let Some(mut group) = groups.pop() {
        let found = match probe(producer, &records, place, &group) {
            Err(Failure::Aborted(..)) if tries < MAX_TRIES => {
                tries += 1;
                std::thread::sleep(TRY_INTERVAL);
                groups.push(group);
                continue;
            }
            probed => probed?,
        };
        tries = 0;
        let Some(found) = found else {
            continue;
        };
        if let [token] = group[..] {
            refused.push((token, found));
            continue;
        }
        let second = group.split_off(group.len() / 2);
        // The first half is on top, so that tokens are found in their order.
        groups.push(second);
        groups.push(group);
    }
    Ok(refused)
}

/// Why a group is refused, if it is.
fn probe(
    producer: &mut Producer,
    records: &[&Rendered],
    place: &Place,
    group: &[usize],
) -> Result<Option<Rejection>, Failure> {
    producer.begin()?;
    let mut failed = Vec::new();
    for token in group {
        if let Err(code) = send(producer, *token, records[*token], place) {
            failed.push((*token, code));
        }
    }
    failed.extend(heard(producer)?);
    producer.abort()?;
    let mut reasons = failed
        .iter()
        .filter_map(|(_, code)| Some((reason(verdict::of_report(*code))?, *code)));
    if let Some((reason, code)) = reasons.next() {
        return Ok(Some(rejection(reason, code)));
    }
    match failed.first() {
        None => Ok(None),
        Some((_, code)) => Err(Failure::Aborted(*code, code.to_string())),
    }
}

fn reason(verdict: Verdict) -> Option<RejectReason> {
    match verdict {
        Verdict::Suspect(reason) | Verdict::Rejected(reason) => Some(reason),
        _ => None,
    }
}
