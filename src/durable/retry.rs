//! How long to wait before a disk is tried again, and how often to say so.

use std::time::Duration;

use backon::{BackoffBuilder, ExponentialBackoff, ExponentialBuilder};
use tokio::time::Instant;

/// First wait: a full disk is rarely freed within less.
const DELAY_MIN: Duration = Duration::from_millis(500);

/// Longest wait: trying costs next to nothing, and intake stands still meanwhile.
const DELAY_MAX: Duration = Duration::from_secs(10);

/// A lasting failure is repeated in the log no more often than this.
const LOG_INTERVAL: Duration = Duration::from_secs(10);

/// The tries of one thing that must succeed in the end: waits grow from 0.5 s to 10 s, with jitter, for ever.
#[derive(Debug, Default)]
pub struct Retry {
    delays: Option<ExponentialBackoff>,
    failures: u64,
    logged: Option<Instant>,
}

/// What to do after a failed try.
#[derive(Debug, Clone, Copy)]
pub struct Failure {
    /// Wait this long before the next try.
    pub delay: Duration,
    /// Failed tries since the last success, this one included.
    pub failures: u64,
    /// Whether it is time to log it.
    pub is_to_be_logged: bool,
}

impl Retry {
    /// Counts a failed try.
    pub fn failed(&mut self) -> Failure {
        let delays = self.delays.get_or_insert_with(|| {
            ExponentialBuilder::default()
                .with_min_delay(DELAY_MIN)
                .with_max_delay(DELAY_MAX)
                .with_jitter()
                .without_max_times()
                .build()
        });
        let delay = delays.next().unwrap_or(DELAY_MAX).min(DELAY_MAX);
        self.failures += 1;
        let now = Instant::now();
        let is_to_be_logged = self.logged.is_none_or(|before| now - before >= LOG_INTERVAL);
        if is_to_be_logged {
            self.logged = Some(now);
        }
        Failure {
            delay,
            failures: self.failures,
            is_to_be_logged,
        }
    }

    /// Ends a run of failed tries, if there was one; the next failure waits shortly again and is logged at once.
    pub fn succeeded(&mut self) {
        *self = Self::default();
    }
}

/// An error and its causes in one line, for a state that is shown to people.
pub fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text = format!("{text}: {error}");
        cause = error.source();
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn waits_grow_to_the_limit_and_the_log_stays_quiet_between() {
        let mut retry = Retry::default();
        let mut logged = Vec::new();
        for number in 1..=20 {
            let failure = retry.failed();
            assert_eq!(failure.failures, number);
            assert!(
                failure.delay >= DELAY_MIN && failure.delay <= DELAY_MAX,
                "{failure:?}"
            );
            if failure.is_to_be_logged {
                logged.push(Instant::now());
            }
            tokio::time::sleep(failure.delay).await;
        }
        assert_eq!(retry.failed().delay, DELAY_MAX);
        assert!(logged.windows(2).all(|pair| pair[1] - pair[0] >= LOG_INTERVAL));
        assert!(logged.len() > 5, "a lasting failure is logged again and again");
        retry.succeeded();
        let failure = retry.failed();
        assert!(failure.is_to_be_logged && failure.delay <= 2 * DELAY_MIN);
    }
}
