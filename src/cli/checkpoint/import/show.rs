//! The plan of an import, for people and for programs.

use serde::Serialize;

use super::plan::{Decision, Found, Partition, Why};
use crate::checkpoint::Checkpoint;
use crate::cli::checkpoint::list::table;
use crate::event::{PartitionId, SequenceNumber};

/// What stands for a position that there is not.
const NONE: &str = "-";

/// One partition of the plan as programs read it.
#[derive(Debug, Serialize)]
struct Row<'p> {
    partition: &'p PartitionId,
    decision: &'static str,
    source: Option<&'p Checkpoint>,
    existing: Option<&'p Checkpoint>,
    place: Option<&'p str>,
    detail: String,
}

/// The word for a decision.
fn word(decision: Decision) -> &'static str {
    match decision {
        Decision::Import { .. } => "import",
        Decision::Keep { .. } | Decision::KeepUnnumbered => "keep",
        Decision::Nothing => "nothing_found",
        Decision::Unusable(Why::Unreadable) => "unreadable",
        Decision::Unusable(Why::Foreign) => "foreign",
        Decision::Unusable(Why::NeedsHub) => "needs_hub",
    }
}

/// A table, and below it what should be known of single partitions.
pub(super) fn text(plan: &[(Partition, Decision)]) -> String {
    let rows = plan.iter().map(|(partition, decision)| {
        let number =
            |number: Option<SequenceNumber>| number.map_or_else(|| NONE.to_owned(), |it| it.to_string());
        [
            partition.partition.to_string(),
            number(partition.source().and_then(Checkpoint::known_sequence_number)),
            number(
                partition
                    .existing
                    .as_ref()
                    .map(|existing| existing.sequence_number),
            ),
            word(*decision).replace('_', " "),
            detail(partition, *decision),
        ]
    });
    table(
        &["partition", "found", "existing", "decision", "because"],
        &rows.collect::<Vec<_>>(),
    )
}

/// One JSON object.
pub(super) fn json(partition: &Partition, decision: Decision) -> Vec<u8> {
    let row = Row {
        partition: &partition.partition,
        decision: word(decision),
        source: partition.source(),
        existing: partition.existing.as_ref(),
        place: partition.place(),
        detail: detail(partition, decision),
    };
    serde_json::to_vec(&row).expect("a checkpoint is JSON")
}

fn detail(partition: &Partition, decision: Decision) -> String {
    let place = partition.place().unwrap_or(NONE);
    match (&partition.found, decision) {
        (Found::Unusable { detail, .. }, _) => format!("{place}: {detail}"),
        (_, Decision::Unusable(_)) => {
            format!(
                "{place}: the hub of the existing position was made at another time; only the hub can tell which holds"
            )
        }
        (Found::Position(position), Decision::Import { back: 0 }) => {
            match skipped(partition.existing.as_ref(), &position.checkpoint) {
                0 => place.to_owned(),
                skipped => format!(
                    "{place}: {skipped} events after the existing position are skipped, no target gets them"
                ),
            }
        }
        (_, Decision::Import { back: 0 }) => place.to_owned(),
        (_, Decision::Import { back }) => {
            format!("{place}: {back} events before the existing position, which come again")
        }
        (_, Decision::Keep { further: 0 }) => format!("{place}: it is the same"),
        (_, Decision::Keep { further }) => {
            format!("{place}: the existing position is {further} events further")
        }
        (_, Decision::KeepUnnumbered) => {
            format!("{place}: the existing position has an offset only; `--overwrite` replaces it")
        }
        (_, Decision::Nothing) => match partition.existing {
            Some(_) => "no position there".to_owned(),
            None => "no position there; it is read from its oldest event".to_owned(),
        },
    }
}

/// Events between an existing position and one of the same hub that is further.
fn skipped(existing: Option<&Checkpoint>, imported: &Checkpoint) -> i64 {
    let is_same_hub =
        |it: &&Checkpoint| it.hub_created_at.is_none() || it.hub_created_at == imported.hub_created_at;
    let before = existing
        .filter(is_same_hub)
        .and_then(Checkpoint::known_sequence_number);
    before.map_or(0, |before| (imported.sequence_number.0 - before.0).max(0))
}

impl Partition {
    fn source(&self) -> Option<&Checkpoint> {
        match &self.found {
            Found::Position(position) => Some(&position.checkpoint),
            Found::Nothing | Found::Unusable { .. } => None,
        }
    }

    fn place(&self) -> Option<&str> {
        match &self.found {
            Found::Position(position) => Some(&position.place),
            Found::Unusable { place, .. } => Some(place),
            Found::Nothing => None,
        }
    }
}
