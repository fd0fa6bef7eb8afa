//! The whole bridge from a hub to a real rsyslog, by a configuration file, with the maps that are shipped.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use hub2siem::emulator::event_hub::{EventHubEmulator, Options};
use hub2siem::pipeline::Bridge;
use hub2siem::telemetry::Metrics;
use tokio::process::Command;
use tokio_util::sync::CancellationToken;

use super::lines::{alert, alert_ids, configuration, wait_for_locks};
use super::peers::{Rsyslog, Transport, packages, rsyslog};

/// No state here takes longer to come.
const PATIENCE: Duration = Duration::from_secs(60);
const ALERTS: usize = 40;

/// Scenario: `check --connect` tries a target with TLS that shows a certificate, and one without TLS. Then alerts pass the
/// bridge; it stops, starts again, and further ones pass.
/// Guarantees: `check` names the software of both and sends nothing; each receiver gets every alert once, CEF here and JSON
/// there, with the severity and kind of the record in the header.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn from_the_hub_to_rsyslog() {
    let Some(packages) = packages("the bridge with RELP receivers").await else {
        return;
    };
    let tls = rsyslog::Options {
        wants_client_certificate: true,
        ..rsyslog::Options::new(Transport::RelpTls)
    };
    let cef = Rsyslog::start(&packages, &tls).await;
    let json = Rsyslog::start(&packages, &rsyslog::Options::new(Transport::Relp)).await;
    let hub = EventHubEmulator::start(Options::new("defender", 2)).await;
    let hub = hub.expect("a free port can be had");
    let directory = tempfile::tempdir().expect("a directory can be made");
    let folder = directory.path().display();
    let certificates = tls.certificates.expect("TLS needs certificates");
    let (certificate, key) = certificates.client();
    let write = |name: &str, text: &str| {
        std::fs::write(directory.path().join(name), text).expect("the directory is ours");
    };
    write("connection", &hub.connection_string());
    write(
        "bridge.yaml",
        &format!(
            "event_hub: {{ connection_string: {{ file: '{folder}/connection' }}, name: defender, start: earliest }}
checkpoint: {{ file: {{ directory: '{folder}/state' }} }}
dead_letter: {{ file: {{ directory: '{folder}/dead' }} }}
http: {{ listen: '127.0.0.1:0' }}
targets:
  soc:
    relp:
      address: 'localhost:{}'
      oversize: truncate
      tls:
        ca_file: '{}'
        client_certificate: {{ certificate_file: '{}', key_file: '{}' }}
    mapping: cef
  archive:
    relp: {{ address: '{}', facility: audit, hostname: bridge, message_limit: 8000B }}
    mapping: native
",
            cef.address().port(),
            certificates.ca().display(),
            certificate.display(),
            key.display(),
            json.address(),
        ),
    );
    let file = directory.path().join("bridge.yaml");
    let checked = check(&file).await;
    let opened = |target: &str| {
        let lines = checked.lines().filter(|line| line.contains(target));
        lines
            .filter(|line| line.starts_with("ok") && line.contains("librelp"))
            .count()
    };
    assert_eq!(
        (opened("target soc"), opened("target archive")),
        (1, 1),
        "{checked}"
    );
    assert_eq!((cef.records(), json.records()), (vec![], vec![]));
    for run in 1..=2 {
        for number in 0..ALERTS as u32 {
            hub.append(number % 2, alert(run * 100 + number));
        }
        let stop = CancellationToken::new();
        let bridge = Bridge::start(configuration(&file), Arc::new(Metrics::new())).await;
        let running = tokio::spawn(bridge.expect("it starts").run(stop.clone()));
        let taken = ALERTS * run as usize;
        cef.wait_for(taken).await;
        json.wait_for(taken).await;
        stop.cancel();
        let ended = tokio::time::timeout(PATIENCE, running).await.expect("it ends");
        ended.expect("it does not panic").expect("it ends well");
        wait_for_locks(directory.path());
    }
    let expected = [
        (
            cef.records(),
            "CEF:0|Microsoft|Defender for Cloud|",
            "hub2siem",
            16,
        ),
        (json.records(), "{\"kind\":\"alert\",", "bridge", 13),
    ];
    for (records, start, hostname, facility) in expected {
        assert_eq!(
            (records.len(), alert_ids(&records).len()),
            (2 * ALERTS, 2 * ALERTS)
        );
        for record in records {
            assert!(record.message.trim_start().starts_with(start), "{record:?}");
            assert_eq!((record.priority, &*record.hostname), (facility * 8 + 3, hostname));
            assert_eq!(record.message_id, "alert");
            assert!(
                record.timestamp.starts_with("2026-06-07T08:09:10.123"),
                "{record:?}"
            );
        }
    }
}

/// What `check --connect` prints.
async fn check(file: &Path) -> String {
    let mut command = Command::new(env!("CARGO_BIN_EXE_hub2siem"));
    command.args(["check", "--connect", "--config"]).arg(file);
    let output = tokio::time::timeout(PATIENCE, command.output())
        .await
        .expect("it ends");
    let output = output.expect("the program was built");
    String::from_utf8_lossy(&output.stdout).into_owned()
}
