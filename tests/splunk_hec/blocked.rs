//! What only an operator can mend; the target tries five times a second here instead of every 30 seconds.

use std::time::{Duration, Instant};

use hub2siem::deliver::splunk_hec::check;
use hub2siem::emulator::splunk_hec::{Answer, RequestKind};
use hub2siem::event::Kind;
use hub2siem::telemetry::health::BlockReason;
use tokio::net::TcpSocket;

use super::bench::{
    Bench, OTHER_TOKEN, SMALL, receiver, receiver_without_acknowledgement, settings, settings_with,
};
use super::stage::Stage;

fn reason(bench: &Stage) -> Option<BlockReason> {
    bench.health.blocked().map(|blocked| blocked.reason)
}

/// Scenario: the token is wrong and later right.
/// Guarantees: the target is blocked, tries rarely, loses nothing, and goes on by itself.
#[tokio::test]
async fn a_token_is_mended() {
    let receiver = receiver().await;
    receiver.set_token("another");
    let began = Instant::now();
    let mut bench = Bench::start(&receiver, SMALL);
    bench.send(20).await;
    bench
        .until("blocked", |bench| {
            reason(bench) == Some(BlockReason::Authorization)
        })
        .await;
    receiver.set_token(super::bench::TOKEN);
    // On a slow machine further tries were due, each after another wait.
    let tries = 1 + began.elapsed().as_millis() as u64 / 200;
    bench.until("settled", |bench| bench.settled() == 20).await;
    assert_eq!(reason(&bench), None);
    assert!(
        (1..=tries).contains(&bench.retried("blocked")),
        "one batch is tried at a time"
    );
    bench.balance(&[&receiver], &[]).await;
    assert_eq!(receiver.statistics().duplicates, 0);
}

/// Scenario: the token was changed at the receiver; the new one comes by a reload, long before the next try is due.
/// Guarantees: the target goes on at once, with the new token, in smaller batches if those are asked for.
#[tokio::test]
async fn a_token_is_replaced_while_it_runs() {
    let receiver = receiver().await;
    receiver.set_token("another");
    let mut first = settings(&[receiver.endpoint()], SMALL);
    first.try_interval = Duration::from_secs(3600);
    let mut bench = Bench::with(first);
    bench.send(20).await;
    bench
        .until("blocked", |bench| {
            reason(bench) == Some(BlockReason::Authorization)
        })
        .await;
    receiver.set_token(OTHER_TOKEN);
    let small = "batch: { records: 3, linger: 20ms }\nworkers: 1";
    bench
        .settings
        .send_replace(settings_with(OTHER_TOKEN, &[receiver.endpoint()], small));
    bench.until("settled", |bench| bench.settled() == 20).await;
    assert_eq!(reason(&bench), None);
    let before = receiver.statistics().requests;
    bench.send(30).await;
    bench.until("settled", |bench| bench.settled() == 50).await;
    assert!(
        receiver.statistics().requests - before >= 10,
        "the batches are smaller"
    );
    bench.balance(&[&receiver], &[]).await;
    assert_eq!(receiver.statistics().duplicates, 0);
}

/// Scenario: each code that a configuration causes.
/// Guarantees: the target is blocked for the right reason and settles nothing.
#[tokio::test]
async fn each_blocking_code() {
    let cases = [
        (1, BlockReason::Authorization),
        (3, BlockReason::Authorization),
        (10, BlockReason::Configuration),
        (11, BlockReason::Configuration),
        (14, BlockReason::Acknowledgement),
        (16, BlockReason::Configuration),
        (28, BlockReason::Configuration),
    ];
    for (code, expected) in cases {
        let receiver = receiver().await;
        let answers = std::iter::repeat_n(Answer::code(code), 10_000);
        receiver.script().then(RequestKind::Event, answers);
        let mut bench = Bench::start(&receiver, SMALL);
        bench.send(30).await;
        bench
            .until("blocked", |bench| reason(bench) == Some(expected))
            .await;
        bench.abandon.cancel();
        bench.ended().await;
        assert_eq!((bench.settled(), bench.letters().len()), (0, 0), "{code}");
    }
}

