//! Several places behind one address, one of which takes nothing.

use std::time::{Duration, Instant};

use hub2siem::deliver::azure_monitor::{self, AzureMonitor};
use hub2siem::deliver::elasticsearch::{self, Elasticsearch};
use hub2siem::event::Kind;
use hub2siem::telemetry::health::BlockReason;

use super::bench::{Bench, SMALL, file, hub};
use super::http_peer::{Cluster, Ingestion, Peer};
use super::stage::Account;

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
        .until("three tries", |bench| bench.retried("blocked") >= 4)
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

/// Scenario: of two streams of a rule one is written wrongly; records for both come, and then the stream is made.
/// Guarantees: that the other one takes records says nothing of it: it is blocked and named, none of its records becomes a
/// dead letter, and all of them arrive in the end.
#[tokio::test]
async fn a_stream_that_does_not_exist_refuses_the_configuration() {
    let peer = Peer::start(Ingestion::new("token")).await;
    peer.receiver().streams = vec!["Custom-Alerts".to_owned()];
    let token = file("token");
    let yaml = format!(
        "endpoint: {}\nrule: {}\nstream: {{ alert: Custom-Alerts, otherwise: Custom-Rest }}\ntoken: {{ file: {:?} }}\n{SMALL}\n",
        peer.endpoint(),
        peer.receiver().rule,
        token.path()
    );
    let options: AzureMonitor = serde_saphyr::from_str(&yaml).expect("the options are valid");
    let mut settings = azure_monitor::Settings::new(&options, None).expect("they can be used");
    settings.sending.try_interval = Duration::from_millis(200);
    let protocol = azure_monitor::Ingestion::new(&settings, &hub());
    let mut bench = Bench::with(protocol, settings.sending);
    for _ in 0..10 {
        bench.send_one(Kind::Alert, "").await;
    }
    bench.until("alerts", |bench| bench.settled() == 10).await;
    bench.send(20).await;
    bench
        .until("blocked", |bench| bench.health.blocked().is_some())
        .await;
    let blocked = bench.health.blocked().expect("it is blocked");
    assert_eq!(blocked.reason, BlockReason::Destination);
    assert!(blocked.detail.contains("`Custom-Rest`"), "{}", blocked.detail);
    bench.send_one(Kind::Alert, "").await;
    bench
        .until("a further alert", |bench| bench.settled() == 11)
        .await;
    assert_eq!(bench.letters().len(), 0);
    peer.receiver().streams.push("Custom-Rest".to_owned());
    assert_eq!(bench.close().await, Account::delivered(31));
}

/// Scenario: the shard of one index is away for long; there is one worker. Records for that index come first, others behind
/// them; then the shard is back.
/// Guarantees: the others are delivered meanwhile, and everything in the end.
#[tokio::test]
async fn an_index_whose_shard_is_away_does_not_hold_others() {
    let peer = Peer::start(Cluster::default()).await;
    let away = ("mdc-alerts".to_owned(), (503, "unavailable_shards_exception"));
    peer.receiver().blocked.extend([away]);
    let yaml = format!(
        "endpoints: {}\nindex: {{ alert: mdc-alerts, otherwise: mdc }}\nworkers: 1\n{SMALL}\n",
        peer.endpoint()
    );
    let options: Elasticsearch = serde_saphyr::from_str(&yaml).expect("the options are valid");
    let settings = elasticsearch::Settings::new(&options).expect("they can be used");
    let protocol = elasticsearch::Bulk::new(&settings, &hub());
    let mut bench = Bench::with(protocol, settings.sending);
    bench.send_one(Kind::Alert, "").await;
    bench
        .until("a try", |bench| bench.retried("unavailable") > 0)
        .await;
    bench.send(30).await;
    bench.until("the others", |bench| bench.settled() == 30).await;
    assert_eq!(bench.account().unsettled, [0]);
    peer.receiver().blocked.clear();
    bench.delivered_to(&[&peer]).await;
}
