//! What counts as a change of an item, computed once a record at most, and only if a target asks.

use std::cell::OnceCell;

use super::last_delivered::{Content, ItemKey, first_half};
use super::ten_thousandths::TenThousandths;
use crate::decode::state;
use crate::event::{Kind, Record, RecordField};

/// A record, and what is remembered of it once it is delivered.
#[derive(Debug)]
pub struct Fingerprint<'r> {
    record: &'r Record<'r>,
    computed: OnceCell<(ItemKey, Content)>,
}

impl<'r> Fingerprint<'r> {
    /// Computes nothing yet.
    pub fn new(record: &'r Record<'r>) -> Self {
        Self {
            record,
            computed: OnceCell::new(),
        }
    }

    /// The record.
    pub fn record(&self) -> &'r Record<'r> {
        self.record
    }

    /// Item and content; `None` for what is not remembered: kinds of which there are no snapshots, and records without a
    /// key.
    pub fn get(&self) -> Option<(ItemKey, Content)> {
        let key = self
            .record
            .key
            .as_deref()
            .filter(|_| has_snapshots(self.record.kind))?;
        let compute = || (ItemKey::new(key), content(self.record));
        Some(*self.computed.get_or_init(compute))
    }
}

/// Whether the exporter writes snapshots of a kind. Alerts have none, and of what is unknown nothing is known.
fn has_snapshots(kind: Kind) -> bool {
    !matches!(kind, Kind::Alert | Kind::Unknown | Kind::Undecodable)
}

fn content(record: &Record<'_>) -> Content {
    let mut fingerprint = first_half(&state::digest(record));
    let mut percentage = None;
    if matches!(record.kind, Kind::SecureScore | Kind::SecureScoreControl) {
        let score = record.field(RecordField::Score);
        percentage = score
            .as_ref()
            .and_then(|score| score.as_number())
            .and_then(TenThousandths::parse);
        fingerprint[8..].copy_from_slice(&state::score_scale_digest(record)[..8]);
    }
    Content {
        fingerprint,
        percentage,
    }
}