/// Scenario: acknowledgement is required and the token has it off.
/// Guarantees: that is never taken for a delivery, and the records are not sent again and again.
#[tokio::test]
async fn acknowledgement_is_off_at_the_token() {
    let receiver = receiver_without_acknowledgement().await;
    let mut bench = Bench::start(&receiver, SMALL);
    bench.send(30).await;
    bench
        .until("blocked", |bench| {
            reason(bench) == Some(BlockReason::Acknowledgement)
        })
        .await;
    assert_eq!(bench.settled(), 0);
    assert_eq!(receiver.statistics().requests, 1);
    bench.abandon.cancel();
    bench.ended().await;
}

/// Scenario: questions about acknowledgements are refused with a proxy's 404.
/// Guarantees: blocked, not delivered.
#[tokio::test]
async fn a_refused_question() {
    let receiver = receiver().await;
    let page = Answer::from(hub2siem::emulator::splunk_hec::Content::Html(404));
    receiver
        .script()
        .then(RequestKind::Acknowledgement, std::iter::repeat_n(page, 10_000));
    let mut bench = Bench::start(&receiver, SMALL);
    bench.send(10).await;
    bench
        .until("blocked", |bench| {
            reason(bench) == Some(BlockReason::Acknowledgement)
        })
        .await;
    assert_eq!(bench.settled(), 0);
    bench.abandon.cancel();
    bench.ended().await;
}

/// Scenario: the token may not write to the index of alerts.
/// Guarantees: alerts wait and the target says so; everything else is delivered, and once only behind the first batch.
#[tokio::test]
async fn one_index_is_refused() {
    let receiver = receiver().await;
    receiver.script().refused_indexes.insert("sec".to_owned());
    let mut bench = Bench::start(
        &receiver,
        &format!("{SMALL}\nindex: {{ alert: sec, otherwise: mdc }}"),
    );
    for number in 0..60 {
        bench
            .send_one(
                if number % 3 == 1 {
                    Kind::Alert
                } else {
                    Kind::Assessment
                },
                "",
            )
            .await;
    }
    bench
        .until("the others settled", |bench| bench.settled() == 40)
        .await;
    assert_eq!(reason(&bench), Some(BlockReason::Destination));
    assert!(
        receiver.statistics().duplicates < 10,
        "{:?}",
        receiver.statistics()
    );
    receiver.script().refused_indexes.clear();
    bench.balance(&[&receiver], &[]).await;
}

/// Scenario: `check --connect` meets a good receiver, a wrong token, acknowledgement off, and nobody.
/// Guarantees: it names the cause, and sends no event.
#[tokio::test]
async fn check_names_the_cause() {
    let good = receiver().await;
    let findings = check(&settings(&[good.endpoint()], "")).await;
    assert!(findings[0].detail().is_some(), "{findings:?}");
    good.set_token("another");
    let without = receiver_without_acknowledgement().await;
    // Bound and not listening: it refuses, and no other test can get the port.
    let closed = TcpSocket::new_v4().expect("a socket");
    closed
        .bind("127.0.0.1:0".parse().expect("an address"))
        .expect("a free port");
    let endpoint = format!("http://{}", closed.local_addr().expect("it is bound"));
    for (endpoint, cause, fix) in [
        (good.endpoint(), "code 4", "compare the token"),
        (without.endpoint(), "code 14", "switch indexer acknowledgement on"),
        (endpoint, "failed to connect", "check host and port"),
    ] {
        let findings = check(&settings(&[endpoint], "")).await;
        assert_eq!(findings.len(), 1);
        let problem = findings[0].failure().expect("it will not do");
        assert!(problem.cause.contains(cause), "{problem:?}");
        assert!(problem.fix.contains(fix), "{problem:?}");
    }
    assert_eq!(good.statistics().received + without.statistics().received, 0);
}
