//! The line in the log that says once a day, and at a stop, whether everything adds up.

use std::sync::Arc;

use jiff::civil::Date;

use super::Totals;
use super::line::Settled;

/// Sums of one consumer group since the last line.
#[derive(Debug)]
pub struct Reconciliation {
    consumer_group: Arc<str>,
    day: Date,
    totals: Totals,
    /// Numbers that positions moved over.
    passed: i128,
}

impl Reconciliation {
    /// Nothing yet, on `day`.
    pub fn new(consumer_group: Arc<str>, day: Date) -> Self {
        Self {
            consumer_group,
            day,
            totals: Totals::default(),
            passed: 0,
        }
    }

    /// The day the sums are of.
    pub fn day(&self) -> Date {
        self.day
    }

    /// Adds what became of a range of events.
    pub fn add(&mut self, line: &Settled) {
        self.passed += i128::from(line.to.0) - i128::from(line.from.0);
        self.totals.add(&line.totals);
    }

    /// Writes a line for each target and one for all, and begins anew on `day`.
    pub fn end(&mut self, in_flight: u64, day: Date, is_stop: bool) {
        self.log(in_flight, is_stop);
        self.day = day;
        self.totals = Totals::default();
        self.passed = 0;
    }

    fn log(&self, in_flight: u64, is_stop: bool) {
        let (consumer_group, totals) = (&*self.consumer_group, &self.totals);
        let unbalanced: Vec<_> = totals.unbalanced().map(|(name, ..)| name).collect();
        for (name, target) in &totals.targets {
            let is_balanced = !unbalanced.contains(&name.as_str());
            let ends = &target.ends;
            macro_rules! say {
                ($level:ident, $message:literal) => {
                    tracing::$level!(
                        consumer_group, target_name = name, day = %self.day, is_stop,
                        received_records = target.records, delivered = ends.delivered,
                        dead_lettered = ends.dead_lettered(), filtered = ends.filtered,
                        suppressed = ends.suppressed, repeated = ends.repeated, $message
                    )
                };
            }
            match is_balanced {
                true => say!(info, "audit of a target: its records add up"),
                false => say!(error, "audit of a target: its records do not add up"),
            }
        }
        macro_rules! say {
            ($level:ident, $message:literal) => {
                tracing::$level!(
                    consumer_group, day = %self.day, is_stop, passed_numbers = %self.passed,
                    settled_events = totals.events, missing = totals.gaps.missing, lost = totals.gaps.lost,
                    repeated = totals.gaps.repeated, in_flight, records = totals.records,
                    undecodable = totals.undecoded(), $message
                )
            };
        }
        match self.verdict() {
            Verdict::Balanced => say!(info, "audit: events add up"),
            Verdict::Lost => say!(
                error,
                "audit: events add up, and some were lost before they were read"
            ),
            Verdict::Missing => say!(
                error,
                "audit: events add up, and the hub skipped sequence numbers"
            ),
            Verdict::Unbalanced => say!(error, "audit: events do not add up"),
        }
    }

    fn verdict(&self) -> Verdict {
        let gaps = self.totals.gaps;
        match self.passed == self.totals.numbers() {
            false => Verdict::Unbalanced,
            true if gaps.lost > 0 => Verdict::Lost,
            true if gaps.missing > 0 => Verdict::Missing,
            true => Verdict::Balanced,
        }
    }
}

/// What the line for all targets says; everything but the first is an error, as in `hub2siem audit`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Verdict {
    Balanced,
    Lost,
    Missing,
    Unbalanced,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::acknowledge::Gaps;

    #[test]
    fn only_what_is_complete_is_fine() {
        let cases = [
            ((0, 0), 10, Verdict::Balanced),
            ((2, 0), 12, Verdict::Missing),
            ((0, 3), 13, Verdict::Lost),
            ((2, 3), 15, Verdict::Lost),
            ((0, 0), 11, Verdict::Unbalanced),
            ((2, 3), 10, Verdict::Unbalanced),
        ];
        for ((missing, lost), passed, expected) in cases {
            let mut reconciliation = Reconciliation::new("$Default".into(), Date::default());
            reconciliation.totals.events = 10;
            reconciliation.totals.gaps = Gaps {
                missing,
                lost,
                repeated: 7,
            };
            reconciliation.passed = passed;
            assert_eq!(reconciliation.verdict(), expected, "{missing} {lost} {passed}");
        }
    }
}
