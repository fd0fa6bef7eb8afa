//! Waits until files are quiet: an editor and a mount change several of them, one after another.

use std::time::Duration;

use tokio::sync::Notify;
use tokio::time::{Instant, sleep_until};

/// Without a change for this long, what belongs together has been written.
const QUIET: Duration = Duration::from_millis(500);
/// A folder that is never quiet is read after this all the same.
const LIMIT: Duration = Duration::from_secs(5);

/// Completes once nothing `changed` for half a second, or after 5 seconds.
pub async fn settle(changed: &Notify) {
    let limit = Instant::now() + LIMIT;
    loop {
        let quiet = (Instant::now() + QUIET).min(limit);
        tokio::select! {
            biased;
            () = sleep_until(quiet) => return,
            () = changed.notified() => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;

    /// Milliseconds until files are read that change at these moments.
    async fn waited(changes: impl IntoIterator<Item = u64>) -> u128 {
        let changed = Arc::new(Notify::new());
        let started = Instant::now();
        let moments: Vec<_> = changes
            .into_iter()
            .map(|millis| started + Duration::from_millis(millis))
            .collect();
        let writer = {
            let changed = Arc::clone(&changed);
            tokio::spawn(async move {
                for moment in moments {
                    sleep_until(moment).await;
                    changed.notify_one();
                }
            })
        };
        settle(&changed).await;
        writer.abort();
        started.elapsed().as_millis()
    }

    #[tokio::test(start_paused = true)]
    async fn waits_for_the_last_of_many_changes() {
        for (changes, expected) in [
            (vec![], 500..=501),
            (vec![100], 600..=601),
            (vec![0, 200, 400, 600], 1100..=1101),
            (vec![100, 700], 600..=601),
        ] {
            let waited = waited(changes.clone()).await;
            assert!(expected.contains(&waited), "{changes:?}: {waited}");
        }
    }

    /// Scenario: something writes into the folder all the time. Guarantees: it is read all the same.
    #[tokio::test(start_paused = true)]
    async fn does_not_wait_for_ever() {
        let waited = waited((0..1_000).map(|number| number * 100)).await;
        assert!((5_000..=5_001).contains(&waited), "{waited}");
    }
}
