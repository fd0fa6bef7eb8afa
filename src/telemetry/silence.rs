//! How long the hub has taken in nothing, and whether that is longer than it should.

use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};
use std::time::Duration;

use crate::config::unit;
use crate::event::Timestamp;

/// What the hub of a consumer group took in last, over all of its partitions, as far as is known.
#[derive(Debug)]
pub struct Silence {
    /// The longest time between two events that is normal; `None` where nobody said.
    expected: Option<Duration>,
    newest: AtomicI64,
    is_overdue: AtomicBool,
}

impl Silence {
    pub(super) fn new(expected: Option<Duration>) -> Self {
        Self {
            expected,
            newest: AtomicI64::new(i64::MIN),
            is_overdue: AtomicBool::new(false),
        }
    }

    /// The longest time between two events that is normal; `None` where nobody said.
    pub fn expected(&self) -> Option<Duration> {
        self.expected
    }

    /// The hub took something in at this time, or was made then. What is older than that is known already.
    pub fn seen(&self, moment: Timestamp) {
        self.newest.fetch_max(moment.as_millis(), Ordering::Relaxed);
    }

    /// When the hub took in its newest event, as far as is known, or else was made.
    pub fn newest(&self) -> Option<Timestamp> {
        let newest = self.newest.load(Ordering::Relaxed);
        (newest != i64::MIN).then(|| Timestamp::from_millis(newest))
    }

    /// How long that is ago; never negative, though the hub has a clock of its own.
    pub fn lasts(&self, now: Timestamp) -> Option<Duration> {
        let millis = now.millis_since(self.newest()?).max(0);
        Some(Duration::from_millis(millis.unsigned_abs()))
    }

    /// Whether what is known is older than expected, or nothing is known.
    pub fn is_suspicious(&self, now: Timestamp) -> bool {
        self.expected
            .is_some_and(|expected| self.lasts(now).is_none_or(|lasts| lasts > expected))
    }

    /// Notes whether an event is overdue, which the hub has confirmed. Whether it was so before.
    pub fn set_overdue(&self, is_overdue: bool) -> bool {
        self.is_overdue.swap(is_overdue, Ordering::Relaxed)
    }

    /// Whether an event is overdue.
    pub fn is_overdue(&self) -> bool {
        self.is_overdue.load(Ordering::Relaxed)
    }

    /// One sentence while an event is overdue.
    pub fn notice(&self, now: Timestamp) -> Option<String> {
        let (expected, lasts) = (self.expected?, self.lasts(now)?);
        self.is_overdue().then(|| {
            let minutes = Duration::from_secs(lasts.as_secs() / 60 * 60);
            format!(
                "the hub has taken in nothing for {}, and an event is expected every {}: the export may be off; \
                 docs/operations.md, \"When nothing arrives\", has the likely causes",
                unit::Duration(minutes),
                unit::Duration(expected)
            )
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Scenario: nothing is known, then the age of the hub, then a newer and an older event; one every minute is expected.
    /// Guarantees: the newest one counts, whatever comes after; without an expectation nothing is suspicious.
    #[test]
    fn the_newest_event_counts() {
        let silence = Silence::new(Some(Duration::from_secs(60)));
        let at = Timestamp::from_millis;
        assert!(silence.is_suspicious(at(0)), "nothing is known");
        silence.seen(at(1_000));
        assert!(!silence.is_suspicious(at(61_000)));
        assert!(silence.is_suspicious(at(61_001)));
        silence.seen(at(50_000));
        silence.seen(at(2_000));
        assert_eq!(silence.lasts(at(61_001)), Some(Duration::from_millis(11_001)));
        assert_eq!(
            silence.lasts(at(49_000)),
            Some(Duration::ZERO),
            "the clocks differ"
        );
        assert!(!silence.is_suspicious(at(110_000)));
        let unlimited = Silence::new(None);
        unlimited.seen(at(0));
        assert!(!unlimited.is_suspicious(at(i64::MAX)));
    }

    #[test]
    fn says_how_long() {
        let silence = Silence::new(Some(Duration::from_secs(24 * 3600)));
        silence.seen(Timestamp::from_millis(0));
        let now = Timestamp::from_millis(25 * 3_600_000 + 59_000);
        assert_eq!(silence.notice(now), None, "the hub has not confirmed it");
        assert!(!silence.set_overdue(true));
        let notice = silence.notice(now).expect("it is overdue");
        assert!(
            notice.starts_with("the hub has taken in nothing for 25h, and an event is expected every 1d"),
            "{notice}"
        );
        assert!(silence.set_overdue(false));
        assert_eq!(silence.notice(now), None);
    }
}
