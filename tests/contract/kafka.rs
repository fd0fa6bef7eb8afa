//! The cases of target kind `kafka`; the peer is the imitation of a cluster that comes with the client library.

use std::time::Duration;

use hub2siem::deliver::kafka::{self, Kafka, Settings};
use hub2siem::event::{Details, Kind as RecordKind, RejectReason};
use hub2siem::telemetry::health::BlockReason;
use rdkafka::types::{RDKafkaApiKey, RDKafkaRespErr as Error};

use super::cases::{Case, Kind};
use super::kafka_message::Message;
use super::kafka_mock::Cluster;
use super::stage::{Account, Stage};

pub const KIND: Kind = Kind {
    name: "kafka",
    success: Case::Run(|| Box::pin(success())),
    refused: Case::Run(|| Box::pin(refused())),
    retryable: Case::Run(|| Box::pin(retryable())),
    blocked: Case::Run(|| Box::pin(blocked())),
    oversize: Case::Run(|| Box::pin(oversize())),
    drain: Case::Run(|| Box::pin(drain())),
    redelivery: Case::Run(|| Box::pin(redelivery())),
};

/// Long enough that a few records share a batch, and no longer.
const QUICK: &str = "librdkafka: { linger.ms: 100, statistics.interval.ms: 50 }";

fn start(cluster: &Cluster, lines: &str) -> Stage {
    let yaml = format!("brokers: {:?}\n{lines}\n", cluster.brokers());
    let options: Kafka = serde_saphyr::from_str(&yaml).expect("the options are valid");
    let mut settings = Settings::new(&options).expect("they can be used");
    settings.try_interval = Duration::from_millis(200);
    Stage::start(|records, context| kafka::run(settings, records, context))
}

fn numbers(messages: &[Message]) -> Vec<i64> {
    let number = |message: &Message| message.header("hub_sequence_number").parse();
    let numbers: Result<_, _> = messages.iter().map(number).collect();
    numbers.expect("they are numbers")
}

fn all(count: i64) -> Vec<i64> {
    (0..count).collect()
}

