//! The whole bridge from a hub to real receivers, by a configuration file, with the maps that are shipped.

use std::sync::Arc;
use std::time::Duration;

use hub2siem::emulator::event_hub::{EventHubEmulator, Options};
use hub2siem::pipeline::Bridge;
use hub2siem::pipeline::reload::Source;
use hub2siem::telemetry::Metrics;
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;

use super::lines::{alert, alert_ids, configuration, wait_for_locks};
use super::peers::{Certificates, Rsyslog, SyslogNg, Transport, packages, rsyslog, syslog_ng};

/// No state here takes longer to come.
const PATIENCE: Duration = Duration::from_secs(60);
const ALERTS: usize = 40;

/// Scenario: alerts pass a bridge with three targets: CEF by RFC 5424 to rsyslog over TLS, LEEF by RFC 3164 to syslog-ng,
/// and JSON to rsyslog. It stops, starts again, and further ones pass.
/// Guarantees: each receiver gets every alert once, with the severity, kind and time of the record in the header.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn from_the_hub_to_every_receiver() {
    let Some(packages) = packages("the bridge with receivers of syslog").await else {
        return;
    };
    let tls = rsyslog::Options::new(Transport::Tls);
    let cef = Rsyslog::start(&packages, &tls).await;
    let leef = syslog_ng::Options::new(syslog_ng::Source::Network, Transport::Tcp);
    let leef = SyslogNg::start(&packages, &leef).await;
    let json = Rsyslog::start(&packages, &rsyslog::Options::new(Transport::Tcp)).await;
    let hub = EventHubEmulator::start(Options::new("defender", 2)).await;
    let hub = hub.expect("a free port can be had");
    let directory = tempfile::tempdir().expect("a directory can be made");
    let path = directory.path();
    let write =
        |name: &str, text: &str| std::fs::write(path.join(name), text).expect("the directory is ours");
    write("connection", &hub.connection_string());
    let folder = path.display();
    let certificates = tls.certificates.expect("TLS needs certificates");
    write(
        "bridge.yaml",
        &format!(
            "event_hub: {{ connection_string: {{ file: '{folder}/connection' }}, name: defender, start: earliest }}
checkpoint: {{ file: {{ directory: '{folder}/state' }} }}
dead_letter: {{ file: {{ directory: '{folder}/dead' }} }}
http: {{ listen: '127.0.0.1:0' }}
targets:
  sentinel:
    syslog: {{ address: 'localhost:{}', transport: tls, tls: {{ ca_file: '{}' }}, oversize: truncate }}
    mapping: cef
  qradar:
    syslog: {{ address: 'localhost:{}', transport: tcp, format: rfc3164, hostname: bridge }}
    mapping: leef
  archive:
    syslog: {{ address: 'localhost:{}', transport: tcp, facility: audit }}
    mapping: native
",
            cef.address().port(),
            certificates.ca().display(),
            leef.address().port(),
            json.address().port(),
        ),
    );
    for run in 1..=2 {
        for number in 0..ALERTS as u32 {
            hub.append(number % 2, alert(run * 100 + number));
        }
        let stop = CancellationToken::new();
        let bridge = Bridge::start(configuration(&path.join("bridge.yaml")), Arc::new(Metrics::new())).await;
        let running = tokio::spawn(bridge.expect("it starts").run(stop.clone()));
        let taken = ALERTS * run as usize;
        for records in [
            cef.wait_for(taken).await,
            leef.wait_for(taken).await,
            json.wait_for(taken).await,
        ] {
            assert_eq!(records.len(), taken);
        }
        stop.cancel();
        let ended = tokio::time::timeout(PATIENCE, running).await.expect("it ends");
        ended.expect("it does not panic").expect("it ends well");
        wait_for_locks(path);
    }
    let records = [cef.records(), leef.records(), json.records()];
    let starts = [
        "CEF:0|Microsoft|Defender for Cloud|",
        "LEEF:2.0|Microsoft|Defender for Cloud|",
        "{\"kind\":\"alert\",",
    ];
    let priorities = [16 * 8 + 3, 16 * 8 + 3, 13 * 8 + 3];
    for ((records, start), priority) in records.iter().zip(starts).zip(priorities) {
        assert_eq!(records.len(), 2 * ALERTS);
        for record in records {
            assert!(record.message.trim_start().starts_with(start), "{record:?}");
            assert_eq!(record.priority, priority, "{record:?}");
            assert!(record.timestamp.contains("-06-07T08:09:10"), "{record:?}");
        }
        assert_eq!(alert_ids(records).len(), 2 * ALERTS);
    }
    assert!(records[0].iter().all(|record| {
        record.message_id == "alert"
            && record.hostname == "hub2siem"
            && record.timestamp.starts_with("2026-06-07T08:09:10.123")
    }));
    assert!(records[1].iter().all(|record| record.hostname == "bridge"));
}

