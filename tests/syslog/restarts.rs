//! Receivers that are restarted under load, and stops of the bridge.

use std::sync::Arc;
use std::time::Duration;

use hub2siem::telemetry::Metrics;
use tokio_util::sync::CancellationToken;

use super::bench::{Bench, numbers, settings};
use super::lines::resent;
use super::peers::process::Process;
use super::peers::{Rsyslog, SyslogNg, Transport, packages, rsyslog, syslog_ng};
use super::stage::{Account, TARGET};

/// No state here takes longer to come.
const PATIENCE: Duration = Duration::from_secs(120);
/// How the receiver goes, one after the other.
const ENDS: [End; 4] = [End::Stopped, End::Killed, End::Stopped, End::Killed];
/// Records that are delivered between two ends.
const BETWEEN: u64 = 1_000;
/// How long a receiver does not read before it is killed.
const DEAF: Duration = Duration::from_millis(150);
/// Longer than that by what a slow machine takes to start the programs that halt and kill it.
const WINDOW: &str = "settle_window: 4s";
/// Records between two breaths, and their length: at most 700 records a second.
const BURST: (usize, Duration) = (20, Duration::from_millis(30));

/// How a receiver goes.
#[derive(Clone, Copy)]
enum End {
    /// As for an update of its configuration.
    Stopped,
    /// Without having read for a while, so that its system took bytes that nobody will read.
    Killed,
}

/// Scenario: rsyslog ends and comes back four times while 700 records a second arrive, twice without having read what its
/// system took; by plain TCP and by TLS.
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
        let mut bench = Bench::start(settings(
            receiver.address().port(),
            format!("{options}\n{WINDOW}"),
        ));
        let metrics = Arc::clone(&bench.stage.metrics);
        let restarts = async {
            for end in ENDS {
                until_more_delivered(&metrics).await;
                depart(&mut receiver, end).await;
                receiver.resume().await;
            }
            until_more_delivered(&metrics).await;
        };
        send_until(restarts, &mut bench).await;
        check(bench, &receiver).await;
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
    let mut bench = Bench::start(settings(
        receiver.address().port(),
        format!("transport: tcp\n{WINDOW}"),
    ));
    let metrics = Arc::clone(&bench.stage.metrics);
    let restarts = async {
        for end in ENDS {
            until_more_delivered(&metrics).await;
            depart(&mut receiver, end).await;
            receiver.resume().await;
        }
        until_more_delivered(&metrics).await;
    };
    send_until(restarts, &mut bench).await;
    check(bench, &receiver).await;
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
        assert_eq!(bench.stage.close().await, Account::delivered(500), "{options}");
        let counts = numbers(&output.wait_for(500).await);
        assert_eq!(counts.len(), 500);
        assert!(counts.values().all(|count| *count == 1));
    }
}

/// Waits until [`BETWEEN`] further records are delivered.
async fn until_more_delivered(metrics: &Metrics) {
    let delivered = metrics
        .deliver_records_total
        .with_label_values(&[TARGET, "delivered"]);
    let count = delivered.get() + BETWEEN;
    let what = format!("{BETWEEN} further records are delivered");
    until(&what, || delivered.get() >= count).await;
}

async fn until(what: &str, is_reached: impl Fn() -> bool) {
    let wait = async {
        while !is_reached() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    let waited = tokio::time::timeout(PATIENCE, wait).await;
    waited.unwrap_or_else(|_| panic!("it did not come to this: {what}"));
}

async fn depart(receiver: &mut Process, end: End) {
    match end {
        End::Stopped => receiver.stop().await,
        End::Killed => {
            receiver.signal("STOP");
            tokio::time::sleep(DEAF).await;
            receiver.kill().await;
        }
    }
}

async fn send_until(done: impl Future<Output = ()>, bench: &mut Bench) {
    let (records, pause) = BURST;
    let stop = CancellationToken::new();
    let load = async {
        while !stop.is_cancelled() {
            bench.stage.send(records).await;
            tokio::time::sleep(pause).await;
        }
    };
    let guarded = async {
        done.await;
        stop.cancel();
    };
    tokio::join!(load, guarded);
}

async fn check(bench: Bench, receiver: &Process) {
    let count = bench.stage.sent();
    bench.delivered(count).await;
    let (resent, reconnects) = (resent(&bench.stage), bench.reconnects());
    assert_eq!(bench.stage.retried("connection_lost"), reconnects);
    assert_eq!(bench.stage.close().await, Account::delivered(count as i64));
    let what = format!("each of {count} records is there");
    until(&what, || numbers(&receiver.records()).len() == count).await;
    let doubled = receiver.records().len() - count;
    println!("{count} records, {reconnects} reconnects, {resent} sent again, {doubled} arrived twice");
    assert_eq!(reconnects, ENDS.len() as u64);
    assert!(doubled as u64 <= resent, "{doubled} of {resent}");
    // What one window held each time, not everything; how much that is depends on the machine.
    assert!((resent as usize) < count, "{resent} of {count}");
}
