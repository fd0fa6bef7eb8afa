//! What the demo prints: records as they arrive, a line of figures, the end.

use std::io::{IsTerminal, Write};
use std::time::{Duration, Instant};

use bytes::Bytes;
use serde_json::{Value, json};

use super::DemoArguments;
use super::scene::{Scene, total};
use super::summary::Summary;

/// Records printed a second at most: more cannot be read.
const MAX_LINES_A_SECOND: u32 = 12;
const INTERVAL: Duration = Duration::from_secs(1);

/// A way to print.
pub struct Show {
    json: bool,
    colours: bool,
}

impl Show {
    /// Prints for people, in colour on a terminal, or as JSON.
    pub fn new(json: bool) -> Self {
        Self {
            json,
            colours: !json && std::io::stdout().is_terminal(),
        }
    }

    /// What is about to happen.
    pub fn opening(&self, scene: &Scene, arguments: &DemoArguments) {
        let metrics = format!("http://{}/metrics", scene.http_address);
        if self.json {
            self.line(&json!({ "type": "start", "metrics": metrics, "rate": arguments.rate, "seconds": arguments.seconds, "partitions": arguments.partitions }).to_string());
            return;
        }
        self.line(&format!(
            "hub2siem demo: {} events/s for {} s into {} partitions, mapped to ECS, to a receiver with acknowledgement",
            arguments.rate, arguments.seconds, arguments.partitions
        ));
        self.line(&format!("metrics and health while it runs: {metrics}\n"));
    }

    /// Prints arrivals and figures; never completes.
    pub async fn live(&self, scene: &Scene) {
        let mut arrivals = scene.arrivals.lock().await;
        let mut ticks = tokio::time::interval(INTERVAL);
        let mut last = (
            Instant::now(),
            total(&scene.metrics.eventhub_received_events_total),
        );
        let mut printed = 0;
        loop {
            tokio::select! {
                Some(envelope) = arrivals.recv() => {
                    if printed < MAX_LINES_A_SECOND {
                        self.arrival(&envelope);
                        printed += 1;
                    }
                }
                _ = ticks.tick() => {
                    last = self.figures(scene, last);
                    printed = 0;
                }
            }
        }
    }

    /// What came of it.
    pub fn closing(&self, summary: &Summary) {
        if self.json {
            self.line(&serde_json::to_string(summary).unwrap_or_default());
            return;
        }
        let verdict = if summary.balanced {
            self.paint(32, "nothing lost: every record is delivered or dead-lettered")
        } else {
            self.paint(31, "NOT BALANCED: records are missing")
        };
        self.line(&format!(
            "\nsent {} events = received {} events = {} records = delivered {} + dead-lettered {} + filtered {}; \
             {} duplicates; {:.1} s\n{verdict}",
            summary.sent, summary.received, summary.records, summary.delivered, summary.dead_lettered,
            summary.filtered, summary.duplicates, summary.seconds
        ));
    }

    fn figures(&self, scene: &Scene, last: (Instant, u64)) -> (Instant, u64) {
        let now = Instant::now();
        let received = total(&scene.metrics.eventhub_received_events_total);
        let rate = (received - last.1) as f64 / (now - last.0).as_secs_f64().max(0.001);
        let lag = scene.readiness.lag_events();
        let acknowledged = scene.receiver.statistics().acknowledged;
        let dead_letters = total(&scene.metrics.dead_letter_records_total);
        if self.json {
            self.line(&json!({ "type": "progress", "received": received, "events_per_second": rate.round(), "lag": lag, "acknowledged": acknowledged, "dead_letters": dead_letters }).to_string());
        } else {
            let text = format!(
                "{rate:>7.0} events/s   lag {lag:<6} acknowledged {acknowledged:<8} dead letters {dead_letters}"
            );
            self.line(&self.paint(36, &text));
        }
        (now, received)
    }

    fn arrival(&self, envelope: &Bytes) {
        let Ok(envelope) = serde_json::from_slice::<Value>(envelope) else {
            return;
        };
        let fields = &envelope["fields"];
        if self.json {
            self.line(&json!({ "type": "record", "kind": fields["kind"], "event_id": fields["event_id"], "key": fields["key"] }).to_string());
            return;
        }
        let event = &envelope["event"];
        let kind = fields["kind"].as_str().unwrap_or_default();
        let severity = event["event"]["severity"].as_i64();
        let colour = match severity {
            Some(73..) => 31,
            Some(47..) => 33,
            Some(_) => 32,
            None => 37,
        };
        let text = event["message"]
            .as_str()
            .or(fields["key"].as_str())
            .unwrap_or_default();
        let text: String = text.chars().take(90).collect();
        self.line(&format!(
            "  {} {text}",
            self.paint(colour, &format!("{kind:<34}"))
        ));
    }

    fn paint(&self, colour: u8, text: &str) -> String {
        if self.colours {
            format!("\x1b[{colour}m{text}\x1b[0m")
        } else {
            text.to_owned()
        }
    }

    /// A reader that went away ends the printing, not the demo.
    fn line(&self, text: &str) {
        let _is_read = writeln!(std::io::stdout(), "{text}").is_ok();
    }
}
