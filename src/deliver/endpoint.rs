//! One address of a peer: whether it is well, how much it may be given, and when.

use std::time::Duration;

use tokio::time::Instant;
use url::Url;

/// First upper bound of the back-off; it doubles with every failure.
const BACKOFF_MIN: Duration = Duration::from_millis(500);

/// Last upper bound of the back-off.
const BACKOFF_MAX: Duration = Duration::from_secs(30);

/// An address of a peer.
#[derive(Debug)]
pub struct Endpoint {
    /// Its base address.
    pub url: Url,
    /// Batches on their way to it.
    pub posts: usize,
    /// Records it took so far; tells a poison record from an outage.
    pub accepted: u64,
    /// Most bytes of a batch for it; falls when it refuses a batch for its size.
    pub batch_bytes: usize,
    /// Whether it refused compressed requests.
    pub is_plain: bool,
    /// Whether acknowledgements stopped coming: then one batch at a time, until one comes.
    pub is_on_probation: bool,
    /// Whether the one batch of the probation is out.
    pub has_probe: bool,
    concurrency: usize,
    concurrency_max: usize,
    failures: u32,
    not_before: Option<Instant>,
    state: State,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    Healthy,
    Ejected,
    Probed,
}

impl Endpoint {
    /// A healthy endpoint that may be given `concurrency_max` batches at the same time.
    pub fn new(url: Url, batch_bytes: usize, concurrency_max: usize) -> Self {
        Self {
            url,
            posts: 0,
            accepted: 0,
            batch_bytes,
            is_plain: false,
            is_on_probation: false,
            has_probe: false,
            concurrency: concurrency_max,
            concurrency_max,
            failures: 0,
            not_before: None,
            state: State::Healthy,
        }
    }

    /// Whether a batch may be sent now.
    pub fn is_open(&self, now: Instant) -> bool {
        self.state == State::Healthy
            && self.posts < self.concurrency
            && self.not_before.is_none_or(|moment| moment <= now)
            && !(self.is_on_probation && self.has_probe)
    }

    /// When to look again, if it is waiting for a moment to come.
    pub fn wakes(&self, now: Instant) -> Option<Instant> {
        self.not_before
            .filter(|moment| *moment > now && self.state != State::Probed)
    }

    /// It took something: one more batch at a time, no more back-off.
    pub fn succeed(&mut self) {
        self.failures = 0;
        self.not_before = None;
        self.concurrency = (self.concurrency + 1).min(self.concurrency_max);
    }

    /// It took something, but nears its limits.
    pub fn slow_down(&mut self) {
        self.concurrency = 1;
    }

    /// Waits at least `after`, or for the back-off.
    pub fn back_off(&mut self, after: Option<Duration>, now: Instant) {
        let delay = after.unwrap_or_default().max(backoff(self.failures));
        self.failures = self.failures.saturating_add(1);
        let moment = now + delay;
        self.not_before = Some(self.not_before.map_or(moment, |before| before.max(moment)));
    }

    /// It gets nothing until its health was asked.
    pub fn eject(&mut self, now: Instant) {
        self.back_off(None, now);
        if self.state == State::Healthy {
            self.state = State::Ejected;
        }
    }

    /// Whether its health should be asked now; if so, it is taken as asked.
    pub fn begin_probe(&mut self, now: Instant) -> bool {
        let is_due = self.state == State::Ejected && self.not_before.is_none_or(|moment| moment <= now);
        if is_due {
            self.state = State::Probed;
        }
        is_due
    }

    /// Whether it gets nothing until its health was asked.
    pub fn is_ejected(&self) -> bool {
        self.state != State::Healthy
    }

    /// The answer to the question for its health.
    pub fn end_probe(&mut self, is_healthy: bool, now: Instant) {
        if is_healthy {
            self.state = State::Healthy;
            self.not_before = None;
        } else {
            self.state = State::Ejected;
            self.back_off(None, now);
        }
    }

    /// Batches may have `bytes` from now on; whether that is too large is found out anew.
    pub fn allow(&mut self, bytes: usize) {
        self.batch_bytes = bytes;
    }

    /// A batch of `bytes` was too large.
    pub fn shrink(&mut self, bytes: usize) {
        self.batch_bytes = self.batch_bytes.min(bytes / 2).max(1);
    }
}

/// Exponential back-off with full jitter: anything from nothing to the bound.
fn backoff(failures: u32) -> Duration {
    let bound = BACKOFF_MIN.saturating_mul(1 << failures.min(10)).min(BACKOFF_MAX);
    bound.mul_f64(rand::random_range(0.0..=1.0))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn endpoint() -> Endpoint {
        Endpoint::new("http://splunk:8088/".parse().expect("it is a URL"), 1 << 20, 4)
    }

    #[test]
    fn backoff_stays_within_its_bounds() {
        for (failures, bound_millis) in [(0, 500), (1, 1_000), (3, 4_000), (6, 30_000), (u32::MAX, 30_000)] {
            let longest = (0..200).map(|_| backoff(failures)).max().expect("there are some");
            assert!(
                longest <= Duration::from_millis(bound_millis),
                "{failures}: {longest:?}"
            );
            assert!(
                longest > Duration::from_millis(bound_millis / 2),
                "{failures}: {longest:?}"
            );
        }
    }

    #[test]
    fn pressure_leaves_one_batch_and_success_adds_one() {
        let now = Instant::now();
        let mut endpoint = endpoint();
        endpoint.slow_down();
        endpoint.posts = 1;
        assert!(!endpoint.is_open(now));
        endpoint.succeed();
        assert!(endpoint.is_open(now));
        endpoint.posts = 2;
        assert!(!endpoint.is_open(now));
    }

    #[test]
    fn an_ejected_endpoint_is_asked_once_at_a_time() {
        let now = Instant::now();
        let later = now + BACKOFF_MAX;
        let mut endpoint = endpoint();
        endpoint.eject(now);
        assert!(!endpoint.is_open(later));
        assert!(endpoint.begin_probe(later));
        assert!(!endpoint.begin_probe(later));
        endpoint.end_probe(false, later);
        assert!(!endpoint.is_open(later + BACKOFF_MAX));
        assert!(endpoint.begin_probe(later + BACKOFF_MAX));
        endpoint.end_probe(true, later + BACKOFF_MAX);
        assert!(endpoint.is_open(later + BACKOFF_MAX));
    }

    #[test]
    fn waits_at_least_as_long_as_asked() {
        let now = Instant::now();
        let mut endpoint = endpoint();
        endpoint.back_off(Some(Duration::from_secs(120)), now);
        assert!(!endpoint.is_open(now + Duration::from_secs(119)));
        assert!(endpoint.is_open(now + Duration::from_secs(120)));
    }
}
