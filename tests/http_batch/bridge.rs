//! The whole bridge from a hub to all three kinds, by their options in a configuration file.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use hub2siem::emulator::event_hub::{EventHubEmulator, Options};
use hub2siem::pipeline::Bridge;
use hub2siem::telemetry::Metrics;
use tokio_util::sync::CancellationToken;

use super::http_peer::{Cluster, Hook, Ingestion, Peer};

/// No state here takes longer to come.
const PATIENCE: Duration = Duration::from_secs(60);

/// Scenario: alerts pass a bridge with a target of each kind; it stops, starts again, and further ones pass.
/// Guarantees: each kind gets every alert once, in the form of its mapping, under the same id at each.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn from_the_hub_to_every_kind() {
    let hub = EventHubEmulator::start(Options::new("defender", 2)).await;
    let hub = hub.expect("a free port can be had");
    let hook = Peer::start(Hook::default()).await;
    let cluster = Peer::start(Cluster::default()).await;
    let ingestion = Peer::start(Ingestion::new("token")).await;
    ingestion.receiver().streams = vec!["Custom-Alert_CL".to_owned()];
    let directory = tempfile::tempdir().expect("a directory can be made");
    let path = directory.path();
    let write =
        |name: &str, text: &str| std::fs::write(path.join(name), text).expect("the directory is ours");
    write("connection", &hub.connection_string());
    write("token", "token");
    let folder = path.display();
    let rule = ingestion.receiver().rule.clone();
    write(
        "bridge.yaml",
        &format!(
            "event_hub: {{ connection_string: {{ file: '{folder}/connection' }}, name: defender, start: earliest }}
checkpoint: {{ file: {{ directory: '{folder}/state' }} }}
dead_letter: {{ file: {{ directory: '{folder}/dead' }} }}
http: {{ listen: '127.0.0.1:0' }}
targets:
  hook:
    http: {{ endpoint: '{}/in', format: json_array, headers: {{ X-Team: soc }}, batch: {{ linger: 20ms }} }}
    mapping: native
  search:
    elasticsearch: {{ endpoints: ['{}'], index: 'mdc-{{kind}}', batch: {{ linger: 20ms }} }}
    mapping: ecs
  sentinel:
    azure_monitor:
      endpoint: '{}'
      rule: {rule}
      stream: {{ alert: Custom-Alert_CL, otherwise: Custom-Rest_CL }}
      token: {{ file: '{folder}/token' }}
      batch: {{ linger: 20ms }}
    mapping: log-analytics
",
            hook.endpoint(),
            cluster.endpoint(),
            ingestion.endpoint(),
        ),
    );
    for run in 1..=2 {
        for number in 0..20 {
            hub.append(number % 2, alert(run * 100 + number));
        }
        let taken = 20 * run as usize;
        let stop = CancellationToken::new();
        let bridge = Bridge::start(configuration(&path.join("bridge.yaml")), Arc::new(Metrics::new())).await;
        let running = tokio::spawn(bridge.expect("it starts").run(stop.clone()));
        let wait = async {
            while hook.receiver().records.len() < taken
                || cluster.receiver().documents.len() < taken
                || ingestion.receiver().rows.len() < taken
            {
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
        };
        tokio::time::timeout(PATIENCE, wait)
            .await
            .expect("all of them arrive");
        stop.cancel();
        let ended = tokio::time::timeout(PATIENCE, running).await.expect("it ends");
        ended.expect("it does not panic").expect("it ends well");
        assert_eq!(hook.receiver().records.len(), taken);
        assert_eq!(ingestion.receiver().rows.len(), taken);
        assert_eq!(cluster.receiver().repeated.len(), 0);
    }
    assert!(
        hook.requests()
            .iter()
            .all(|request| request.headers["x-team"] == "soc")
    );
    let mut ids: Vec<String> = cluster.receiver().created.clone();
    ids.sort();
    for (index, _) in cluster.receiver().documents.keys() {
        assert_eq!(index, "mdc-alert");
    }
    let text = |value: &serde_json::Value| value.as_str().expect("it is an id").to_owned();
    let records = hook.receiver().records.clone();
    let records = records
        .iter()
        .map(|record| serde_json::from_slice(record).expect("it is JSON"));
    let mut at_hook: Vec<String> = records
        .map(|record: serde_json::Value| text(&record["event_id"]))
        .collect();
    let rows = ingestion.receiver().rows.clone();
    let mut at_sentinel: Vec<String> = rows.iter().map(|(_, row)| text(&row["MdcEventId"])).collect();
    at_hook.sort();
    at_sentinel.sort();
    assert_eq!(ids, at_hook);
    assert_eq!(ids, at_sentinel);
}

fn configuration(path: &Path) -> hub2siem::config::Configuration {
    let (configuration, _) =
        hub2siem::config::load(path).unwrap_or_else(|problems| panic!("{}", problems.render(false)));
    configuration
}

fn alert(number: u32) -> Vec<u8> {
    format!(
        r#"{{"SystemAlertId":"alert-{number}","AlertType":"VM_Test","AlertDisplayName":"A test","Severity":"High","TimeGenerated":"2026-06-07T08:09:10Z"}}"#
    )
    .into_bytes()
}