async fn success() {
    let cluster = Cluster::without_topic(1);
    cluster.create_topic("mdc.alert", 1);
    cluster.create_topic("mdc.posture", 1);
    let topics = "topic: { alert: 'mdc.{kind}', otherwise: mdc.posture }";
    let mut stage = start(&cluster, &format!("{topics}\n{QUICK}"));
    stage.send(20).await;
    let details = Details {
        action: Some("Insert".into()),
        ..Details::default()
    };
    stage
        .send_bytes(RecordKind::Alert, "{\"an\":\"alert\"}".into(), Some(details))
        .await;
    stage.until("delivered", |stage| stage.settled() == 21).await;
    let posture = cluster.read("mdc.posture").await;
    assert_eq!(numbers(&posture), all(20));
    assert_eq!(posture[19].value.as_deref(), Some(r#"{"number":19,"text":""}"#));
    let alerts = cluster.read("mdc.alert").await;
    let alert = &alerts[0];
    assert_eq!(alert.key.as_deref(), Some("/subscriptions/20/\"quoted\""));
    assert_eq!(alert.value.as_deref(), Some(r#"{"an":"alert"}"#));
    assert_eq!(alert.timestamp, Some(1_722_937_225_065));
    assert_eq!(alert.header("event_id"), stage.event_id(20).to_string());
    assert_eq!(
        (alert.header("kind"), alert.header("action")),
        ("alert", "Insert")
    );
    assert_eq!((alerts.len(), stage.close().await), (1, Account::delivered(21)));
}

/// A broker refuses a whole batch; which record it is for is found by smaller ones.
async fn refused() {
    let cluster = Cluster::start(1);
    let (bad, good) = (
        Error::RD_KAFKA_RESP_ERR_INVALID_RECORD,
        Error::RD_KAFKA_RESP_ERR_NO_ERROR,
    );
    // Record 1 of 4: the batch, its first half, the first record alone, the second alone.
    cluster.fail(RDKafkaApiKey::Produce, vec![bad, bad, good, bad]);
    // All four have to share the first batch.
    let mut stage = start(&cluster, "topic: mdc\nlibrdkafka: { linger.ms: 1000 }");
    stage.send(4).await;
    stage.until("settled", |stage| stage.settled() == 4).await;
    let detail = &stage.letters()[0].detail;
    assert!(detail.contains("InvalidRecord"), "{detail}");
    assert_eq!(numbers(&cluster.read("mdc").await), [0, 2, 3]);
    let account = Account::delivered(4).except(&[1], RejectReason::Refused);
    assert_eq!(stage.close().await, account);
}

async fn retryable() {
    let cluster = Cluster::start(1);
    let mut stage = start(&cluster, &format!("topic: mdc\n{QUICK}"));
    stage.send(10).await;
    stage.until("delivered", |stage| stage.settled() == 10).await;
    cluster.down();
    let up = stage.metrics.deliver_kafka_brokers_up.with_label_values(&["soc"]);
    stage.until("told", |_| up.get() == 0).await;
    stage.send(10).await;
    let waiting = stage
        .metrics
        .deliver_kafka_queue_messages
        .with_label_values(&["soc"]);
    stage.until("handed over", |_| waiting.get() == 10).await;
    assert_eq!(stage.settled(), 10);
    cluster.fail(
        RDKafkaApiKey::Produce,
        vec![Error::RD_KAFKA_RESP_ERR_NOT_ENOUGH_REPLICAS; 3],
    );
    cluster.up();
    stage.until("delivered", |stage| stage.settled() == 20).await;
    assert_eq!(numbers(&cluster.read("mdc").await), all(20));
    assert_eq!(stage.close().await, Account::delivered(20));
}

async fn blocked() {
    let cluster = Cluster::start(1);
    cluster.fail(
        RDKafkaApiKey::Produce,
        vec![Error::RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED; 3],
    );
    let mut stage = start(&cluster, &format!("topic: mdc\n{QUICK}"));
    stage.send(20).await;
    stage
        .until("blocked", |stage| stage.health.blocked().is_some())
        .await;
    let blocked = stage.health.blocked().expect("it is blocked");
    assert_eq!(blocked.reason, BlockReason::Destination);
    assert!(blocked.detail.contains("`mdc`"), "{blocked:?}");
    assert_eq!(stage.account().unsettled.len(), 20);
    stage.until("delivered", |stage| stage.settled() == 20).await;
    assert_eq!(stage.health.blocked(), None);
    assert_eq!(numbers(&cluster.read("mdc").await), all(20));
    assert_eq!(stage.close().await, Account::delivered(20));
}

async fn oversize() {
    let cluster = Cluster::start(1);
    let mut stage = start(&cluster, &format!("topic: mdc\nmessage_limit: 4000B\n{QUICK}"));
    stage.send(10).await;
    stage.send_one(RecordKind::Alert, &"x".repeat(5_000)).await;
    stage.send(10).await;
    stage.until("settled", |stage| stage.settled() == 21).await;
    assert_eq!(cluster.read("mdc").await.len(), 20);
    let account = Account::delivered(21).except(&[10], RejectReason::TooLarge);
    assert_eq!(stage.close().await, account);
}

async fn drain() {
    let cluster = Cluster::start(1);
    // The client library does not always heed at once that nothing more comes; what waits for company then goes after it.
    let mut stage = start(&cluster, "topic: mdc\nlibrdkafka: { linger.ms: 10000 }");
    stage.send(55).await;
    assert_eq!(stage.close().await, Account::delivered(55));
    assert_eq!(numbers(&cluster.read("mdc").await), all(55));

    cluster.down();
    let mut stage = start(&cluster, &format!("topic: mdc\n{QUICK}"));
    stage.send(10).await;
    let waiting = stage
        .metrics
        .deliver_kafka_queue_messages
        .with_label_values(&["soc"]);
    stage.until("handed over", |_| waiting.get() == 10).await;
    stage.abandon.cancel();
    let account = stage.close().await;
    assert_eq!((account.delivered.len(), account.unsettled.len()), (0, 10));
}

async fn redelivery() {
    let cluster = Cluster::start(1);
    let mut seen = Vec::new();
    for _ in 0..2 {
        let mut stage = start(&cluster, &format!("topic: mdc\n{QUICK}"));
        stage.send(10).await;
        seen.extend((0..10).map(|number| stage.event_id(number).to_string()));
        assert_eq!(stage.close().await, Account::delivered(10));
    }
    let ids: Vec<String> = cluster
        .read("mdc")
        .await
        .iter()
        .map(|message| message.header("event_id").to_owned())
        .collect();
    assert_eq!(ids, seen);
    assert_eq!(seen[..10], seen[10..], "both runs sent the same ids");
}
