//! A real rsyslog that is killed, cut off, or whose answers do not come.

use std::collections::BTreeSet;

use super::bench::{Bench, all_came, connected};
use super::lines::{number, resent};
use super::peers::rsyslog::Options;
use super::peers::{Packages, Rsyslog, Transport, packages};
use super::stage::Account;
use super::support::proxy::{Direction, Mode, Proxy};

/// What makes rsyslog slower at writing than at answering, so that its queue is long on a slow machine too: ten milliseconds for
/// each message.
const SLOW: &str = r#"queue.dequeueBatchSize="1" queue.dequeueSlowDown="10000""#;
/// A millisecond, and with a queue on disk that is written before a message is answered.
const SLOW_ON_DISK: &str = r#"queue.dequeueBatchSize="1" queue.dequeueSlowDown="1000" queue.type="disk" queue.filename="main" queue.checkpointInterval="1""#;

/// Scenario: rsyslog with a long queue in memory is killed (SIGKILL) under load and started again.
/// Guarantees: what it had not answered is there afterwards. What it had answered and not written is lost by rsyslog, and
/// that is all that is missing: this is the limit of what RELP says.
#[tokio::test]
async fn a_kill_loses_only_what_was_answered() {
    let Some(packages) = packages("a kill of rsyslog under RELP load").await else {
        return;
    };
    let there = kill_under_load(&packages, SLOW).await;
    let missing = (0..2_100).filter(|number| !there.numbers.contains(number));
    let (answered, unanswered): (Vec<i64>, _) =
        missing.partition(|number| there.answered_at_kill.contains(number));
    assert!(
        unanswered.is_empty(),
        "never answered, and missing: {unanswered:?}"
    );
    assert!(!answered.is_empty(), "the queue was long");
}

/// Scenario: the same with the queue of rsyslog on disk.
/// Guarantees: nothing is missing.
#[tokio::test]
async fn a_kill_loses_nothing_with_a_queue_on_disk() {
    let Some(packages) = packages("a kill of rsyslog with a queue on disk").await else {
        return;
    };
    let there = kill_under_load(&packages, SLOW_ON_DISK).await;
    let missing: Vec<i64> = (0..2_100)
        .filter(|number| !there.numbers.contains(number))
        .collect();
    assert!(missing.is_empty(), "{missing:?}");
}

/// What rsyslog has in the end, and what it had answered when it was killed.
struct There {
    numbers: BTreeSet<i64>,
    answered_at_kill: BTreeSet<i64>,
}

/// Sends 2,000 records, kills the receiver in their middle, starts it again, and sends 100 more; all are delivered.
async fn kill_under_load(packages: &Packages, main_queue: &'static str) -> There {
    let options = Options {
        main_queue,
        ..Options::new(Transport::Relp)
    };
    let mut receiver = Rsyslog::start(packages, &options).await;
    let mut bench = Bench::start(receiver.address(), "");
    bench.send(2_000).await;
    receiver.kill().await;
    bench
        .until("the end is seen", |bench| connected(bench) == 0)
        .await;
    let answered_at_kill = bench.account().delivered.into_iter().collect();
    receiver.resume().await;
    bench.send(100).await;
    assert_eq!(bench.close().await, Account::delivered(2_100));
    receiver.stop().await;
    let records = receiver.records();
    There {
        numbers: records.iter().map(number).collect(),
        answered_at_kill,
    }
}

/// Scenario: a proxy lets records through to rsyslog and withholds its answers, longer than they are waited for.
/// Guarantees: nothing settles meanwhile; the records are sent again on a new connection with the same bytes, and then
/// settle; rsyslog has those of the window twice, and no more.
#[tokio::test]
async fn withheld_answers_are_asked_for_again() {
    let Some(packages) = packages("withheld answers of rsyslog").await else {
        return;
    };
    let mut receiver = Rsyslog::start(&packages, &Options::new(Transport::Relp)).await;
    let proxy = Proxy::start(receiver.address()).await;
    let mut bench = Bench::start(proxy.address(), "answer_timeout: 2s\nwindow: 32");
    bench.send(50).await;
    bench.until("delivered", |bench| bench.settled() == 50).await;
    let before = bench.retried("timeout");
    proxy.set(Mode::Withhold(Direction::ToClient)).await;
    bench.send(50).await;
    receiver.wait_for(50 + 32).await;
    bench
        .until("the timeout", |bench| bench.retried("timeout") > before)
        .await;
    assert_eq!(bench.settled(), 50);
    proxy.set(Mode::Pass).await;
    bench.until("delivered", |bench| bench.settled() == 100).await;
    assert!(resent(&bench) >= 32);
    assert_eq!(bench.close().await, Account::delivered(100));
    receiver.stop().await;
    let records = receiver.records();
    let twice = all_came(&records, 100);
    assert!((32..=96).contains(&twice), "{twice}");
    for record in &records {
        let same = records.iter().filter(|other| number(other) == number(record));
        assert!(
            same.clone().all(|other| other.raw == record.raw),
            "the bytes are the same"
        );
    }
}

/// Scenario: rsyslog is halted (SIGSTOP) under load for several answer timeouts, and goes on.
/// Guarantees: nothing is lost, and what is twice afterwards is at most one window, however often it was tried.
#[tokio::test]
async fn a_standstill_multiplies_nothing() {
    let Some(packages) = packages("a standstill of rsyslog").await else {
        return;
    };
    let mut receiver = Rsyslog::start(&packages, &Options::new(Transport::Relp)).await;
    let mut bench = Bench::start(receiver.address(), "answer_timeout: 3s");
    bench.send(1_000).await;
    receiver.signal("STOP");
    bench.send(50).await;
    bench.until("tries", |bench| bench.retried("timeout") >= 3).await;
    receiver.signal("CONT");
    bench.send(1_000).await;
    assert_eq!(bench.close().await, Account::delivered(2_050));
    receiver.stop().await;
    let twice = all_came(&receiver.records(), 2_050);
    assert!(twice <= 128, "{twice}");
}

/// Scenario: every connection is reset again and again, and the port is closed for a while, under load.
/// Guarantees: nothing is lost.
#[tokio::test]
async fn resets_lose_nothing() {
    let Some(packages) = packages("resets of connections to rsyslog").await else {
        return;
    };
    let mut receiver = Rsyslog::start(&packages, &Options::new(Transport::Relp)).await;
    let proxy = Proxy::start(receiver.address()).await;
    let mut bench = Bench::start(proxy.address(), "");
    tokio::join!(bench.send(4_000), async {
        for count in [500, 1_000, 1_500] {
            receiver.wait_for(count).await;
            proxy.reset_connections().await;
        }
        receiver.wait_for(2_000).await;
        proxy.set(Mode::Refuse).await;
        proxy.reset_connections().await;
        proxy.set(Mode::Pass).await;
    });
    assert_eq!(bench.close().await, Account::delivered(4_000));
    receiver.stop().await;
    all_came(&receiver.records(), 4_000);
}
