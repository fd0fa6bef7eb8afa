//! What every test needs: a hub full of items, a broker, and bridges between them.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use serde_json::Value;
use tempfile::TempDir;

use super::azurite::Azurite;
use super::harness::{Bridge, Hub, LATER, sample, wait_for};
use super::kafka_broker::{Broker, Isolation, Message, Options, jars};

/// Where records go.
pub const TOPIC: &str = "mdc";
/// Where positions are, by default.
pub const POSITIONS: &str = "hub2siem-positions";
/// Of the hub.
pub const PARTITIONS: usize = 4;
/// Of the topic: records of one partition of the hub spread over them.
const TOPIC_PARTITIONS: i32 = 3;

/// A hub, a broker, and a directory for everything else.
pub struct Scene {
    directory: TempDir,
    pub broker: Broker,
}

impl Scene {
    /// A broker with an empty topic. `None` only where there is no broker and that was allowed.
    pub async fn new(untested: &str) -> Option<Self> {
        let jars = jars(untested).await?;
        let broker = Broker::start(&jars, &Options::default()).await;
        broker.create_topic(TOPIC, TOPIC_PARTITIONS, &[]).await;
        Some(Self {
            directory: tempfile::tempdir().expect("a temporary directory"),
            broker,
        })
    }

    pub fn path(&self) -> &Path {
        self.directory.path()
    }

    /// A hub that holds `lines` in turn, `repeat` times, from the start.
    pub fn hub(&self, lines: &[String], repeat: usize) -> Hub {
        let path = self.path().join("items.jsonl");
        fs::write(&path, lines.join("\n") + "\n").expect("the directory is writable");
        let (partitions, repeat) = (PARTITIONS.to_string(), repeat.to_string());
        let path = path.to_str().expect("temporary paths are UTF-8");
        Hub::start(
            self.path(),
            &["--partitions", &partitions, "--events", path, "--repeat", &repeat],
        )
    }

    /// Starts a bridge with the files `<name>.*` and its state in the folder `state`.
    pub fn bridge(&self, name: &str, state: &str, hub: &Hub) -> Bridge {
        self.bridge_with(name, state, hub, "")
    }

    /// The same with further `options` of the target, each in a line of its own.
    pub fn bridge_with(&self, name: &str, state: &str, hub: &Hub, options: &str) -> Bridge {
        let connection = self.path().join("connection-string");
        fs::write(&connection, &hub.connection_string).expect("the directory is writable");
        self.configure(name, state, options);
        Bridge::start_file(self.path(), name)
    }

    /// The same, which shares the partitions with others of its kind through a container of `storage`.
    pub fn instance(&self, name: &str, hub: &Hub, storage: &Azurite, options: &str) -> Bridge {
        let directory = self.path();
        for (file, secret) in [
            ("connection-string", &hub.connection_string),
            ("storage", &storage.connection_string()),
        ] {
            fs::write(directory.join(file), secret).expect("the directory is writable");
        }
        let checkpoint = format!(
            "checkpoint: {{ blob: {{ connection_string: {{ file: '{directory}/storage' }}, container: checkpoints, \
             interval: 1s, expiry: 6s }} }}\nstate: {{ directory: '{directory}/{name}' }}",
            directory = directory.display()
        );
        self.write(name, name, &checkpoint, options);
        Bridge::start_file(directory, name)
    }

    /// Writes the configuration of the bridge `name`, which takes over what it can if it runs.
    pub fn configure(&self, name: &str, state: &str, options: &str) {
        let directory = self.path().display();
        let checkpoint = format!("checkpoint: {{ file: {{ directory: '{directory}/{state}' }} }}");
        self.write(name, state, &checkpoint, options);
    }

    fn write(&self, name: &str, state: &str, checkpoint: &str, options: &str) {
        let directory = self.path();
        let mut configuration = self.configuration(&directory.join("connection-string"), state, checkpoint);
        for option in options.lines() {
            configuration += &format!("    {option}\n");
        }
        fs::write(directory.join(format!("{name}.yaml")), configuration).expect("the directory is writable");
    }

