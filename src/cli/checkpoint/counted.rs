//! What a move of a position means for the events: how many are skipped, how many come again.

use crate::event::SequenceNumber;

/// How many events a move skips or repeats; one of the two is 0.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Moved {
    /// Events that no target ever gets.
    pub(super) skipped: i64,
    /// Events that every target gets once more.
    pub(super) repeated: i64,
}

/// The move from the last settled event `before` to `after`; without `before`, from the beginning. Only events count
/// that the hub still has, the oldest of which is `oldest`.
pub(super) fn moved(before: Option<SequenceNumber>, after: SequenceNumber, oldest: SequenceNumber) -> Moved {
    let passed = |number: i64| number.max(oldest.0 - 1);
    let before = passed(before.map_or(i64::MIN, |number| number.0));
    let after = passed(after.0);
    Moved {
        skipped: (after - before).max(0),
        repeated: (before - after).max(0),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_what_the_hub_has() {
        for (before, after, oldest, skipped, repeated) in [
            (Some(10), 15, 0, 5, 0),
            (Some(15), 10, 0, 0, 5),
            (Some(10), 10, 0, 0, 0),
            (None, 10, 0, 11, 0),
            (None, -1, 0, 0, 0),
            // What is gone is neither skipped nor repeated.
            (Some(3), 15, 10, 6, 0),
            (Some(15), 3, 10, 0, 6),
            (None, 3, 10, 0, 0),
            (Some(3), 5, 10, 0, 0),
        ] {
            let moved = moved(
                before.map(SequenceNumber),
                SequenceNumber(after),
                SequenceNumber(oldest),
            );
            assert_eq!(moved, Moved { skipped, repeated }, "{before:?} to {after}");
        }
    }
}
