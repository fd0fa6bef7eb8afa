//! The cases of target kind `relp`; the peer is a receiver that plays a script.

use std::time::Duration;

use hub2siem::deliver::relp::{self, Relp, Settings};
use hub2siem::event::{Kind as RecordKind, RejectReason};
use hub2siem::telemetry::health::BlockReason;
use tokio::sync::watch;

use super::cases::{Case, Kind};
use super::relp_peer::RelpPeer;
use super::stage::{Account, Stage};

pub const KIND: Kind = Kind {
    name: "relp",
    success: Case::Run(|| Box::pin(success())),
    refused: Case::Run(|| Box::pin(refused())),
    retryable: Case::Run(|| Box::pin(retryable())),
    blocked: Case::Run(|| Box::pin(blocked())),
    oversize: Case::Run(|| Box::pin(oversize())),
    drain: Case::Run(|| Box::pin(drain())),
    redelivery: Case::NotApplicable(
        "the protocol knows no ids; the id is in the text, where the map writes it, as `eventUid` in CEF and LEEF",
    ),
};

/// So patient that no machine is too slow to answer in time.
fn start(peer: &RelpPeer) -> Stage {
    start_with(peer, "60s")
}

fn start_with(peer: &RelpPeer, answer_timeout: &str) -> Stage {
    let yaml = format!(
        "address: {}\nwindow: 8\nanswer_timeout: {answer_timeout}\n",
        peer.address()
    );
    let options: Relp = serde_saphyr::from_str(&yaml).expect("the options are valid");
    let mut settings = Settings::new(&options).expect("they can be used");
    settings.try_interval = Duration::from_millis(200);
    Stage::start(|records, context| async move {
        let (_sender, settings) = watch::channel(settings);
        relp::run(settings, records, context).await;
    })
}

fn numbers(count: i64) -> Vec<i64> {
    (0..count).collect()
}

/// The numbers without repetitions, in rising order.
fn distinct(mut numbers: Vec<i64>) -> Vec<i64> {
    numbers.sort_unstable();
    numbers.dedup();
    numbers
}

async fn success() {
    let peer = RelpPeer::start().await;
    let mut stage = start(&peer);
    stage.send(24).await;
    stage
        .send_one(RecordKind::Alert, "spread\nover lines \u{e9}")
        .await;
    stage.until("delivered", |stage| stage.settled() == 25).await;
    assert_eq!(peer.taken(), numbers(25));
    let last = peer.lines().pop().expect("there are lines");
    assert_eq!(
        last.text,
        "<133>1 2020-09-13T12:26:40.000Z hub2siem hub2siem - alert - \
         {\"number\":24,\"text\":\"spread\\nover lines \u{e9}\"}"
    );
    assert_eq!(stage.close().await, Account::delivered(25));
}

async fn refused() {
    let peer = RelpPeer::start().await;
    peer.script().refuses = Some("poison".to_owned());
    let mut stage = start(&peer);
    for number in 0..60 {
        let text = if number == 7 { "poison" } else { "fine" };
        stage.send_one(RecordKind::Assessment, text).await;
    }
    stage.until("settled", |stage| stage.settled() == 60).await;
    assert_eq!(stage.letters()[0].detail, "500 not this one");
    let others: Vec<i64> = (0..60).filter(|number| *number != 7).collect();
    assert_eq!(peer.taken(), others, "nothing else is sent twice");
    assert_eq!(
        stage.close().await,
        Account::delivered(60).except(&[7], RejectReason::Refused)
    );
}

async fn retryable() {
    let peer = RelpPeer::start().await;
    peer.script().is_silent = true;
    let mut stage = start_with(&peer, "2s");
    stage.send(20).await;
    stage
        .until("the timeout", |stage| stage.retried("timeout") >= 1)
        .await;
    assert_eq!(stage.settled(), 0, "nothing settles without an answer");
    peer.script().closes_at = Some(3);
    peer.script().is_silent = false;
    stage.until("delivered", |stage| stage.settled() == 20).await;
    assert_eq!(stage.retried("connection_lost"), 1);
    assert_eq!(distinct(peer.taken()), numbers(20));
    assert_eq!(stage.close().await, Account::delivered(20));
}

async fn blocked() {
    let peer = RelpPeer::start().await;
    peer.script().open_answer = Some("200 OK\nrelp_version=0\ncommands=eventlog".to_owned());
    let mut stage = start(&peer);
    stage.send(20).await;
    stage
        .until("blocked", |stage| stage.health.blocked().is_some())
        .await;
    let blocked = stage.health.blocked().expect("it is blocked");
    assert_eq!(blocked.reason, BlockReason::Configuration);
    assert!(blocked.detail.contains("does not offer"), "{}", blocked.detail);
    assert_eq!(stage.account().unsettled.len(), 20);
    peer.script().open_answer = None;
    stage.until("delivered", |stage| stage.settled() == 20).await;
    assert_eq!(stage.health.blocked(), None);
    assert_eq!(peer.taken(), numbers(20));
    assert_eq!(stage.close().await, Account::delivered(20));
}

/// A JSON record over the limit cannot be shortened; a CEF record can.
async fn oversize() {
    let peer = RelpPeer::start().await;
    let mut stage = start(&peer);
    stage.send(10).await;
    stage.send_one(RecordKind::Alert, &"x".repeat(8_000)).await;
    stage.send(10).await;
    let cef = format!("CEF:0|a|b|c|d|e|5|msg=\"number\":21 cs1={}", "x".repeat(8_000));
    stage.send_bytes(RecordKind::Alert, cef.into(), None).await;
    stage.until("settled", |stage| stage.settled() == 22).await;
    let detail = &stage.letters()[0].detail;
    assert!(detail.contains("`message_limit` is 8000"), "{detail}");
    let lines = peer.lines();
    assert!(lines.iter().all(|line| line.text.len() <= 8_000));
    assert_eq!(lines.len(), 21);
    let truncated = &stage.metrics.deliver_truncated_records_total;
    assert_eq!(truncated.with_label_values(&["soc"]).get(), 1);
    assert_eq!(
        stage.close().await,
        Account::delivered(22).except(&[10], RejectReason::TooLarge)
    );
}

async fn drain() {
    let peer = RelpPeer::start().await;
    let mut stage = start(&peer);
    stage.send(55).await;
    assert_eq!(stage.close().await, Account::delivered(55));
    assert_eq!(peer.taken(), numbers(55));
    assert_eq!(peer.sessions(), [true], "it took its leave");

    peer.script().is_silent = true;
    let mut stage = start(&peer);
    stage.send(10).await;
    stage.until("sent", |_| peer.lines().len() > 55).await;
    stage.abandon.cancel();
    stage.ended().await;
    assert_eq!(stage.account().unsettled.len(), 10);
    assert_eq!(stage.close().await.delivered, Vec::<i64>::new());
}
