//! The whole bridge from a hub to topics, by the options in a configuration file.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use hub2siem::emulator::event_hub::{EventHubEmulator, Options};
use hub2siem::pipeline::Bridge;
use hub2siem::telemetry::Metrics;
use tokio_util::sync::CancellationToken;

use super::kafka_message::Message;
use super::kafka_mock::Cluster;

/// No state here takes longer to come.
const PATIENCE: Duration = Duration::from_secs(120);

/// An assessment that the exporter calls deleted.
const DELETED: &str = include_str!("../fixtures/assessment/delete.json");

/// Scenario: alerts and a deleted recommendation pass a bridge; it stops, starts again, and further ones pass.
/// Guarantees: each is there once, in the topic of its kind, with what only the record knows in its headers.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn from_the_hub_to_the_topics() {
    let hub = EventHubEmulator::start(Options::new("defender", 2)).await;
    let hub = hub.expect("a free port can be had");
    let cluster = Cluster::without_topic(1);
    cluster.create_topic("mdc.alert", 3);
    cluster.create_topic("mdc.rest", 1);
    let directory = tempfile::tempdir().expect("a directory can be made");
    let (path, folder) = (directory.path(), directory.path().display());
    std::fs::write(path.join("connection"), hub.connection_string()).expect("the directory is ours");
    let text = format!(
        "event_hub: {{ connection_string: {{ file: '{folder}/connection' }}, name: defender, start: earliest }}
checkpoint: {{ file: {{ directory: '{folder}/state' }} }}
dead_letter: {{ file: {{ directory: '{folder}/dead' }} }}
http: {{ listen: '127.0.0.1:0' }}
targets:
  lake:
    kafka:
      brokers: {:?}
      topic: {{ alert: 'mdc.{{kind}}', otherwise: mdc.rest }}
      tombstones: true
      librdkafka: {{ linger.ms: 20 }}
    mapping: ecs
",
        cluster.brokers()
    );
    std::fs::write(path.join("bridge.yaml"), text).expect("the directory is ours");
    for run in 1..=2 {
        for number in 0..20 {
            hub.append(number % 2, alert(run * 100 + number));
        }
        hub.append(0, DELETED.as_bytes().to_vec());
        until_delivered(&path.join("bridge.yaml"), 21).await;
    }
    let alerts = cluster.read("mdc.alert").await;
    let mut keys: Vec<&str> = alerts
        .iter()
        .filter_map(|message| message.key.as_deref())
        .collect();
    keys.sort_unstable();
    let mut expected: Vec<String> = (1..=2)
        .flat_map(|run| (0..20).map(move |number| format!("alert-{}", run * 100 + number)))
        .collect();
    expected.sort_unstable();
    assert_eq!(keys, expected);
    for Message {
        key, headers, value, ..
    } in &alerts
    {
        assert_eq!((&*headers["kind"], &*headers["mapping"]), ("alert", "ecs/alert"));
        assert!(headers["mapping_revision"].parse::<u32>().is_ok(), "{headers:?}");
        let value: serde_json::Value =
            serde_json::from_str(value.as_deref().expect("it has a value")).expect("it is JSON");
        assert_eq!(value["event"]["id"].as_str(), key.as_deref());
    }
    let rest = cluster.read("mdc.rest").await;
    assert_eq!(rest.len(), 2);
    for message in &rest {
        assert_eq!((message.header("action"), &message.value), ("Delete", &None));
    }
}

/// Runs a bridge until it delivered so many records, and stops it.
async fn until_delivered(path: &Path, count: u64) {
    let (configuration, _) =
        hub2siem::config::load(path).unwrap_or_else(|problems| panic!("{}", problems.render(false)));
    let stop = CancellationToken::new();
    let metrics = Arc::new(Metrics::new());
    let bridge = Bridge::start(configuration, Arc::clone(&metrics)).await;
    let running = tokio::spawn(bridge.expect("it starts").run(stop.clone()));
    let delivered = metrics
        .deliver_records_total
        .with_label_values(&["lake", "delivered"]);
    let wait = async {
        while delivered.get() < count {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    let arrived = tokio::time::timeout(PATIENCE, wait).await;
    arrived.expect("all of them arrive");
    stop.cancel();
    let ended = tokio::time::timeout(PATIENCE, running).await.expect("it ends");
    ended.expect("it does not panic").expect("it ends well");
    assert_eq!(delivered.get(), count, "nothing comes twice");
}

fn alert(number: u32) -> Vec<u8> {
    format!(
        r#"{{"SystemAlertId":"alert-{number}","AlertType":"VM_Test","AlertDisplayName":"A test","Severity":"High","TimeGenerated":"2026-06-07T08:09:10Z"}}"#
    )
    .into_bytes()
}
