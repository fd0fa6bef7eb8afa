//! What the client library says of itself, as metrics.

use std::collections::BTreeMap;

use serde::Deserialize;

use crate::telemetry::Metrics;

/// The library's report, as far as it is asked for.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Report {
    msg_cnt: i64,
    msg_size: i64,
    brokers: BTreeMap<String, Broker>,
    topics: BTreeMap<String, Topic>,
}

/// One broker, or an address of one that is not known yet (`nodeid` below 0).
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Broker {
    nodeid: i64,
    state: String,
    txretries: u64,
    req_timeouts: u64,
    /// Requests sent, by their kind.
    req: BTreeMap<String, u64>,
    rtt: Window,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Topic {
    batchcnt: Window,
}

/// A number over the last interval; the round trip in microseconds.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Window {
    avg: i64,
}

/// The state of a connection that may be used: who we are was taken.
const UP: &str = "UP";

/// The kind of requests that carry messages.
const PRODUCE: &str = "Produce";

/// Counters of one producer so far: the library counts from its start, a metric goes on.
#[derive(Debug, Default)]
pub struct Statistics {
    retries: u64,
    timeouts: u64,
    batches: u64,
}

impl Statistics {
    /// Takes a report over into the metrics of `target`. Gives whether a connection is up; `None` if it cannot be read.
    pub fn observe(&mut self, report: &[u8], target: &str, metrics: &Metrics) -> Option<bool> {
        let report: Report = serde_json::from_slice(report).ok()?;
        let target = &[target];
        let gauges = [
            (&metrics.deliver_kafka_queue_messages, report.msg_cnt),
            (&metrics.deliver_kafka_queue_bytes, report.msg_size),
        ];
        for (gauge, value) in gauges {
            gauge.with_label_values(target).set(value);
        }
        let brokers = report.brokers.values().filter(|broker| broker.nodeid >= 0);
        let up = brokers.filter(|broker| broker.state == UP).count();
        metrics
            .deliver_kafka_brokers_up
            .with_label_values(target)
            .set(up as i64);
        let slowest = report.brokers.values().map(|broker| broker.rtt.avg).max();
        let round_trip = &metrics.deliver_kafka_round_trip_seconds;
        round_trip
            .with_label_values(target)
            .set(slowest.unwrap_or(0) as f64 / 1e6);
        let largest = report.topics.values().map(|topic| topic.batchcnt.avg).max();
        let batch = &metrics.deliver_kafka_batch_messages;
        batch.with_label_values(target).set(largest.unwrap_or(0));

        let retries: u64 = report.brokers.values().map(|broker| broker.txretries).sum();
        let timeouts: u64 = report.brokers.values().map(|broker| broker.req_timeouts).sum();
        let requests = report
            .brokers
            .values()
            .filter_map(|broker| broker.req.get(PRODUCE));
        let counters = [
            (&metrics.deliver_batches_total, &mut self.batches, requests.sum()),
            (
                &metrics.deliver_kafka_request_retries_total,
                &mut self.retries,
                retries,
            ),
            (
                &metrics.deliver_kafka_request_timeouts_total,
                &mut self.timeouts,
                timeouts,
            ),
        ];
        for (counter, before, now) in counters {
            let counter = counter.with_label_values(target);
            // A broker that left takes its counts with it.
            counter.inc_by(now.saturating_sub(std::mem::replace(before, now)));
        }
        Some(up > 0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_report_becomes_metrics() {
        let metrics = Metrics::new();
        let mut statistics = Statistics::default();
        let report = |retries: u64| {
            format!(
                r#"{{"name":"x","msg_cnt":7,"msg_size":900,
                "brokers":{{"a":{{"nodeid":1,"state":"UP","txretries":{retries},"req":{{"Produce":9,"Fetch":1}},"req_timeouts":1,"rtt":{{"avg":2500}}}},
                "b":{{"nodeid":2,"state":"DOWN"}},"c":{{"nodeid":-1,"state":"UP"}}}},
                "topics":{{"mdc":{{"batchcnt":{{"avg":40}}}}}}}}"#
            )
        };
        assert_eq!(
            statistics.observe(report(2).as_bytes(), "soc", &metrics),
            Some(true)
        );
        assert_eq!(
            statistics.observe(report(5).as_bytes(), "soc", &metrics),
            Some(true)
        );
        let label = &["soc"];
        assert_eq!(
            metrics
                .deliver_kafka_queue_messages
                .with_label_values(label)
                .get(),
            7
        );
        assert_eq!(metrics.deliver_kafka_brokers_up.with_label_values(label).get(), 1);
        assert_eq!(
            metrics
                .deliver_kafka_batch_messages
                .with_label_values(label)
                .get(),
            40
        );
        let round_trip = &metrics.deliver_kafka_round_trip_seconds;
        assert_eq!(round_trip.with_label_values(label).get(), 0.0025);
        let retries = &metrics.deliver_kafka_request_retries_total;
        assert_eq!(retries.with_label_values(label).get(), 5);
        assert_eq!(metrics.deliver_batches_total.with_label_values(label).get(), 9);
        assert_eq!(statistics.observe(b"no JSON", "soc", &metrics), None);
    }
}
