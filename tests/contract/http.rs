//! The cases of target kind `http`; the peer is a webhook.

use std::time::Duration;

use hub2siem::deliver::http::{self, Http, Settings};
use hub2siem::deliver::http_batch;
use hub2siem::event::{Kind as RecordKind, RejectReason};
use hub2siem::telemetry::health::BlockReason;
use tokio::sync::watch;

use super::cases::{Case, Kind};
use super::http_peer::{Answer, Fault, Hook, Peer};
use super::stage::{Account, Stage};

pub const KIND: Kind = Kind {
    name: "http",
    success: Case::Run(|| Box::pin(success())),
    refused: Case::Run(|| Box::pin(refused())),
    retryable: Case::Run(|| Box::pin(retryable())),
    blocked: Case::Run(|| Box::pin(blocked())),
    oversize: Case::Run(|| Box::pin(oversize())),
    drain: Case::Run(|| Box::pin(drain())),
    redelivery: Case::Run(|| Box::pin(redelivery())),
};

async fn peer() -> Peer<Hook> {
    Peer::start(Hook::default()).await
}

const SMALL: &str = "batch: { records: 10, linger: 20ms }";

fn start(peer: &Peer<Hook>, lines: &str) -> Stage {
    let yaml = format!("endpoint: {}/in\n{lines}\n", peer.endpoint());
    let options: Http = serde_saphyr::from_str(&yaml).expect("the options are valid");
    let mut settings = Settings::new(&options).expect("they can be used");
    settings.sending.try_interval = Duration::from_millis(200);
    let protocol = http::Post::new(&settings);
    Stage::start(|records, context| async move {
        let (_sender, live) = watch::channel(settings.sending);
        http_batch::run(protocol, live, records, context).await;
    })
}

fn numbers(count: i64) -> Vec<i64> {
    (0..count).collect()
}

async fn success() {
    for format in ["lines", "json_array", "single"] {
        let peer = peer().await;
        let mut stage = start(&peer, &format!("format: {format}\n{SMALL}"));
        stage.send(25).await;
        stage.until("delivered", |stage| stage.settled() == 25).await;
        assert_eq!(peer.receiver().numbers(), numbers(25), "{format}");
        assert_eq!(peer.receiver().records[24], r#"{"number":24,"text":""}"#);
        assert_eq!(stage.close().await, Account::delivered(25));
    }
}

async fn refused() {
    let peer = peer().await;
    peer.receiver().poison = Some(("poison".to_owned(), 422));
    let mut stage = start(&peer, SMALL);
    for number in 0..20 {
        let text = if number == 7 { "poison" } else { "fine" };
        stage.send_one(RecordKind::Assessment, text).await;
    }
    stage.until("settled", |stage| stage.settled() == 20).await;
    let detail = &stage.letters()[0].detail;
    assert_eq!(detail, "HTTP status 422: the record is not welcome");
    let mut taken = peer.receiver().numbers();
    taken.sort_unstable();
    let others: Vec<i64> = (0..20).filter(|number| *number != 7).collect();
    assert_eq!(taken, others);
    assert_eq!(
        stage.close().await,
        Account::delivered(20).except(&[7], RejectReason::Refused)
    );
}

async fn retryable() {
    let peer = peer().await;
    peer.then([503, 429, 408].map(|status| Fault::Instead(Answer::status(status))));
    let mut stage = start(&peer, SMALL);
    stage.send(10).await;
    stage.until("delivered", |stage| stage.settled() == 10).await;
    assert_eq!((stage.retried("unavailable"), stage.retried("busy")), (1, 2));
    assert_eq!(peer.receiver().numbers(), numbers(10));
    assert_eq!(stage.close().await, Account::delivered(10));
}

async fn blocked() {
    let peer = peer().await;
    peer.receiver().authorization = Some("Bearer right".to_owned());
    let token = tempfile::NamedTempFile::new().expect("a temporary file can be made");
    std::fs::write(token.path(), "right").expect("it can be written");
    peer.then((0..3).map(|_| Fault::Instead(Answer::page(403))));
    let lines = format!(
        "authentication: {{ bearer: {{ file: {:?} }} }}\n{SMALL}",
        token.path()
    );
    let mut stage = start(&peer, &lines);
    stage.send(20).await;
    stage
        .until("blocked", |stage| stage.health.blocked().is_some())
        .await;
    let blocked = stage.health.blocked().expect("it is blocked");
    assert_eq!(blocked.reason, BlockReason::Authorization);
    assert_eq!(stage.account().unsettled.len(), 20);
    stage.until("delivered", |stage| stage.settled() == 20).await;
    assert_eq!(stage.health.blocked(), None);
    assert_eq!(peer.receiver().numbers(), numbers(20));
    assert_eq!(stage.close().await, Account::delivered(20));
}

async fn oversize() {
    let peer = peer().await;
    peer.receiver().limit_bytes = Some(4_000);
    let mut stage = start(&peer, SMALL);
    stage.send(10).await;
    stage.send_one(RecordKind::Alert, &"x".repeat(5_000)).await;
    stage.send(10).await;
    stage.until("settled", |stage| stage.settled() == 21).await;
    assert_eq!(peer.receiver().records.len(), 20);
    assert_eq!(
        stage.close().await,
        Account::delivered(21).except(&[10], RejectReason::TooLarge)
    );
}

async fn drain() {
    let peer = peer().await;
    let mut stage = start(&peer, "batch: { records: 10, linger: 1h }");
    stage.send(55).await;
    assert_eq!(stage.close().await, Account::delivered(55));
    assert_eq!(peer.receiver().numbers(), numbers(55));

    peer.then((0..1_000).map(|_| Fault::Instead(Answer::status(503))));
    let mut stage = start(&peer, SMALL);
    stage.send(10).await;
    stage
        .until("tried", |stage| stage.retried("unavailable") > 0)
        .await;
    stage.abandon.cancel();
    let account = stage.close().await;
    assert_eq!((account.delivered.len(), account.unsettled.len()), (0, 10));
}

/// A request with one record carries its id; where records share one, it stands in the record if the map writes it.
async fn redelivery() {
    let peer = peer().await;
    for run in 1..=2 {
        let mut stage = start(&peer, &format!("format: single\n{SMALL}"));
        stage.send(10).await;
        let sent: Vec<String> = (0..10).map(|number| stage.event_id(number).to_string()).collect();
        assert_eq!(stage.close().await, Account::delivered(10));
        assert_eq!(peer.receiver().keys.len(), 10 * run);
        assert!(peer.receiver().keys.ends_with(&sent));
    }
}
