//! A limit on the records a target gets in a time: what is too much for it waits, and the window bounds how much that is.
//!
//! It stands before the target's own workers, so it is the same for every kind of target.

use std::num::NonZeroU32;
use std::time::Duration;

use governor::clock::Clock;
use governor::{DefaultDirectRateLimiter, Quota};
use schemars::JsonSchema;
use serde::Deserialize;
use tokio::sync::mpsc;

use super::Context;
use crate::config::unit;
use crate::event::Rendered;

/// Records that may wait between the limit and the workers.
pub const MAX_PASSED_RECORDS: usize = 256;

/// The limit as written.
#[derive(Debug, Clone, Copy, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Rate {
    /// So many records at once after a pause, and so many in each `per`.
    pub records: u32,
    /// The time.
    pub per: unit::Duration,
}

impl Rate {
    /// What the limiter counts by; `None` if no record would ever pass.
    ///
    /// One record is replenished after the `records`th part of `per`, at least a nanosecond.
    pub fn quota(&self) -> Option<Quota> {
        let records = NonZeroU32::new(self.records)?;
        let period = self.per.get() / records.get();
        let quota = Quota::with_period(period.max(Duration::from_nanos(1)))?;
        (!self.per.get().is_zero()).then(|| quota.allow_burst(records))
    }
}

/// Passes records on to `workers` as fast as `quota` allows, until the queue has ended, the workers are gone or
/// `context.abandon`. What has not passed then stays unsettled and is read again after the next start.
pub async fn limit(
    quota: Quota,
    mut records: mpsc::Receiver<Rendered>,
    workers: mpsc::Sender<Rendered>,
    context: Context,
) {
    let limiter = DefaultDirectRateLimiter::direct(quota);
    let waited = context
        .metrics
        .deliver_rate_limited_records_total
        .with_label_values(&[&*context.target]);
    let pass = async {
        while let Some(record) = records.recv().await {
            let mut has_waited = false;
            while let Err(not_yet) = limiter.check() {
                has_waited = true;
                tokio::time::sleep(not_yet.wait_time_from(limiter.clock().now())).await;
            }
            waited.inc_by(u64::from(has_waited));
            if workers.send(record).await.is_err() {
                return;
            }
        }
    };
    tokio::select! {
        biased;
        () = context.abandon.cancelled() => {}
        () = pass => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rate_that_lets_nothing_pass_has_no_quota() {
        let rate = |records, per| Rate {
            records,
            per: unit::Duration::parse(per).expect("it is a duration"),
        };
        assert!(rate(0, "1s").quota().is_none());
        assert!(rate(5, "0s").quota().is_none());
        let quota = rate(2000, "1s").quota().expect("it lets records pass");
        assert_eq!(quota.burst_size().get(), 2000);
        assert_eq!(quota.replenish_interval(), Duration::from_micros(500));
        assert!(rate(u32::MAX, "1ms").quota().is_some());
    }
}
