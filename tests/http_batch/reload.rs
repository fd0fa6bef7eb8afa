//! New settings for a target at work.

use std::time::Duration;

use hub2siem::deliver::http::Post;
use hub2siem::telemetry::health::BlockReason;

use super::bench::{Bench, SMALL, file, http_settings};
use super::http_peer::{Hook, Peer};
use super::stage::Account;

/// Scenario: the secret was changed at the peer; the new one comes by a reload, long before the next try is due.
/// Guarantees: the target goes on at once with the new secret, in smaller batches if those are asked for.
#[tokio::test]
async fn a_secret_is_replaced_while_it_runs() {
    let peer = Peer::start(Hook::default()).await;
    peer.receiver().authorization = Some("Bearer new".to_owned());
    let settings = |token: &str, records: u32| {
        let token = file(token);
        let lines = format!(
            "authentication: {{ bearer: {{ file: {:?} }} }}\nbatch: {{ records: {records}, linger: 20ms }}",
            token.path()
        );
        http_settings(&peer.endpoint(), &lines)
    };
    let mut old = settings("old", 10);
    old.sending.try_interval = Duration::from_secs(3600);
    let mut bench = Bench::with(Post::new(&old), old.sending);
    bench.send(20).await;
    bench
        .until("blocked", |bench| {
            let blocked = bench.health.blocked();
            blocked.is_some_and(|blocked| blocked.reason == BlockReason::Authorization)
        })
        .await;
    bench.settings.send_replace(settings("new", 2).sending);
    bench.until("delivered", |bench| bench.settled() == 20).await;
    assert_eq!(bench.health.blocked(), None);
    let before = peer.requests().len();
    bench.send(20).await;
    bench.until("delivered", |bench| bench.settled() == 40).await;
    assert!(peer.requests().len() - before >= 10, "the batches are smaller");
    assert_eq!(bench.close().await, Account::delivered(40));
}

/// Scenario: batches are gathered for larger requests than are allowed from now on.
/// Guarantees: they are divided; every record is delivered once.
#[tokio::test]
async fn gathered_batches_are_divided() {
    let peer = Peer::start(Hook::default()).await;
    let mut bench = Bench::http(&peer.endpoint(), "batch: { records: 30, linger: 1h }");
    bench.send(29).await;
    let smaller = http_settings(&peer.endpoint(), "batch: { bytes: 100B, linger: 20ms }");
    bench.settings.send_replace(smaller.sending);
    bench.until("delivered", |bench| bench.settled() == 29).await;
    assert!(peer.requests().iter().all(|request| request.body.len() <= 100));
    assert_eq!(peer.receiver().numbers(), (0..29).collect::<Vec<_>>());
    assert_eq!(bench.close().await, Account::delivered(29));
}

/// Scenario: the settings are replaced by the same again and again while records pass.
/// Guarantees: nothing is lost or doubled by it.
#[tokio::test]
async fn the_same_again_changes_nothing() {
    let peer = Peer::start(Hook::default()).await;
    let mut bench = Bench::http(&peer.endpoint(), SMALL);
    for _ in 0..20 {
        bench.send(10).await;
        let same = http_settings(&peer.endpoint(), SMALL);
        bench.settings.send_replace(same.sending);
    }
    bench.until("delivered", |bench| bench.settled() == 200).await;
    assert_eq!(peer.receiver().numbers(), (0..200).collect::<Vec<_>>());
    assert_eq!(bench.close().await, Account::delivered(200));
}
