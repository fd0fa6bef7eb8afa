//! One instance of a fleet.

use std::fmt::Write;
use std::fs;
use std::path::Path;

use serde_json::Value;

use super::harness::{Bridge, SOON, wait_for};

/// A bridge and who it is in the store.
pub struct Instance {
    pub bridge: Bridge,
    pub owner_id: String,
}

/// A partition that an instance claimed, as its log says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Claim {
    pub partition: usize,
    /// `nobody`, `expired`, `ourselves`, `instance`.
    pub origin: String,
    /// When, as the log writes it.
    pub time: String,
}

/// What instances of one fleet have in common.
pub struct Settings<'a> {
    pub directory: &'a Path,
    pub receiver: std::net::SocketAddr,
    pub container: &'a str,
    /// Where to connect instead of the hub's own address.
    pub address: Option<std::net::SocketAddr>,
    pub strategy: &'a str,
    pub start: &'a str,
    pub interval: &'a str,
    pub expiry: &'a str,
    pub window_events: u32,
}

impl Instance {
    /// Starts one; its state and dead letters are in a folder of its own, its secrets in files of the fleet's.
    #[track_caller]
    pub fn start(name: &str, settings: &Settings<'_>, environment: &[(&str, &str)]) -> Self {
        let path = settings.directory.join(format!("{name}.yaml"));
        fs::write(path, configuration(name, settings)).expect("the directory is writable");
        let bridge = Bridge::start_file_with(settings.directory, name, environment);
        let owner_id = wait_for("the name of the instance", SOON, || {
            let text = bridge.process.log_text();
            let mut lines = text
                .lines()
                .filter_map(|line| serde_json::from_str::<Value>(line).ok());
            lines.find_map(|line| Some(line["owner_id"].as_str()?.to_owned()))
        });
        Self { bridge, owner_id }
    }

    /// The partitions it claimed so far, in order.
    pub fn claims(&self) -> Vec<Claim> {
        self.messages("partition claimed")
            .map(|line| Claim {
                partition: line["partition"]
                    .as_str()
                    .and_then(|id| id.parse().ok())
                    .expect("a number"),
                origin: line["origin"].as_str().expect("a word").to_owned(),
                time: line["timestamp"].as_str().expect("a time").to_owned(),
            })
            .collect()
    }

    /// The lines of its log with this message.
    pub fn messages(&self, message: &str) -> std::vec::IntoIter<Value> {
        let text = self.bridge.process.log_text();
        let lines = text
            .lines()
            .filter_map(|line| serde_json::from_str::<Value>(line).ok());
        let found: Vec<_> = lines
            .filter(|line| {
                line["message"]
                    .as_str()
                    .is_some_and(|text| text.starts_with(message))
            })
            .collect();
        found.into_iter()
    }

    /// How many partitions it owns, and to how many it is attached, by its own account.
    pub fn shares(&self) -> (usize, usize) {
        let sum = |name: &str| self.bridge.metric(name, &[]) as usize;
        (sum("hub2siem_eventhub_owned"), sum("hub2siem_eventhub_attached"))
    }
}

fn configuration(name: &str, settings: &Settings<'_>) -> String {
    let directory = settings.directory.display();
    let Settings {
        receiver,
        container,
        address,
        strategy,
        start,
        interval,
        expiry,
        window_events,
        ..
    } = settings;
    let address = address.map_or(String::new(), |address| format!(", address: \"{address}\""));
    let mut text = String::new();
    write!(
        text,
        "event_hub: {{ connection_string: {{ file: {directory}/hub.secret }}, name: defender, start: {start}{address} }}
checkpoint:
  blob:
    connection_string: {{ file: {directory}/storage.secret }}
    container: {container}
    strategy: {strategy}
    interval: {interval}
    expiry: {expiry}
state: {{ directory: {directory}/{name}/state }}
dead_letter: {{ file: {{ directory: {directory}/{name}/dead-letters }} }}
window: {{ events: {window_events} }}
grace_period: 20s
http: {{ listen: \"127.0.0.1:0\" }}
log: {{ format: json, level: info }}
targets:
  soc-splunk:
    splunk_hec:
      endpoints: [\"http://{receiver}\"]
      token: {{ file: {directory}/token.secret }}
      acknowledgement: required
      acknowledgement_timeout: 120s
      batch: {{ records: 50, linger: 100ms }}
    mapping: ecs
"
    )
    .expect("writing to a String cannot fail");
    text
}
