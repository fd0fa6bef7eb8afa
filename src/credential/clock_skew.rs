//! How far this machine's clock is off, as the answers of those who give tokens show it.

use std::sync::atomic::{AtomicI64, Ordering};

use crate::event::Timestamp;

/// A difference that explains itself by the way of an answer and by whole seconds.
const TOLERANCE_MILLIS: i64 = 5_000;
/// A difference that a service may refuse tokens for.
const WARNING_MILLIS: i64 = 60_000;

/// The other clock's time minus ours, in milliseconds; 0 while unknown or small.
#[derive(Debug, Default)]
pub(super) struct ClockSkew(AtomicI64);

impl ClockSkew {
    /// Hears the `Date` of an answer that came at `now`.
    pub(super) fn observe(&self, date: &str, now: Timestamp) {
        let Ok(theirs) = jiff::fmt::rfc2822::parse(date) else {
            return;
        };
        let skew = theirs.timestamp().as_millisecond() - now.as_millis();
        let skew = if skew.abs() < TOLERANCE_MILLIS { 0 } else { skew };
        let before = self.0.swap(skew, Ordering::Relaxed);
        if skew.abs() >= WARNING_MILLIS && before.abs() < WARNING_MILLIS {
            tracing::warn!(
                skew_seconds = skew / 1000,
                "the clock of this machine is wrong; tokens are corrected for it, signatures with a key are not"
            );
        }
    }

    /// The other clock's time minus ours.
    pub(super) fn millis(&self) -> i64 {
        self.0.load(Ordering::Relaxed)
    }

    /// Whether it is another now than `before`.
    pub(super) fn has_moved(&self, before: i64) -> bool {
        (self.millis() - before).abs() >= TOLERANCE_MILLIS
    }

    /// A moment of the other clock, by ours.
    pub(super) fn to_ours(&self, theirs: Timestamp) -> Timestamp {
        Timestamp::from_millis(theirs.as_millis() - self.millis())
    }

    /// A moment of ours, by the other clock.
    pub(super) fn to_theirs(&self, ours: Timestamp) -> Timestamp {
        Timestamp::from_millis(ours.as_millis() + self.millis())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn small_differences_are_none() {
        let now = Timestamp::parse("2026-11-21T08:00:00Z").expect("it is a time");
        for (date, millis) in [
            ("Sat, 21 Nov 2026 08:00:04 GMT", 0),
            ("Sat, 21 Nov 2026 10:00:00 GMT", 7_200_000),
            ("Sat, 21 Nov 2026 07:59:00 GMT", -60_000),
            ("tomorrow", 0),
        ] {
            let skew = ClockSkew::default();
            skew.observe(date, now);
            assert_eq!(skew.to_theirs(now).millis_since(now), millis, "{date}");
            assert_eq!(skew.to_ours(skew.to_theirs(now)), now);
        }
    }
}
