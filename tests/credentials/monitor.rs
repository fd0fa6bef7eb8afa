//! An `azure_monitor` target with the tokens of the credential that the hub uses too.

use std::time::Duration;

use hub2siem::credential::{Audience, TokenSource};
use hub2siem::deliver::azure_monitor::{self, AzureMonitor, Settings};
use hub2siem::deliver::http_batch;
use hub2siem::event::Hub;
use hub2siem::telemetry::health::BlockReason;
use tokio::sync::watch;

use crate::entra::{Entra, Refusal, SECRET, client_secret, file};
use crate::http_peer::{Ingestion, Peer};
use crate::stage::{Account, Stage};

const TOKEN: &str = "eyJ0eXAi.first";

fn target(peer: &Peer<Ingestion>, source: &TokenSource) -> Stage {
    let yaml = format!(
        "endpoint: {}\nrule: {}\nstream: Custom-Mdc\nworkers: 1\nbatch: {{ records: 10, linger: 20ms }}\n",
        peer.endpoint(),
        peer.receiver().rule,
    );
    let options: AzureMonitor = serde_saphyr::from_str(&yaml).expect("the options are valid");
    let mut settings = Settings::new(&options, Some(source)).expect("they can be used");
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

/// Scenario: the target has no token of its own; the authority is throttled at first; later the service refuses the token,
/// and takes the next one.
/// Guarantees: everything is delivered, with tokens for Azure Monitor; neither case blocks for good.
#[tokio::test]
async fn tokens_come_from_the_credential() {
    let (entra, secret) = (Entra::start().await, file(SECRET));
    entra.state().fixed_token = Some(TOKEN);
    entra.state().instead.push_back(Refusal::status(429));
    let source = entra.source(&client_secret(secret.path()));
    let peer = Peer::start(Ingestion::new(TOKEN)).await;
    let mut stage = target(&peer, &source);
    stage.send(25).await;
    stage.until("delivered", |stage| stage.settled() == 25).await;
    assert!(stage.retried("unavailable") >= 1);
    let expected = "https://monitor.azure.com/.default";
    assert!(entra.state().asked.iter().all(|asked| asked == expected));

    peer.receiver().token = "eyJ0eXAi.second".to_owned();
    entra.state().fixed_token = Some("eyJ0eXAi.second");
    stage.send(10).await;
    stage.until("delivered", |stage| stage.settled() == 35).await;
    assert_eq!((entra.requests(), stage.health.blocked()), (3, None));
    assert_eq!(stage.close().await, delivered(35));
}

/// Scenario: the authority refuses the application until its secret is mended.
/// Guarantees: the target is blocked with the cause and the remedy, and settles nothing meanwhile.
#[tokio::test]
async fn a_refused_credential_blocks_the_target() {
    let (entra, wrong) = (Entra::start().await, file("Q~wrong"));
    let source = entra.source(&client_secret(wrong.path()));
    let peer = Peer::start(Ingestion::new(TOKEN)).await;
    let mut stage = target(&peer, &source);
    stage.send(10).await;
    stage
        .until("blocked", |stage| {
            let blocked = stage.health.blocked();
            blocked.is_some_and(|blocked| {
                blocked.reason == BlockReason::Authorization
                    && blocked.detail.contains("give the value of the client secret")
            })
        })
        .await;
    assert_eq!(stage.account().unsettled.len(), 10);
    assert!(peer.requests().is_empty());
    stage.abandon.cancel();
    stage.close().await;
    assert!(source.token(Audience::AzureMonitor).await.is_err());
}

fn delivered(count: i64) -> Account {
    Account {
        delivered: (0..count).collect(),
        ..Account::default()
    }
}
