//! What was written and may still be lost with the connection.

use std::collections::VecDeque;
use std::time::Duration;

use tokio::time::Instant;

/// What was written within the settle window, in the order it was written in.
///
/// Its clock stands still while a write waits: a receiver that takes nothing has not read what was written before either.
#[derive(Debug)]
pub struct Unconfirmed<R> {
    window: Duration,
    batches: VecDeque<Batch<R>>,
    stood_still: Duration,
}

/// What was written at once.
#[derive(Debug)]
pub struct Batch<R> {
    /// The records in their order.
    pub records: Vec<R>,
    /// When they were written.
    pub written: Instant,
    stood_still_before: Duration,
}

impl<R> Unconfirmed<R> {
    /// Nothing was written. What will be stays unconfirmed for `window`.
    pub fn new(window: Duration) -> Self {
        Self {
            window,
            batches: VecDeque::new(),
            stood_still: Duration::ZERO,
        }
    }

    /// Adds records that are about to be written.
    pub fn push(&mut self, records: Vec<R>, now: Instant) {
        self.batches.push_back(Batch {
            records,
            written: now,
            stood_still_before: self.stood_still,
        });
    }

    /// A write waited so long for room at the receiver.
    pub fn stand_still(&mut self, waited: Duration) {
        self.stood_still += waited;
    }

    /// When the oldest leaves the window.
    pub fn next_due(&self) -> Option<Instant> {
        self.batches.front().map(|batch| self.due(batch))
    }

    /// When all will have left it.
    pub fn last_due(&self) -> Option<Instant> {
        self.batches.back().map(|batch| self.due(batch))
    }

    /// Takes out the oldest, if it has left the window.
    pub fn take_due(&mut self, now: Instant) -> Option<Batch<R>> {
        self.next_due().filter(|due| *due <= now)?;
        self.batches.pop_front()
    }

    /// Takes out everything, the newest first: the connection ended.
    pub fn take_newest_first(&mut self) -> impl Iterator<Item = R> + '_ {
        let batches = self.batches.drain(..).rev();
        batches.flat_map(|batch| batch.records.into_iter().rev())
    }

    fn due(&self, batch: &Batch<R>) -> Instant {
        batch.written + self.window + (self.stood_still - batch.stood_still_before)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const WINDOW: Duration = Duration::from_secs(1);

    fn due(unconfirmed: &mut Unconfirmed<u32>, now: Instant) -> Vec<u32> {
        std::iter::from_fn(|| unconfirmed.take_due(now))
            .flat_map(|batch| batch.records)
            .collect()
    }

    #[test]
    fn what_is_older_than_the_window_is_due() {
        let start = Instant::now();
        let at = |millis| start + Duration::from_millis(millis);
        let mut unconfirmed = Unconfirmed::new(WINDOW);
        unconfirmed.push(vec![1, 2], at(0));
        unconfirmed.push(vec![3], at(400));
        assert_eq!(unconfirmed.next_due(), Some(at(1_000)));
        assert_eq!(unconfirmed.last_due(), Some(at(1_400)));
        assert_eq!(due(&mut unconfirmed, at(999)), [0; 0]);
        assert_eq!(due(&mut unconfirmed, at(1_000)), [1, 2]);
        unconfirmed.push(vec![4, 5], at(1_100));
        assert_eq!(unconfirmed.take_newest_first().collect::<Vec<_>>(), [5, 4, 3]);
        assert_eq!((unconfirmed.next_due(), unconfirmed.last_due()), (None, None));
    }

    #[test]
    fn time_in_which_the_receiver_takes_nothing_does_not_count() {
        let start = Instant::now();
        let at = |millis| start + Duration::from_millis(millis);
        let mut unconfirmed = Unconfirmed::new(WINDOW);
        unconfirmed.push(vec![1], at(0));
        unconfirmed.push(vec![2], at(600));
        unconfirmed.stand_still(Duration::from_millis(700));
        unconfirmed.push(vec![3], at(1_300));
        assert_eq!(due(&mut unconfirmed, at(1_699)), [0; 0]);
        assert_eq!(due(&mut unconfirmed, at(1_700)), [1]);
        assert_eq!(due(&mut unconfirmed, at(2_300)), [2, 3]);
    }
}
