//! What an import does with each partition, decided before anything is written. No I/O.

use crate::checkpoint::Checkpoint;
use crate::event::{PartitionId, SequenceNumber, Timestamp};

/// What the other store has of a partition, after the hub was asked about it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Found {
    /// Nothing, or nothing settled yet.
    Nothing,
    /// A position.
    Position(Position),
    /// Something that cannot be used.
    Unusable {
        /// Blob or line.
        place: String,
        /// Why it cannot be used.
        why: Why,
        /// What is wrong, in words.
        detail: String,
    },
}

/// A position that was found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Position {
    /// Blob or line.
    pub(super) place: String,
    /// What would be stored.
    pub(super) checkpoint: Checkpoint,
    /// What whoever takes it over should know.
    pub(super) notes: Vec<String>,
}

/// Why something that was found cannot be used.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Why {
    /// It cannot be understood.
    Unreadable,
    /// It is no position of this hub.
    Foreign,
    /// It does not say enough, and nobody asked the hub for the rest.
    NeedsHub,
}

/// One partition with everything that is known of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Partition {
    pub(super) partition: PartitionId,
    pub(super) found: Found,
    pub(super) existing: Option<Checkpoint>,
}

/// What is done with one partition.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Decision {
    /// The position is stored; it is so many events before the one that is there.
    Import { back: i64 },
    /// The position that is there stays, because it is so many events further; 0: it is the same.
    Keep { further: i64 },
    /// The position that is there stays, because it has no number to compare: another consumer wrote it.
    KeepUnnumbered,
    /// Nothing was found, and nothing changes.
    Nothing,
    /// What was found cannot be used.
    Unusable(Why),
}

impl Partition {
    /// What is done, in a hub made at `hub_created_at`, if that is known. `overwrite` takes over positions that are behind.
    pub(super) fn decide(&self, hub_created_at: Option<Timestamp>, overwrite: bool) -> Decision {
        let position = match &self.found {
            Found::Nothing => return Decision::Nothing,
            Found::Unusable { why, .. } => return Decision::Unusable(*why),
            Found::Position(position) => &position.checkpoint,
        };
        let Some(existing) = &self.existing else {
            return Decision::Import { back: 0 };
        };
        let made = hub_created_at.or(position.hub_created_at);
        if made.is_some_and(|made| existing.known_hub().is_another(made)) {
            return match hub_created_at {
                // What is there is of a hub that was deleted; the bridge would begin anew.
                Some(_) => Decision::Import { back: 0 },
                // Which of the two is of the present hub nobody said.
                None => Decision::Unusable(Why::NeedsHub),
            };
        }
        if existing.sequence_number == SequenceNumber::UNKNOWN {
            return match overwrite {
                true => Decision::Import { back: 0 },
                false => Decision::KeepUnnumbered,
            };
        }
        let further = existing.sequence_number.0 - position.sequence_number.0;
        match further {
            0 => Decision::Keep { further },
            1.. if overwrite => Decision::Import { back: further },
            1.. => Decision::Keep { further },
            _ => Decision::Import { back: 0 },
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::checkpoint::layout::VERSION;
    use crate::event::Offset;

    fn checkpoint(number: i64, made: Option<i64>) -> Checkpoint {
        Checkpoint {
            version: VERSION,
            sequence_number: SequenceNumber(number),
            offset: Offset::new("4096"),
            enqueued_time: Timestamp::from_millis(1),
            hub_created_at: made.map(Timestamp::from_millis),
            stored_at: None,
            targets: BTreeMap::new(),
        }
    }

    fn position(number: i64, made: Option<i64>) -> Found {
        Found::Position(Position {
            place: "blob".to_owned(),
            checkpoint: checkpoint(number, made),
            notes: Vec::new(),
        })
    }

    fn unusable(why: Why) -> Found {
        Found::Unusable {
            place: "blob".to_owned(),
            why,
            detail: "torn".to_owned(),
        }
    }

    #[test]
    fn a_checkpoint_that_is_further_stays() {
        let import = |back| Decision::Import { back };
        let keep = |further| Decision::Keep { further };
        let foreign = Decision::Unusable(Why::Foreign);
        let needs_hub = Decision::Unusable(Why::NeedsHub);
        // found, existing, hub, without and with `overwrite`
        let cases = [
            (position(7, Some(1)), None, Some(1), import(0), import(0)),
            (
                position(7, Some(1)),
                Some(checkpoint(5, Some(1))),
                Some(1),
                import(0),
                import(0),
            ),
            (
                position(7, Some(1)),
                Some(checkpoint(7, Some(1))),
                Some(1),
                keep(0),
                keep(0),
            ),
            (
                position(7, Some(1)),
                Some(checkpoint(9, Some(1))),
                Some(1),
                keep(2),
                import(2),
            ),
            // What is there adopts the hub that is there.
            (
                position(7, Some(1)),
                Some(checkpoint(9, None)),
                Some(1),
                keep(2),
                import(2),
            ),
            // What is there was written by a consumer that stores offsets only.
            (
                position(7, Some(1)),
                Some(checkpoint(i64::MIN, None)),
                Some(1),
                Decision::KeepUnnumbered,
                import(0),
            ),
            // What is there is of a hub that was deleted.
            (
                position(7, Some(2)),
                Some(checkpoint(9, Some(1))),
                Some(2),
                import(0),
                import(0),
            ),
            // Nobody asked the hub.
            (
                position(7, None),
                Some(checkpoint(9, Some(1))),
                None,
                keep(2),
                import(2),
            ),
            (
                position(9, None),
                Some(checkpoint(7, Some(1))),
                None,
                import(0),
                import(0),
            ),
            (
                position(9, Some(2)),
                Some(checkpoint(7, Some(1))),
                None,
                needs_hub,
                needs_hub,
            ),
            (
                Found::Nothing,
                Some(checkpoint(7, None)),
                Some(1),
                Decision::Nothing,
                Decision::Nothing,
            ),
            (Found::Nothing, None, None, Decision::Nothing, Decision::Nothing),
            (unusable(Why::Foreign), None, Some(1), foreign, foreign),
            (
                unusable(Why::Unreadable),
                Some(checkpoint(7, None)),
                Some(1),
                Decision::Unusable(Why::Unreadable),
                Decision::Unusable(Why::Unreadable),
            ),
        ];
        for (found, existing, made, without, with) in cases {
            let partition = Partition {
                partition: PartitionId::new("0"),
                found,
                existing,
            };
            let made = made.map(Timestamp::from_millis);
            assert_eq!(partition.decide(made, false), without, "{partition:?}");
            assert_eq!(partition.decide(made, true), with, "{partition:?}");
        }
    }

    /// Scenario: an import is run again. Guarantees: what was stored is the same, so it stays, also with `overwrite`.
    #[test]
    fn an_import_is_done_once() {
        let Found::Position(first) = position(7, Some(1)) else {
            unreachable!("it is a position");
        };
        let partition = Partition {
            partition: PartitionId::new("0"),
            existing: Some(first.checkpoint.clone()),
            found: Found::Position(first),
        };
        for overwrite in [false, true] {
            assert_eq!(partition.decide(None, overwrite), Decision::Keep { further: 0 });
        }
    }
}
