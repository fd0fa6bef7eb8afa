//! What tells the hub that a position is from apart from one that was made later under the same name.

use std::fmt;

use crate::event::Timestamp;

/// The hub that a position is from, as far as the position tells.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum KnownHub {
    /// Whatever hub is found is taken for it.
    Unknown,
    /// It was made at this moment.
    MadeAt(Timestamp),
    /// It was there at this moment, when the position was stored, by the clock of the store.
    ThereAt(Timestamp),
}

impl KnownHub {
    /// What a position tells that names the moment its hub was made, or was stored at a moment.
    pub fn of(created_at: Option<Timestamp>, stored_at: Option<Timestamp>) -> Self {
        match (created_at, stored_at) {
            (Some(created_at), _) => KnownHub::MadeAt(created_at),
            (None, Some(stored_at)) => KnownHub::ThereAt(stored_at),
            (None, None) => KnownHub::Unknown,
        }
    }

    /// Whether a hub made at `created_at` is another one for certain.
    pub fn is_another(self, created_at: Timestamp) -> bool {
        // Stores keep whole seconds.
        let second = |moment: Timestamp| moment.as_millis().div_euclid(1000);
        match self {
            KnownHub::Unknown => false,
            KnownHub::MadeAt(known) => known != created_at,
            KnownHub::ThereAt(stored_at) => second(stored_at) < second(created_at),
        }
    }
}

impl fmt::Display for KnownHub {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            KnownHub::Unknown => formatter.write_str("a hub that is not known"),
            KnownHub::MadeAt(created_at) => write!(formatter, "a hub made at {created_at}"),
            KnownHub::ThereAt(stored_at) => {
                write!(
                    formatter,
                    "a hub that was there at {stored_at}, when it was stored"
                )
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_is_certain_is_another_hub() {
        let at = Timestamp::from_millis;
        for (created_at, stored_at, found, expected) in [
            (None, None, 5_000, false),
            (Some(4_999), None, 5_000, true),
            (Some(5_001), None, 5_000, true),
            (Some(5_000), Some(1_000), 5_000, false),
            (None, Some(4_000), 5_000, true),
            (None, Some(5_000), 5_999, false),
            (None, Some(9_000), 5_000, false),
        ] {
            let known = KnownHub::of(created_at.map(at), stored_at.map(at));
            assert_eq!(known.is_another(at(found)), expected, "{known} {found}");
        }
    }
}
