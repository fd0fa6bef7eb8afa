//! A hub with events at known times, a file and a collector as targets, and replays between them.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use hub2siem::cli::exit::Failure;
use hub2siem::config::{Configuration, Intervals, TargetSettings};
use hub2siem::emulator::event_hub::{self, EventHubEmulator};
use hub2siem::emulator::splunk_hec::{self, SplunkHecEmulator};
use hub2siem::event::{PartitionId, SequenceNumber, Timestamp};
use hub2siem::pipeline::replay::{
    Chosen, First, Last, PerPartition, Progress, Replay, Report, Scope, Settings,
};
use serde_json::Value;
use tempfile::TempDir;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

pub const TOKEN: &str = "11111111-2222-3333-4444-555555555555";
/// The target that writes JSON lines.
pub const FILE: &str = "everything";
/// The target that acknowledges.
pub const SPLUNK: &str = "soc";

/// Longer than anything here should take, also on a busy machine.
const PATIENCE: Duration = Duration::from_secs(120);
/// When event 0 of each partition came to the hub; every further one a second later.
const FIRST_ENQUEUED: i64 = 1_772_353_800_000;

pub struct Stage {
    pub hub: EventHubEmulator,
    pub receiver: SplunkHecEmulator,
    directory: TempDir,
    /// Options that every target has, besides those it needs.
    pub more: &'static str,
    pub window_events: usize,
    /// How long what is on its way may take after a stop.
    pub grace_period: &'static str,
}

/// A replay under way.
pub struct Running {
    pub progress: Arc<Progress>,
    pub stop: CancellationToken,
    ended: JoinHandle<(Report, Result<(), Failure>)>,
}

impl Stage {
    pub async fn new(partitions: u32) -> Self {
        let hub = EventHubEmulator::start(event_hub::Options::new("defender", partitions));
        let receiver = SplunkHecEmulator::start(splunk_hec::Options {
            keeps_envelopes: true,
            ..splunk_hec::Options::local(TOKEN)
        });
        Self {
            hub: hub.await.expect("a free port can be had"),
            receiver: receiver.await.expect("a free port can be had"),
            directory: tempfile::tempdir().expect("a temporary directory can be made"),
            more: "",
            window_events: 50_000,
            grace_period: "60s",
        }
    }

    /// Appends recommendations, one event each, a second apart.
    pub fn append(&self, partition: u32, events: usize) {
        for _ in 0..events {
            let number = self.hub.last_sequence_number(partition).0 + 1;
            self.append_body(partition, assessment(partition, number, false));
        }
    }

