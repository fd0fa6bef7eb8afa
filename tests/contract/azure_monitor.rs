//! The cases of target kind `azure_monitor`; the peer is a strict Logs Ingestion API.

use std::time::Duration;

use hub2siem::deliver::azure_monitor::{self, AzureMonitor, Settings};
use hub2siem::deliver::http_batch;
use hub2siem::event::{Hub, Kind as RecordKind, RejectReason};
use hub2siem::telemetry::health::BlockReason;
use tokio::sync::watch;

use super::cases::{Case, Kind};
use super::http_peer::{Answer, Fault, Ingestion, Peer};
use super::stage::{Account, Stage};

pub const KIND: Kind = Kind {
    name: "azure_monitor",
    success: Case::Run(|| Box::pin(success())),
    refused: Case::Run(|| Box::pin(refused())),
    retryable: Case::Run(|| Box::pin(retryable())),
    blocked: Case::Run(|| Box::pin(blocked())),
    oversize: Case::Run(|| Box::pin(oversize())),
    drain: Case::Run(|| Box::pin(drain())),
    redelivery: Case::NotApplicable(
        "the service knows no ids; the id is the column MdcEventId, which the map writes",
    ),
};

const TOKEN: &str = "eyJ0eXAi.first";

async fn peer() -> Peer<Ingestion> {
    Peer::start(Ingestion::new(TOKEN)).await
}

fn start(peer: &Peer<Ingestion>, token: &tempfile::NamedTempFile, lines: &str) -> Stage {
    let yaml = format!(
        "endpoint: {}\nrule: {}\nstream: Custom-Mdc\nworkers: 1\ntoken: {{ file: {:?} }}\n{lines}\n",
        peer.endpoint(),
        peer.receiver().rule,
        token.path()
    );
    let options: AzureMonitor = serde_saphyr::from_str(&yaml).expect("the options are valid");
    let mut settings = Settings::new(&options, None).expect("they can be used");
    settings.sending.try_interval = Duration::from_millis(200);
    let hub = Hub {
        namespace: "contoso".into(),
        name: "defender".into(),
    };
    let protocol = azure_monitor::Ingestion::new(&settings, &hub);
    Stage::start(|records, context| async move {
        let (_sender, live) = watch::channel(settings.sending);
        http_batch::run(protocol, live, records, context).await;
    })
}

const SMALL: &str = "batch: { records: 10, linger: 20ms }";

fn token() -> tempfile::NamedTempFile {
    let file = tempfile::NamedTempFile::new().expect("a temporary file can be made");
    std::fs::write(file.path(), TOKEN).expect("it can be written");
    file
}

fn numbers(count: i64) -> Vec<i64> {
    (0..count).collect()
}

async fn success() {
    let (peer, token) = (peer().await, token());
    let mut stage = start(&peer, &token, SMALL);
    stage.send(25).await;
    stage.until("delivered", |stage| stage.settled() == 25).await;
    assert_eq!(peer.receiver().numbers(), numbers(25));
    assert!(peer.requests().iter().all(|request| request.is_gzip));
    assert_eq!(stage.close().await, Account::delivered(25));
}

async fn refused() {
    let (peer, token) = (peer().await, token());
    peer.receiver().poison = Some("poison".to_owned());
    let mut stage = start(&peer, &token, SMALL);
    for number in 0..20 {
        let text = if number == 7 { "poison" } else { "fine" };
        stage.send_one(RecordKind::Assessment, text).await;
    }
    stage.until("settled", |stage| stage.settled() == 20).await;
    let detail = &stage.letters()[0].detail;
    assert_eq!(detail, "InvalidRequestPayload: a record cannot be read");
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
    let (peer, token) = (peer().await, token());
    let later = Answer {
        retry_after: Some(1),
        ..Answer::status(429)
    };
    peer.then([later, Answer::page(503)].map(Fault::Instead));
    let mut stage = start(&peer, &token, SMALL);
    let began = std::time::Instant::now();
    stage.send(10).await;
    stage.until("delivered", |stage| stage.settled() == 10).await;
    assert!(
        began.elapsed() >= Duration::from_secs(1),
        "as long as it was asked for"
    );
    assert_eq!((stage.retried("busy"), stage.retried("unavailable")), (1, 1));
    assert_eq!(peer.receiver().numbers(), numbers(10));
    assert_eq!(stage.close().await, Account::delivered(10));
}

/// First the token is expired, then it lacks the right; each is mended in its turn.
async fn blocked() {
    let (peer, token) = (peer().await, token());
    peer.receiver().token = "eyJ0eXAi.second".to_owned();
    peer.receiver().is_permitted = false;
    let mut stage = start(&peer, &token, SMALL);
    stage.send(20).await;
    for code in ["InvalidToken", "OperationFailed"] {
        stage
            .until("blocked", |stage| {
                let blocked = stage.health.blocked();
                blocked.is_some_and(|blocked| {
                    blocked.reason == BlockReason::Authorization && blocked.detail.starts_with(code)
                })
            })
            .await;
        assert_eq!(stage.account().unsettled.len(), 20);
        std::fs::write(token.path(), "eyJ0eXAi.second\n").expect("it can be written");
    }
    peer.receiver().is_permitted = true;
    stage.until("delivered", |stage| stage.settled() == 20).await;
    assert_eq!(stage.health.blocked(), None);
    assert_eq!(peer.receiver().numbers(), numbers(20));
    assert_eq!(stage.close().await, Account::delivered(20));
}

/// Records that together are above a call's limit travel in several calls; one that is above it alone is refused.
async fn oversize() {
    let (peer, token) = (peer().await, token());
    let mut stage = start(&peer, &token, "batch: { records: 1000, linger: 20ms }");
    for _ in 0..9 {
        stage.send_one(RecordKind::Assessment, &"x".repeat(300_000)).await;
    }
    stage.send_one(RecordKind::Alert, &"x".repeat(1_100_000)).await;
    stage.until("settled", |stage| stage.settled() == 10).await;
    assert!(
        peer.requests().len() >= 4,
        "at most three records fit into a call"
    );
    assert_eq!(peer.receiver().numbers(), numbers(9));
    assert_eq!(
        stage.close().await,
        Account::delivered(10).except(&[9], RejectReason::TooLarge)
    );
}

async fn drain() {
    let (peer, token) = (peer().await, token());
    let mut stage = start(&peer, &token, SMALL);
    stage.send(55).await;
    assert_eq!(stage.close().await, Account::delivered(55));
    assert_eq!(peer.receiver().numbers(), numbers(55));

    peer.receiver().is_permitted = false;
    let mut stage = start(&peer, &token, SMALL);
    stage.send(10).await;
    stage
        .until("blocked", |stage| stage.health.blocked().is_some())
        .await;
    stage.abandon.cancel();
    let account = stage.close().await;
    assert_eq!((account.delivered.len(), account.unsettled.len()), (0, 10));
}
