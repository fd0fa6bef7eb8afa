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
