//! How long a target may go on taking nothing, before the hub removes what waits for it.

use std::fmt;
use std::time::Duration;

use super::partition_status::Waiting;
use crate::config::unit;
use crate::event::Timestamp;

/// What is left until the hub removes the oldest event that waits for a target.
///
/// Where several partitions have one, the least counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Left {
    /// Time, where the retention is configured. The hub may remove an event later than that, never sooner.
    pub time: Option<Duration>,
    /// Older events that the hub still keeps and removes first, where it has said what its oldest is.
    pub events: Option<u64>,
}

impl Left {
    /// Whether anything is known.
    pub fn is_known(&self) -> bool {
        self.time.is_some() || self.events.is_some()
    }

    /// Of the events that wait for one target, the oldest one of each partition; `None` where nothing waits.
    pub(super) fn of(
        waiting: impl Iterator<Item = Waiting>,
        retention: Option<Duration>,
        now: Timestamp,
    ) -> Option<Self> {
        let left = waiting.map(|waiting| {
            let age = now.millis_since(waiting.enqueued_time).max(0) as u64;
            Self {
                time: retention.map(|retention| retention.saturating_sub(Duration::from_millis(age))),
                events: waiting.kept_before,
            }
        });
        left.reduce(|one, other| Self {
            time: least(one.time, other.time),
            events: least(one.events, other.events),
        })
    }
}

fn least<T: Ord>(one: Option<T>, other: Option<T>) -> Option<T> {
    one.into_iter().chain(other).min()
}

/// A sentence; empty where nothing is known.
impl fmt::Display for Left {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.time, self.events) {
            (Some(Duration::ZERO), _) => formatter.write_str("the hub may remove what waits at any moment"),
            (Some(time), _) => {
                let minutes = Duration::from_secs(time.as_secs().div_ceil(60) * 60);
                write!(
                    formatter,
                    "the hub removes what waits in {}",
                    unit::Duration(minutes)
                )
            }
            (None, Some(events)) => write!(
                formatter,
                "the hub keeps {events} events older than the oldest that waits, and removes them first"
            ),
            (None, None) => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn waiting(millis: i64, kept_before: Option<u64>) -> Waiting {
        Waiting {
            enqueued_time: Timestamp::from_millis(millis),
            kept_before,
        }
    }

    /// Scenario: events wait in two partitions. Guarantees: the one that is removed first counts, in time and in events.
    #[test]
    fn the_least_counts() {
        let now = Timestamp::from_millis(10_000_000);
        let hour = Some(Duration::from_secs(3600));
        let of = |waiting: Vec<Waiting>, retention| Left::of(waiting.into_iter(), retention, now);
        assert_eq!(of(vec![], hour), None);
        let both = || vec![waiting(9_999_000, None), waiting(9_000_000, Some(7))];
        let left = of(both(), hour).expect("something waits");
        assert_eq!(
            (left.time, left.events),
            (Some(Duration::from_secs(2600)), Some(7))
        );
        assert_eq!(left.to_string(), "the hub removes what waits in 44m");
        let left = of(both(), None).expect("something waits");
        assert_eq!(
            left.to_string(),
            "the hub keeps 7 events older than the oldest that waits, and removes them first"
        );
        let left = of(vec![waiting(0, None)], hour).expect("something waits");
        assert_eq!(left.to_string(), "the hub may remove what waits at any moment");
        let left = of(vec![waiting(0, None)], None).expect("something waits");
        assert_eq!(left.to_string(), "");
    }
}
