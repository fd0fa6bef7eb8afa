//! The way into a target's queue.

use prometheus::IntGauge;
use tokio::sync::mpsc;

/// Waits for a place in the queue, and counts the record as in flight from then on: whoever stops waiting leaves no trace.
/// `false` when the other side is gone, because everything is ending; the record stays unsettled and is read again.
pub(super) async fn send<T>(queue: &mpsc::Sender<T>, in_flight: &IntGauge, record: T) -> bool {
    let Ok(place) = queue.reserve().await else {
        return false;
    };
    in_flight.inc();
    place.send(record);
    true
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use tokio::time::timeout;

    use super::*;

    /// Scenario: a target takes nothing, and its reader is told to stop while it waits for a place; then the workers end.
    /// Guarantees: what did not get into the queue is not counted as in flight.
    #[tokio::test(start_paused = true)]
    async fn what_is_cut_off_is_not_in_flight() {
        let in_flight = IntGauge::new("in_flight", "test").expect("it is a name");
        let (queue, mut records) = mpsc::channel(1);
        assert!(send(&queue, &in_flight, 'a').await);
        timeout(Duration::from_secs(1), send(&queue, &in_flight, 'b'))
            .await
            .expect_err("there is no place");
        assert_eq!(in_flight.get(), 1);
        assert_eq!(records.recv().await, Some('a'));
        drop(records);
        assert!(!send(&queue, &in_flight, 'c').await);
        assert_eq!(in_flight.get(), 1);
    }
}
