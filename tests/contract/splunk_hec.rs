//! The cases of target kind `splunk_hec`; the peer is the receiver of this crate.

use std::time::Duration;

use hub2siem::deliver::splunk_hec::{self, Settings, SplunkHec};
use hub2siem::emulator::splunk_hec::{Answer, Content, Options, RequestKind, SplunkHecEmulator};
use hub2siem::event::{Kind as RecordKind, RejectReason};
use hub2siem::telemetry::health::BlockReason;
use tokio::sync::watch;

use super::cases::{Case, Kind};
use super::stage::{Account, Stage};

pub const KIND: Kind = Kind {
    name: "splunk_hec",
    success: Case::Run(|| Box::pin(success())),
    refused: Case::Run(|| Box::pin(refused())),
    retryable: Case::Run(|| Box::pin(retryable())),
    blocked: Case::Run(|| Box::pin(blocked())),
    oversize: Case::Run(|| Box::pin(oversize())),
    drain: Case::Run(|| Box::pin(drain())),
    redelivery: Case::Run(|| Box::pin(redelivery())),
};

const TOKEN: &str = "11111111-2222-3333-4444-555555555555";

async fn receiver() -> SplunkHecEmulator {
    let options = Options {
        keeps_envelopes: true,
        ..Options::local(TOKEN)
    };
    let receiver = SplunkHecEmulator::start(options).await;
    receiver.expect("a local port can be had")
}

fn start(receiver: &SplunkHecEmulator) -> Stage {
    let token = tempfile::NamedTempFile::new().expect("a temporary file can be made");
    std::fs::write(token.path(), TOKEN).expect("it can be written");
    let yaml = format!(
        "endpoints: {}\ntoken: {{ file: {:?} }}\nworkers: 1\nbatch: {{ records: 10, linger: 20ms }}\n",
        receiver.endpoint(),
        token.path()
    );
    let options: SplunkHec = serde_saphyr::from_str(&yaml).expect("the options are valid");
    let mut settings = Settings::new(&options).expect("they can be used");
    settings.try_interval = Duration::from_millis(200);
    Stage::start(|records, context| async move {
        let (_sender, settings) = watch::channel(settings);
        splunk_hec::run(settings, records, context).await;
    })
}

/// Event ids in the order they were taken.
fn ids(receiver: &SplunkHecEmulator) -> Vec<String> {
    let envelopes = receiver.envelopes();
    let ids = envelopes.into_iter().map(|envelope| envelope.event_id);
    ids.map(|id| id.expect("each has its id").into()).collect()
}

fn expected(stage: &Stage, numbers: impl IntoIterator<Item = i64>) -> Vec<String> {
    let numbers = numbers.into_iter();
    numbers.map(|number| stage.event_id(number).to_string()).collect()
}

async fn success() {
    let receiver = receiver().await;
    let mut stage = start(&receiver);
    stage.send(25).await;
    stage.until("delivered", |stage| stage.settled() == 25).await;
    assert_eq!(ids(&receiver), expected(&stage, 0..25));
    let last = receiver.envelopes().pop().expect("there are envelopes");
    assert_eq!(last.event(), r#"{"number":24,"text":""}"#);
    assert_eq!(stage.close().await, Account::delivered(25));
}

async fn refused() {
    let receiver = receiver().await;
    receiver.script().poison = Some(("poison".to_owned(), 6));
    let mut stage = start(&receiver);
    for number in 0..20 {
        let text = if number == 7 { "poison" } else { "fine" };
        stage.send_one(RecordKind::Assessment, text).await;
    }
    stage.until("settled", |stage| stage.settled() == 20).await;
    let letters = stage.letters();
    assert!(letters[0].detail.starts_with("code 6: "), "{}", letters[0].detail);
    let mut taken = ids(&receiver);
    taken.sort();
    let mut others = expected(&stage, (0..20).filter(|number| *number != 7));
    others.sort();
    assert_eq!(taken, others);
    assert_eq!(
        stage.close().await,
        Account::delivered(20).except(&[7], RejectReason::Refused)
    );
}

async fn retryable() {
    let receiver = receiver().await;
    let answers = [
        Answer::code(9),
        Content::Html(502).into(),
        Answer::code(23),
        Content::Html(404).into(),
    ];
    receiver.script().then(RequestKind::Event, answers);
    let mut stage = start(&receiver);
    stage.send(10).await;
    stage.until("delivered", |stage| stage.settled() == 10).await;
    assert!(stage.retried("busy") >= 1 && stage.retried("unavailable") >= 1);
    assert_eq!(ids(&receiver), expected(&stage, 0..10));
    assert_eq!(stage.close().await, Account::delivered(10));
}

async fn blocked() {
    let receiver = receiver().await;
    receiver.set_token("another");
    let mut stage = start(&receiver);
    stage.send(20).await;
    stage
        .until("blocked", |stage| stage.health.blocked().is_some())
        .await;
    let blocked = stage.health.blocked().expect("it is blocked");
    assert_eq!(blocked.reason, BlockReason::Authorization);
    assert_eq!(stage.account().unsettled.len(), 20);
    receiver.set_token(TOKEN);
    stage.until("delivered", |stage| stage.settled() == 20).await;
    assert_eq!(stage.health.blocked(), None);
    assert_eq!(ids(&receiver).len(), 20);
    assert_eq!(stage.close().await, Account::delivered(20));
}

async fn oversize() {
    let receiver = receiver().await;
    receiver.script().body_limit_bytes = Some(4_000);
    let mut stage = start(&receiver);
    stage.send(10).await;
    stage.send_one(RecordKind::Alert, &"x".repeat(5_000)).await;
    stage.send(10).await;
    stage.until("settled", |stage| stage.settled() == 21).await;
    assert_eq!(ids(&receiver).len(), 20);
    assert_eq!(
        stage.close().await,
        Account::delivered(21).except(&[10], RejectReason::TooLarge)
    );
}

async fn drain() {
    let receiver = receiver().await;
    receiver.script().questions_before_true = 1;
    let mut stage = start(&receiver);
    stage.send(55).await;
    let ids_sent = expected(&stage, 0..55);
    assert_eq!(stage.close().await, Account::delivered(55));
    assert_eq!(ids(&receiver), ids_sent);

    receiver.script().never_acknowledges = true;
    let mut stage = start(&receiver);
    stage.send(10).await;
    stage.until("taken", |_| receiver.envelopes().len() == 65).await;
    stage.abandon.cancel();
    stage.ended().await;
    assert_eq!(stage.account().unsettled.len(), 10);
    assert_eq!(stage.close().await.delivered, Vec::<i64>::new());
}

async fn redelivery() {
    let receiver = receiver().await;
    for _ in 0..2 {
        let mut stage = start(&receiver);
        stage.send(10).await;
        let sent = expected(&stage, 0..10);
        assert_eq!(stage.close().await, Account::delivered(10));
        assert!(ids(&receiver).ends_with(&sent));
    }
    assert_eq!(receiver.statistics().duplicates, 10);
}
