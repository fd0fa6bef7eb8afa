//! Several addresses, and ways that break.

use std::time::Duration;

use super::bench::{Bench, SMALL};
use super::http_peer::{Answer, Cluster, Fault, Hook, Peer};
use super::stage::Account;
use super::support::proxy::{Direction, Mode, Proxy};

/// No state here takes longer to come.
const PATIENCE: Duration = Duration::from_secs(60);

/// Scenario: two nodes share the work; one refuses connections for a while and comes back.
/// Guarantees: everything goes on over the other; nothing is lost or doubled, and the first one is used again.
#[tokio::test]
async fn a_node_fails_and_returns() {
    let peers = [
        Peer::start(Cluster::default()).await,
        Peer::start(Cluster::default()).await,
    ];
    let proxy = Proxy::start(peers[0].address()).await;
    let endpoints = [format!("http://{}", proxy.address()), peers[1].endpoint()];
    let mut bench = Bench::elasticsearch(&endpoints, SMALL);
    bench.send(100).await;
    bench.until("both", |bench| bench.settled() == 100).await;
    assert!(
        peers.iter().all(|peer| !peer.requests().is_empty()),
        "both are used"
    );
    proxy.set(Mode::Refuse).await;
    proxy.reset_connections().await;
    bench.send(100).await;
    bench.until("over one", |bench| bench.settled() == 200).await;
    proxy.set(Mode::Pass).await;
    let before = peers[0].requests().len();
    let used_again = async {
        while peers[0].requests().len() == before {
            bench.send(10).await;
            bench
                .until("delivered", |bench| bench.settled() == bench.sent())
                .await;
        }
    };
    let waited = tokio::time::timeout(PATIENCE, used_again).await;
    waited.expect("the first node is used again");
    assert_eq!(bench.health.blocked(), None);
    let sent = bench.sent();
    bench.delivered_to(&[&peers[0], &peers[1]]).await;
    let there = peers.each_ref().map(|peer| peer.receiver().documents.len());
    assert_eq!(there.iter().sum::<usize>(), sent, "at one node each");
}

/// Scenario: of two nodes one refuses who we are, as one does whose own configuration is wrong; later it is mended.
/// Guarantees: the target is not blocked, everything goes to the other one, and the first is used again by itself.
#[tokio::test]
async fn a_node_that_refuses_us_does_not_block_the_others() {
    let peers = [
        Peer::start(Cluster::default()).await,
        Peer::start(Cluster::default()).await,
    ];
    peers[0].receiver().authorization = Some("ApiKey other".to_owned());
    let mut bench = Bench::elasticsearch(&[peers[0].endpoint(), peers[1].endpoint()], SMALL);
    bench.send(30).await;
    bench.until("delivered", |bench| bench.settled() == 30).await;
    assert!(bench.retried("blocked") > 0, "the first one was tried");
    assert_eq!(peers[1].receiver().documents.len(), 30);
    assert_eq!(bench.health.blocked(), None);
    peers[0].receiver().authorization = None;
    let used_again = async {
        while peers[0].receiver().documents.is_empty() {
            bench.send(10).await;
            bench
                .until("delivered", |bench| bench.settled() == bench.sent())
                .await;
        }
    };
    let waited = tokio::time::timeout(PATIENCE, used_again).await;
    waited.expect("the first node is used again");
    bench.delivered_to(&[&peers[0], &peers[1]]).await;
}