    pub fn append_body(&self, partition: u32, body: String) {
        let number = self.hub.last_sequence_number(partition).0 + 1;
        self.hub
            .append_at(partition, bytes::Bytes::from(body), enqueued(number));
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    /// The configuration that the bridge runs with, everything that only waits for time made short.
    pub fn configuration(&self) -> Configuration {
        let directory = self.directory.path().display();
        let text = format!(
            "event_hub: {{ connection_string: {{ file: {directory}/connection }}, name: defender }}
checkpoint: {{ file: {{ directory: {directory}/state }} }}
dead_letter: {{ file: {{ directory: {directory}/dead-letters }} }}
window: {{ events: {} }}
grace_period: {grace}
targets:
  {FILE}:
    file: {{ path: {directory}/out.jsonl }}
    mapping: native
    {more}
  {SPLUNK}:
    splunk_hec:
      endpoints: [\"{}\"]
      token: {{ file: {directory}/token }}
      batch: {{ records: 10, linger: 50ms }}
    mapping: native
    {more}
",
            self.window_events,
            self.receiver.endpoint(),
            more = self.more,
            grace = self.grace_period,
        );
        let write = |name: &str, text: &str| {
            std::fs::write(self.path(name), text).expect("the directory is ours");
        };
        write("connection", &self.hub.connection_string());
        write("token", TOKEN);
        write("bridge.yaml", &text);
        let loaded = hub2siem::config::load(&self.path("bridge.yaml"));
        let (mut configuration, _) = loaded.unwrap_or_else(|problems| panic!("{}", problems.render(false)));
        configuration.intervals = Intervals {
            idle: Duration::from_millis(200),
            ..configuration.intervals
        };
        for target in &mut configuration.targets {
            if let TargetSettings::SplunkHec(settings) = &mut target.settings {
                settings.try_interval = Duration::from_millis(200);
            }
        }
        configuration
    }

    pub async fn start(&self, settings: Settings) -> Running {
        let opened = Replay::open(self.configuration(), settings).await;
        let replay = opened.unwrap_or_else(|failure| panic!("{}", failure.render(false)));
        let (progress, stop) = (Arc::clone(replay.progress()), CancellationToken::new());
        let ended = tokio::spawn(replay.run(stop.clone()));
        Running {
            progress,
            stop,
            ended,
        }
    }

    /// Replays to the end, which must be a good one.
    pub async fn replay(&self, settings: Settings) -> Report {
        let (report, result) = self.start(settings).await.end().await;
        assert!(result.is_ok(), "{result:?}");
        assert!(report.complete, "{report:?}");
        report
    }

    /// Why a replay is not even begun.
    pub async fn refused(&self, settings: Settings) -> Failure {
        let opened = Replay::open(self.configuration(), settings).await;
        opened.err().expect("it is refused")
    }

    /// The sequence numbers that arrived in the file, by partition and in their order; takes them away.
    pub fn take_file(&self) -> BTreeMap<String, Vec<i64>> {
        let mut numbers: BTreeMap<String, Vec<i64>> = BTreeMap::new();
        for record in self.records() {
            let hub = &record["hub"];
            let partition = hub["partition"].as_str().expect("a partition is text");
            let number = hub["sequence_number"].as_i64().expect("a number is one");
            numbers.entry(partition.to_owned()).or_default().push(number);
        }
        // Never written is the same as empty.
        let _ = std::fs::remove_file(self.path("out.jsonl"));
        numbers
    }

    /// The records in the file.
    pub fn records(&self) -> Vec<Value> {
        read_lines(&self.path("out.jsonl"))
    }

    /// The sequence numbers that the collector acknowledged, in rising order, repeats included.
    pub fn indexed(&self) -> Vec<i64> {
        let taken = self.taken().into_iter();
        let numbers = taken.map(|event| event["hub"]["sequence_number"].as_i64());
        let mut numbers: Vec<_> = numbers.map(|number| number.expect("it has a number")).collect();
        numbers.sort_unstable();
        numbers
    }

    /// The events of a partition that the collector took.
    pub fn taken_of(&self, partition: &str) -> usize {
        let taken = self.taken().into_iter();
        taken
            .filter(|event| event["hub"]["partition"] == partition)
            .count()
    }

    fn taken(&self) -> Vec<Value> {
        let envelopes = self.receiver.envelopes().into_iter();
        envelopes
            .map(|envelope| serde_json::from_slice(&envelope.event()).expect("an event is JSON"))
            .collect()
    }
}

impl Running {
    pub async fn end(self) -> (Report, Result<(), Failure>) {
        let ended = tokio::time::timeout(PATIENCE, self.ended).await;
        ended.expect("it ends in time").expect("it does not panic")
    }

    /// Waits for a state of its progress.
    pub async fn until(&self, what: &str, is_reached: impl Fn(&Progress) -> bool) {
        let waiting = async {
            while !is_reached(&self.progress) {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        };
        let waited = tokio::time::timeout(PATIENCE, waiting).await;
        assert!(
            waited.is_ok(),
            "{what} did not happen: {:?}",
            self.progress.totals()
        );
    }
}

/// Everything of all partitions to the file; tests change what they are about.
pub fn settings() -> Settings {
    Settings {
        target: FILE.into(),
        consumer_group: "replay".into(),
        scope: scope(Chosen::All, First::Earliest, Last::Latest),
        all_records: false,
        rate: None,
        rejected: None,
    }
}

pub fn to_splunk() -> Settings {
    Settings {
        target: SPLUNK.into(),
        ..settings()
    }
}

pub fn scope(partitions: Chosen, first: First, last: Last) -> Scope {
    Scope {
        partitions,
        first: PerPartition::Same(first),
        last: PerPartition::Same(last),
    }
}

pub fn partition(name: &'static str) -> Chosen {
    Chosen::These([PartitionId::new(name)].into())
}

pub fn number(number: i64) -> First {
    First::Number(SequenceNumber(number))
}

pub fn to(number: i64) -> Last {
    Last::Number(SequenceNumber(number))
}

/// When event `number` came to the hub.
pub fn enqueued(number: i64) -> Timestamp {
    Timestamp::from_millis(FIRST_ENQUEUED + number * 1000)
}

pub fn assessment(partition: u32, number: i64, is_snapshot: bool) -> String {
    format!(
        r#"{{"type":"Microsoft.Security/assessments","id":"/subscriptions/1/providers/Microsoft.Security/assessments/item-{partition}-{number}","name":"item-{number}","properties":{{"status":{{"code":"Healthy"}}}},"securityEventDataEnrichment":{{"action":"Insert","isSnapshot":{is_snapshot}}}}}"#
    )
}

pub fn read_lines(path: &Path) -> Vec<Value> {
    let text = std::fs::read_to_string(path).unwrap_or_default();
    text.lines()
        .map(|line| serde_json::from_str(line).expect("a line is JSON"))
        .collect()
}
