//! The cases of target kind `elasticsearch`; the peer is a strict bulk interface.

use std::collections::BTreeSet;
use std::time::Duration;

use hub2siem::deliver::elasticsearch::{self, Elasticsearch, Settings};
use hub2siem::deliver::http_batch;
use hub2siem::event::{Hub, Kind as RecordKind, RejectReason};
use hub2siem::telemetry::health::BlockReason;
use tokio::sync::watch;

use super::cases::{Case, Kind};
use super::http_peer::{Answer, Cluster, Fault, Peer};
use super::stage::{Account, Stage};

pub const KIND: Kind = Kind {
    name: "elasticsearch",
    success: Case::Run(|| Box::pin(success())),
    refused: Case::Run(|| Box::pin(refused())),
    retryable: Case::Run(|| Box::pin(retryable())),
    blocked: Case::Run(|| Box::pin(blocked())),
    oversize: Case::Run(|| Box::pin(oversize())),
    drain: Case::Run(|| Box::pin(drain())),
    redelivery: Case::Run(|| Box::pin(redelivery())),
};

async fn peer() -> Peer<Cluster> {
    Peer::start(Cluster::default()).await
}

fn start(peer: &Peer<Cluster>) -> Stage {
    let yaml = format!(
        "endpoints: {}\nindex: {{ alert: mdc-alerts, otherwise: mdc }}\nworkers: 1\nbatch: {{ records: 10, linger: 20ms }}\n",
        peer.endpoint()
    );
    let options: Elasticsearch = serde_saphyr::from_str(&yaml).expect("the options are valid");
    let mut settings = Settings::new(&options).expect("they can be used");
    settings.sending.try_interval = Duration::from_millis(200);
    let hub = Hub {
        namespace: "contoso".into(),
        name: "defender".into(),
    };
    let protocol = elasticsearch::Bulk::new(&settings, &hub);
    Stage::start(|records, context| async move {
        let (_sender, live) = watch::channel(settings.sending);
        http_batch::run(protocol, live, records, context).await;
    })
}

fn ids(stage: &Stage, numbers: impl IntoIterator<Item = i64>) -> BTreeSet<String> {
    let numbers = numbers.into_iter();
    numbers.map(|number| stage.event_id(number).to_string()).collect()
}

async fn success() {
    let peer = peer().await;
    let mut stage = start(&peer);
    stage.send(24).await;
    stage.send_one(RecordKind::Alert, "spread\nover lines").await;
    stage.until("delivered", |stage| stage.settled() == 25).await;
    assert_eq!(peer.receiver().ids(), ids(&stage, 0..25));
    let id = stage.event_id(24).to_string();
    let document = peer.receiver().documents[&("mdc-alerts".to_owned(), id)].clone();
    assert_eq!(document["number"], 24);
    assert_eq!(stage.close().await, Account::delivered(25));
}

async fn refused() {
    let peer = peer().await;
    peer.receiver().poison = Some("poison".to_owned());
    let mut stage = start(&peer);
    for number in 0..20 {
        let text = if number == 7 { "poison" } else { "fine" };
        stage.send_one(RecordKind::Assessment, text).await;
    }
    stage.until("settled", |stage| stage.settled() == 20).await;
    let detail = &stage.letters()[0].detail;
    assert_eq!(detail, "document_parsing_exception: failed to parse");
    assert_eq!(
        peer.receiver().ids(),
        ids(&stage, (0..20).filter(|number| *number != 7))
    );
    assert_eq!(
        peer.receiver().repeated.len(),
        0,
        "what was taken is not sent again"
    );
    assert_eq!(
        stage.close().await,
        Account::delivered(20).except(&[7], RejectReason::Refused)
    );
}

async fn retryable() {
    let peer = peer().await;
    peer.then([Answer::page(502), Answer::status(429)].map(Fault::Instead));
    peer.receiver().busy_documents = 4;
    peer.receiver().shardless_documents = 3;
    let mut stage = start(&peer);
    stage.send(10).await;
    stage.until("delivered", |stage| stage.settled() == 10).await;
    assert_eq!(peer.receiver().ids(), ids(&stage, 0..10));
    assert_eq!(
        peer.receiver().repeated.len(),
        0,
        "only what was not taken is sent again"
    );
    assert!(stage.retried("busy") >= 2 && stage.retried("unavailable") >= 2);
    assert_eq!(stage.close().await, Account::delivered(10));
}

async fn blocked() {
    let peer = peer().await;
    let refusal = ("mdc-alerts".to_owned(), (403, "security_exception"));
    peer.receiver().blocked.extend([refusal]);
    let mut stage = start(&peer);
    stage.send_one(RecordKind::Alert, "").await;
    stage.send(19).await;
    // Either may come first.
    stage
        .until("the rest, and the block", |stage| {
            stage.settled() == 19 && stage.health.blocked().is_some()
        })
        .await;
    let blocked = stage.health.blocked().expect("it is blocked");
    assert_eq!(blocked.reason, BlockReason::Destination);
    assert!(blocked.detail.contains("`mdc-alerts`"), "{}", blocked.detail);
    assert_eq!(stage.account().unsettled, [0], "other indexes go on");
    peer.receiver().blocked.clear();
    stage.until("delivered", |stage| stage.settled() == 20).await;
    assert_eq!(stage.health.blocked(), None);
    assert_eq!(peer.receiver().ids(), ids(&stage, 0..20));
    assert_eq!(stage.close().await, Account::delivered(20));
}

async fn oversize() {
    let peer = peer().await;
    peer.receiver().limit_bytes = Some(4_000);
    let mut stage = start(&peer);
    stage.send(10).await;
    stage.send_one(RecordKind::Assessment, &"x".repeat(5_000)).await;
    stage.send(10).await;
    stage.until("settled", |stage| stage.settled() == 21).await;
    assert_eq!(peer.receiver().documents.len(), 20);
    assert_eq!(
        stage.close().await,
        Account::delivered(21).except(&[10], RejectReason::TooLarge)
    );
}

async fn drain() {
    let peer = peer().await;
    let mut stage = start(&peer);
    stage.send(55).await;
    let sent = ids(&stage, 0..55);
    assert_eq!(stage.close().await, Account::delivered(55));
    assert_eq!(peer.receiver().ids(), sent);

    peer.receiver().busy_documents = usize::MAX;
    let mut stage = start(&peer);
    stage.send(10).await;
    stage.until("tried", |stage| stage.retried("busy") > 0).await;
    stage.abandon.cancel();
    let account = stage.close().await;
    assert_eq!((account.delivered.len(), account.unsettled.len()), (0, 10));
}

async fn redelivery() {
    let peer = peer().await;
    for run in 0..2 {
        let mut stage = start(&peer);
        stage.send(10).await;
        let sent = ids(&stage, 0..10);
        stage.until("delivered", |stage| stage.settled() == 10).await;
        let repeated = &stage.metrics.deliver_repeated_records_total;
        assert_eq!(
            repeated.with_label_values(&[super::stage::TARGET]).get(),
            10 * run
        );
        assert_eq!(stage.close().await, Account::delivered(10));
        assert_eq!(peer.receiver().ids(), sent, "each is there once");
    }
    assert_eq!(peer.receiver().repeated.len(), 10);
}
