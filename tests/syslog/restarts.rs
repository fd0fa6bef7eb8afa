//! Receivers that are restarted under load, and stops of the bridge.

use std::time::Duration;

use super::bench::{Bench, all_delivered, numbers, settings};
use super::peers::{Record, Rsyslog, SyslogNg, Transport, packages, rsyslog, syslog_ng};

/// Records of one run.
const COUNT: usize = 8_000;
/// The receiver is restarted so often meanwhile, after so long each time.
const RESTARTS: (u64, Duration) = (3, Duration::from_millis(800));
/// Records between two breaths, and their length: at most 2,000 records a second.
const BURST: (usize, Duration) = (20, Duration::from_millis(10));
const WINDOW: &str = "settle_window: 300ms";

/// Scenario: rsyslog is restarted three times while 2,000 records a second arrive, by plain TCP and by TLS.
/// Guarantees: every record arrives; what arrives twice was counted as sent again, and stays within the settle window.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_is_lost_when_rsyslog_restarts() {
    let Some(packages) = packages("restarts of rsyslog under load").await else {
        return;
    };
    for transport in [Transport::Tcp, Transport::Tls] {
        let peer = rsyslog::Options::new(transport);
        let mut receiver = Rsyslog::start(&packages, &peer).await;
        let options = match &peer.certificates {
            None => "transport: tcp".to_owned(),
            Some(certificates) => format!("tls: {{ ca_file: '{}' }}", certificates.ca().display()),
        };
        let options = format!("{options}\n{WINDOW}");
        let mut bench = Bench::start(settings(receiver.address().port(), options));
        let restarts = async {
            for _ in 0..RESTARTS.0 {
                tokio::time::sleep(RESTARTS.1).await;
                receiver.restart().await;
            }
        };
        tokio::join!(send(&mut bench), restarts);
        bench.delivered(COUNT).await;
        check(bench, &receiver.wait_for(COUNT).await).await;
    }
}

/// Scenario: the same with syslog-ng.
/// Guarantees: the same.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_is_lost_when_syslog_ng_restarts() {
    let Some(packages) = packages("restarts of syslog-ng under load").await else {
        return;
    };
    let peer = syslog_ng::Options::new(syslog_ng::Source::Syslog, Transport::Tcp);
    let mut receiver = SyslogNg::start(&packages, &peer).await;
    let options = format!("transport: tcp\n{WINDOW}");
    let mut bench = Bench::start(settings(receiver.address().port(), options));
    let restarts = async {
        for _ in 0..RESTARTS.0 {
            tokio::time::sleep(RESTARTS.1).await;
            receiver.restart().await;
        }
    };
    tokio::join!(send(&mut bench), restarts);
    bench.delivered(COUNT).await;
    check(bench, &receiver.wait_for(COUNT).await).await;
}

/// Scenario: the bridge stops right after records were written, to each receiver, with a settle window that has not passed.
/// Guarantees: the stop waits for the receiver to close its side, settles everything, and everything arrived once.
#[tokio::test]
async fn a_stop_loses_nothing() {
    let Some(packages) = packages("stops of the bridge").await else {
        return;
    };
    let tls = rsyslog::Options::new(Transport::Tls);
    let ca = tls.certificates.as_ref().expect("TLS needs certificates").ca();
    let rsyslog_tls = Rsyslog::start(&packages, &tls).await;
    let rsyslog = Rsyslog::start(&packages, &rsyslog::Options::new(Transport::Tcp)).await;
    let options = syslog_ng::Options::new(syslog_ng::Source::Syslog, Transport::Tcp);
    let syslog_ng = SyslogNg::start(&packages, &options).await;
    let plain = "transport: tcp".to_owned();
    for (port, options, output) in [
        (rsyslog.address().port(), &plain, &*rsyslog),
        (syslog_ng.address().port(), &plain, &*syslog_ng),
        (
            rsyslog_tls.address().port(),
            &format!("tls: {{ ca_file: '{}' }}", ca.display()),
            &*rsyslog_tls,
        ),
    ] {
        let mut bench = Bench::start(settings(port, format!("{options}\nsettle_window: 1h")));
        bench.stage.send(500).await;
        assert_eq!(bench.stage.close().await, all_delivered(500), "{options}");
        let counts = numbers(&output.wait_for(500).await);
        assert_eq!(counts.len(), 500);
        assert!(counts.values().all(|count| *count == 1));
    }
}

async fn send(bench: &mut Bench) {
    let (records, pause) = BURST;
    for _ in 0..COUNT / records {
        bench.stage.send(records).await;
        tokio::time::sleep(pause).await;
    }
}

async fn check(bench: Bench, records: &[Record]) {
    let (resent, reconnects) = (bench.resent(), bench.reconnects());
    assert_eq!(bench.stage.retried("connection_lost"), reconnects);
    assert_eq!(bench.stage.close().await, all_delivered(COUNT as i64));
    let counts = numbers(records);
    let missing: Vec<_> = (0..COUNT as i64)
        .filter(|number| !counts.contains_key(number))
        .collect();
    let doubled = records.len() - counts.len();
    println!("{reconnects} reconnects, {resent} sent again, {doubled} arrived twice");
    assert_eq!(missing, [0; 0]);
    assert!(reconnects >= RESTARTS.0);
    assert!(doubled as u64 <= resent, "{doubled} of {resent}");
    // What one window held each time, not everything; how much that is depends on the machine.
    assert!((resent as usize) < COUNT, "{resent}");
}
