//! Several places behind one address, one of which takes nothing.

use std::time::{Duration, Instant};

use hub2siem::event::Kind;
use hub2siem::telemetry::health::BlockReason;

use super::bench::{Bench, SMALL};
use super::http_peer::{Cluster, Peer};

/// Scenario: an index cannot be written, which the cluster says of each record, again and again.
/// Guarantees: the tries become rarer, as for every other block; nothing is lost.
#[tokio::test]
async fn tries_of_a_blocked_index_become_rarer() {
    let peer = Peer::start(Cluster::default()).await;
    let refusal = ("mdc".to_owned(), (403, "security_exception"));
    peer.receiver().blocked.extend([refusal]);
    let mut bench = Bench::elasticsearch(&[peer.endpoint()], SMALL);
    let began = Instant::now();
    bench.send_one(Kind::Assessment, "").await;
    bench
        .until("three tries", |bench| bench.retried("blocked") == 4)
        .await;
    assert!(
        began.elapsed() >= Duration::from_millis(200 + 400 + 800),
        "{:?}",
        began.elapsed()
    );
    let blocked = bench.health.blocked().expect("it is blocked");
    assert_eq!(blocked.reason, BlockReason::Destination);
    peer.receiver().blocked.clear();
    bench.delivered_to(&[&peer]).await;
}