/// Scenario: the file of trusted authorities holds another one than the receiver's, and is then replaced while the bridge
/// runs.
/// Guarantees: the target is blocked, and goes on right after the reload, long before its next try would be due.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_replaced_authority_file_is_taken_over() {
    let Some(packages) = packages("reloads of certificates").await else {
        return;
    };
    let tls = rsyslog::Options::new(Transport::Tls);
    let receiver = Rsyslog::start(&packages, &tls).await;
    let hub = EventHubEmulator::start(Options::new("defender", 1)).await;
    let hub = hub.expect("a free port can be had");
    let directory = tempfile::tempdir().expect("a directory can be made");
    let path = directory.path();
    let folder = path.display();
    let certificates = tls.certificates.expect("TLS needs certificates");
    let take_over = |other: &Certificates| {
        std::fs::copy(other.ca(), path.join("ca.pem")).expect("the directory is ours");
    };
    take_over(&Certificates::new("localhost"));
    std::fs::write(path.join("connection"), hub.connection_string()).expect("the directory is ours");
    let configured = format!(
        "event_hub: {{ connection_string: {{ file: '{folder}/connection' }}, name: defender, start: earliest }}
checkpoint: {{ file: {{ directory: '{folder}/state' }} }}
dead_letter: {{ file: {{ directory: '{folder}/dead' }} }}
http: {{ listen: '127.0.0.1:0' }}
reload: {{ watch: false }}
targets:
  soc:
    syslog: {{ address: 'localhost:{}', tls: {{ ca_file: '{folder}/ca.pem' }} }}
    mapping: cef
",
        receiver.address().port()
    );
    let file = path.join("bridge.yaml");
    std::fs::write(&file, configured).expect("the directory is ours");
    let metrics = Arc::new(Metrics::new());
    let mut bridge = Bridge::start(configuration(&file), Arc::clone(&metrics))
        .await
        .expect("it starts");
    let asked = Arc::new(Notify::new());
    bridge.reload_from(Source {
        path: file,
        asked: Arc::clone(&asked),
    });
    let stop = CancellationToken::new();
    let running = tokio::spawn(bridge.run(stop.clone()));
    hub.append(0, alert(100));
    let blocked = metrics.deliver_blocked.with_label_values(&["soc", "tls"]);
    let wait = async {
        while blocked.get() == 0 {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    tokio::time::timeout(PATIENCE, wait).await.expect("it is blocked");
    take_over(&certificates);
    asked.notify_one();
    assert_eq!(receiver.wait_for(1).await.len(), 1);
    stop.cancel();
    let ended = tokio::time::timeout(PATIENCE, running).await.expect("it ends");
    ended.expect("it does not panic").expect("it ends well");
    assert_eq!(blocked.get(), 0);
    let tries = metrics.deliver_retries_total.with_label_values(&["soc", "tls"]);
    assert_eq!(tries.get(), 1, "no try but that after the reload");
}
