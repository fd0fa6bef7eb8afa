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
        let is_balanced = self.passed == totals.numbers();
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
        match is_balanced {
            true if totals.gaps.lost > 0 => say!(
                error,
                "audit: events add up, and some were lost before they were read"
            ),
            true => say!(info, "audit: events add up"),
            false => say!(error, "audit: events do not add up"),
        }
    }
}