/// Scenario: the connection is cut after the request was read, before and within the reply.
/// Guarantees: the records are sent again. A cluster has each once; a webhook may have it twice, as documented.
#[tokio::test]
async fn a_reply_is_lost() {
    for bytes in [0, 30] {
        let peer = Peer::start(Cluster::default()).await;
        let proxy = Proxy::start(peer.address()).await;
        proxy.set(Mode::CutAfter(Direction::ToClient, bytes)).await;
        let endpoints = [format!("http://{}", proxy.address())];
        let mut bench = Bench::elasticsearch(&endpoints, &format!("{SMALL}\nworkers: 1"));
        bench.send(10).await;
        bench.until("cut", |bench| bench.retried("surprise") > 0).await;
        proxy.set(Mode::Pass).await;
        bench.until("delivered", |bench| bench.settled() == 10).await;
        assert!(peer.receiver().repeated.len() >= 10, "it was taken before");
        assert_eq!(peer.receiver().created.len(), 10);
        bench.delivered_to(&[&peer]).await;
    }
    let peer = Peer::start(Hook::default()).await;
    let proxy = Proxy::start(peer.address()).await;
    proxy.set(Mode::CutAfter(Direction::ToClient, 0)).await;
    let mut bench = Bench::http(&format!("http://{}", proxy.address()), SMALL);
    bench.send(10).await;
    bench.until("cut", |bench| bench.retried("surprise") > 0).await;
    proxy.set(Mode::Pass).await;
    bench.until("delivered", |bench| bench.settled() == 10).await;
    assert!(peer.receiver().records.len() >= 20, "the same again");
    assert_eq!(bench.close().await, Account::delivered(10));
}

/// Scenario: the only way is refused for a while under load.
/// Guarantees: nothing is lost, nothing becomes a dead letter, nothing is doubled.
#[tokio::test]
async fn an_outage_loses_nothing() {
    let peer = Peer::start(Cluster::default()).await;
    let proxy = Proxy::start(peer.address()).await;
    let endpoints = [format!("http://{}", proxy.address())];
    let mut bench = Bench::elasticsearch(&endpoints, SMALL);
    bench.send(50).await;
    bench.until("before", |bench| bench.settled() == 50).await;
    proxy.set(Mode::Refuse).await;
    proxy.reset_connections().await;
    bench.send(60).await;
    bench.until("tried", |bench| bench.retried("connect") >= 2).await;
    assert_eq!(bench.letters().len(), 0);
    proxy.set(Mode::Pass).await;
    bench.send(90).await;
    bench.until("delivered", |bench| bench.settled() == 200).await;
    assert_eq!(peer.receiver().created.len(), 200);
    assert_eq!(peer.receiver().repeated.len(), 0);
    bench.delivered_to(&[&peer]).await;
}

/// Scenario: a peer is at its limit and says for how long.
/// Guarantees: it is left alone that long, and then gets the same request once more.
#[tokio::test]
async fn a_busy_peer_is_left_alone() {
    let peer = Peer::start(Hook::default()).await;
    let later = Answer {
        retry_after: Some(2),
        ..Answer::status(429)
    };
    peer.then([Fault::Instead(later)]);
    let mut bench = Bench::http(&peer.endpoint(), &format!("{SMALL}\nworkers: 4"));
    let began = std::time::Instant::now();
    bench.send(10).await;
    bench.until("delivered", |bench| bench.settled() == 10).await;
    assert!(began.elapsed() >= Duration::from_secs(2));
    assert_eq!(peer.requests().len(), 2);
    assert_eq!(bench.close().await, Account::delivered(10));
}

/// Scenario: the peer accepts connections and never answers; the grace period ends.
/// Guarantees: the target returns at once, and what it had sent stays unsettled.
#[tokio::test]
async fn an_abandon_does_not_wait_for_answers() {
    let peer = Peer::start(Hook::default()).await;
    let proxy = Proxy::start(peer.address()).await;
    proxy.set(Mode::Stall).await;
    let mut bench = Bench::http(&format!("http://{}", proxy.address()), SMALL);
    bench.send(10).await;
    proxy.wait_until_open(1).await;
    let began = std::time::Instant::now();
    bench.abandon.cancel();
    let account = bench.close().await;
    assert!(began.elapsed() < Duration::from_secs(20), "{:?}", began.elapsed());
    assert_eq!((account.delivered.len(), account.unsettled.len()), (0, 10));
}
