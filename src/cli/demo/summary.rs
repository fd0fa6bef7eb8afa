//! The proof at the end: what was sent is what was delivered, dead-lettered or filtered.

use serde::Serialize;

use super::feed::Fed;
use super::scene::{Scene, total};

/// The figures of the last line.
#[derive(Debug, Serialize)]
pub struct Summary {
    #[serde(rename = "type")]
    line_type: &'static str,
    /// Events put into the hub.
    pub sent: u64,
    /// Events the bridge read.
    pub received: u64,
    /// Records the bridge found in them.
    pub records: u64,
    /// Different records the receiver acknowledged.
    pub delivered: u64,
    /// Records in the dead letters.
    pub dead_lettered: u64,
    /// Records no target wanted.
    pub filtered: u64,
    /// Records the receiver got more than once.
    pub duplicates: u64,
    /// From the first event to the last acknowledgement.
    pub seconds: f64,
    /// Events by seconds.
    pub events_per_second: f64,
    /// Whether everything adds up.
    pub balanced: bool,
}

impl Summary {
    /// Counts what happened on the stage.
    pub fn new(scene: &Scene, fed: &Fed, seconds: f64, settled: bool) -> Self {
        let received = total(&scene.metrics.eventhub_received_events_total);
        let records = total(&scene.metrics.decode_records_total);
        let statistics = scene.receiver.statistics();
        let delivered = statistics.acknowledged - statistics.duplicates.min(statistics.acknowledged);
        let dead_lettered = total(&scene.metrics.dead_letter_records_total);
        let filtered = scene
            .metrics
            .route_records_total
            .with_label_values(&["splunk", "filtered"])
            .get();
        let balanced = settled
            && fed.events == received
            && fed.records + fed.undecodable == records
            && dead_lettered >= fed.undecodable
            && delivered + dead_lettered + filtered == records;
        Self {
            line_type: "summary",
            sent: fed.events,
            received,
            records,
            delivered,
            dead_lettered,
            filtered,
            duplicates: statistics.duplicates,
            seconds: (seconds * 1000.0).round() / 1000.0,
            events_per_second: (fed.events as f64 / seconds.max(0.001)).round(),
            balanced,
        }
    }
}