    fn configuration(&self, connection: &Path, state: &str, checkpoint: &str) -> String {
        let (directory, connection) = (self.path().display(), connection.display());
        let broker = self.broker.address();
        format!(
            "event_hub: {{ connection_string: {{ file: '{connection}' }}, name: defender }}
{checkpoint}
dead_letter: {{ file: {{ directory: '{directory}/{state}-dead-letters' }} }}
grace_period: 10s
http: {{ listen: '127.0.0.1:0' }}
log: {{ format: json, level: info }}
targets:
  lake:
    kafka:
      brokers: '{broker}'
      topic: {TOPIC}
      exactly_once: true
      transaction: {{ records: 200, linger: 50ms }}
    mapping: native
"
        )
    }

    /// What a reader of committed messages finds.
    pub async fn delivered(&self) -> Vec<Message> {
        self.broker.read(TOPIC, Isolation::Committed).await
    }

    /// The dead letters of every bridge that kept its state there.
    pub fn dead_letters(&self, state: &str) -> Vec<Value> {
        let directory = self.path().join(format!("{state}-dead-letters"));
        let files = fs::read_dir(directory).expect("the bridge made it");
        let paths: Vec<PathBuf> = files.filter_map(|entry| Some(entry.ok()?.path())).collect();
        let lines = paths
            .iter()
            .filter(|path| path.extension().is_some_and(|extension| extension == "letters"))
            .flat_map(|path| {
                let text = fs::read_to_string(path).expect("it can be read");
                text.lines().map(str::to_owned).collect::<Vec<_>>()
            });
        lines
            .map(|line| {
                let json = line.splitn(3, ' ').nth(2).expect("length, checksum, letter");
                serde_json::from_str(json).expect("a dead letter is JSON")
            })
            .collect()
    }
}

/// Waits until a bridge has settled all `events` that the hub holds. Of a partition of which nothing was left when it was
/// claimed, the position that the bridge goes on after says so; its lag is known only once the hub was asked, a minute later.
#[track_caller]
pub fn wait_until_passed(bridge: &Bridge, events: usize) {
    wait_for("everything passed", LATER, || {
        let metrics = bridge.metrics();
        if sample(&metrics, "hub2siem_eventhub_attached", &[]) != Some(PARTITIONS as f64) {
            return None;
        }
        let begun = starts(&bridge.process.log_text());
        let is_passed = |partition: usize| {
            let label = format!("partition=\"{partition}\"");
            let newest = (events - partition).div_ceil(PARTITIONS) as i64 - 1;
            begun.get(&partition.to_string()) == Some(&newest)
                || sample(&metrics, "hub2siem_eventhub_lag_events", &[&label]) == Some(0.0)
        };
        (0..PARTITIONS).all(is_passed).then_some(())
    });
}

/// The position that each partition was claimed with last, as the log says it.
fn starts(log: &str) -> BTreeMap<String, i64> {
    let entries = log
        .lines()
        .filter_map(|line| serde_json::from_str::<Value>(line).ok());
    let starts = entries.filter(|entry| entry["message"] == "partition starts from a stored position");
    starts
        .filter_map(|entry| {
            let number = entry["position"]
                .as_str()?
                .strip_prefix("after sequence number ")?;
            let number = number.parse().ok()?;
            Some((entry["partition"].as_str()?.to_owned(), number))
        })
        .collect()
}

/// The body of an event with these numbers of records.
pub fn body(records: usize) -> String {
    let record = |index: usize| {
        format!(
            r#"{{"type":"Microsoft.Security/assessments","id":"/subscriptions/5d1f0b5e-0000-4000-8000-000000000001/resourceGroups/rg/providers/Microsoft.Compute/virtualMachines/item-{{{{sequence}}}}-{index}/providers/Microsoft.Security/assessments/3f8a1c52-6d0b-4e7f-9a41-0b5c2d8e6f17","name":"3f8a1c52-6d0b-4e7f-9a41-0b5c2d8e6f17","properties":{{"displayName":"Ports should be closed","status":{{"code":"Unhealthy"}}}}}}"#
        )
    };
    match records {
        1 => record(0),
        _ => format!("[{}]", (0..records).map(record).collect::<Vec<_>>().join(",")),
    }
}

/// The body of an event that is no JSON.
pub fn broken() -> String {
    r#"{"type":"Microsoft.Security/assessments","id":"item-{{sequence}}","properties":{"#.to_owned()
}
