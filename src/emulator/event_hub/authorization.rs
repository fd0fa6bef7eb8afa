//! Until when a connection may read.

use std::time::Duration;

use crate::event::Timestamp;

/// The right of one connection; it ends with the token that gave it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Authorization {
    Never,
    Until(Timestamp),
    Always,
}

impl Authorization {
    /// Whether it holds now.
    pub fn holds(self) -> bool {
        match self {
            Authorization::Never => false,
            Authorization::Until(moment) => Timestamp::now() < moment,
            Authorization::Always => true,
        }
    }

    /// How long it will hold, if it ends at all.
    pub fn left(self) -> Option<Duration> {
        match self {
            Authorization::Until(moment) => {
                let millis = u64::try_from(moment.millis_since(Timestamp::now())).ok()?;
                // Just after its end, and not just before.
                Some(Duration::from_millis(millis + 1))
            }
            Authorization::Never | Authorization::Always => None,
        }
    }
}
