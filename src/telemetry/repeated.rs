//! A line of the log that would repeat with every event.

use std::time::Duration;

use tokio::time::Instant;

/// It is written no more often than this.
const INTERVAL: Duration = Duration::from_secs(10);

/// Counts what is not written.
#[derive(Debug, Default)]
pub struct Repeated {
    written: Option<Instant>,
    unwritten: u64,
}

impl Repeated {
    /// Counts one more. How many the line stands for, this one included, if it is to be written now.
    pub fn count(&mut self) -> Option<u64> {
        self.unwritten += 1;
        let now = Instant::now();
        if self.written.is_some_and(|before| now - before < INTERVAL) {
            return None;
        }
        self.written = Some(now);
        Some(std::mem::take(&mut self.unwritten))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Guarantees: the first is written at once, later ones at most every ten seconds, with the number of those between.
    #[tokio::test(start_paused = true)]
    async fn stands_for_what_was_not_written() {
        let mut repeated = Repeated::default();
        assert_eq!(repeated.count(), Some(1));
        assert_eq!((repeated.count(), repeated.count()), (None, None));
        tokio::time::advance(INTERVAL).await;
        assert_eq!(repeated.count(), Some(3));
        assert_eq!(repeated.count(), None);
    }
}
