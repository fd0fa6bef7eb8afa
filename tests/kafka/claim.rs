//! Claims of `exactly_once`, where the cluster refuses them.

use std::io::Write as _;

use hub2siem::deliver::kafka::Settings;
use hub2siem::deliver::kafka::exactly_once::{self, Claims};
use hub2siem::event::PartitionId;
use hub2siem::telemetry::health::BlockReason;
use rdkafka::types::{RDKafkaApiKey, RDKafkaRespErr as Error};
use tempfile::NamedTempFile;

use super::bench::{NUMBER, all, all_settled, keeping, numbers, settings};
use super::kafka_broker::options::Login;
use super::kafka_broker::{Broker, Isolation, jars};
use super::kafka_mock::Cluster;
use super::stage::{Account, Stage, TARGET};

/// A target at work that keeps positions, and the way to make claims.
pub fn start(settings: Settings) -> (Stage, Claims) {
    let options = settings.exactly_once.clone();
    let options = options.expect("the lines ask for it");
    let (claims, requests) = Claims::channel();
    let stage =
        Stage::start(|records, context| exactly_once::run(settings, options, records, requests, context));
    (stage, claims)
}

/// Waits until the target says that it is blocked, which ends no claim.
pub async fn blocked(stage: &Stage, claims: &Claims) -> BlockReason {
    let partition = PartitionId::new("0");
    tokio::select! {
        claim = claims.claim(&partition, 0) => panic!("claimed: {claim:?}"),
        () = stage.until("blocked", |stage| stage.health.blocked().is_some()) => {}
    }
    stage.health.blocked().expect("it is blocked").reason
}

/// Scenario: the cluster does not let us write by the transactional id of a partition.
/// Guarantees: nobody gets a claim, and the target is blocked for that right, not taken for cut off.
#[tokio::test(flavor = "multi_thread")]
async fn a_missing_right_to_transactions_blocks() {
    let cluster = Cluster::start(1);
    cluster.fail(
        RDKafkaApiKey::InitProducerId,
        vec![Error::RD_KAFKA_RESP_ERR_TRANSACTIONAL_ID_AUTHORIZATION_FAILED; 1000],
    );
    let lines = "topic: mdc\nexactly_once: true";
    let (mut stage, claims) = start(settings(&cluster.brokers(), lines));
    assert_eq!(blocked(&stage, &claims).await, BlockReason::Authorization);
    stage.abandon.cancel();
    stage.ended().await;
}

/// Scenario: the password is wrong when a partition is claimed, and its file has the right one later.
/// Guarantees: the target is blocked for who we are, and the claim is made by itself once that is mended.
#[tokio::test(flavor = "multi_thread")]
async fn a_password_that_is_mended_is_read_for_the_next_claim() {
    let Some(jars) = jars("logins with exactly once").await else {
        return;
    };
    let mut options = keeping();
    options.login = Some(Login {
        username: "alice".to_owned(),
        password: "of alice".to_owned(),
    });
    let broker = Broker::start(&jars, &options).await;
    let mut password = NamedTempFile::new().expect("a temporary file can be made");
    write!(password, "of bob").expect("it can be written");
    let lines = format!(
        "topic: mdc\nexactly_once: true\n\
         sasl: {{ mechanism: scram_sha_512, username: alice, password: {{ file: {:?} }} }}",
        password.path()
    );
    let (mut stage, claims) = start(settings(&[broker.sasl_address()], &lines));
    assert_eq!(blocked(&stage, &claims).await, BlockReason::Authorization);
    std::fs::write(password.path(), "of alice").expect("it can be written");
    let partition = PartitionId::new("0");
    let claim = claims.claim(&partition, 1).await.expect("the target is at work");
    assert_eq!(claim.position, None);
    stage
        .until("unblocked", |stage| stage.health.blocked().is_none())
        .await;
    stage.abandon.cancel();
    stage.ended().await;
}

/// Scenario: the topic of the records is missing when a partition is claimed, and is made later.
/// Guarantees: the target is blocked for that topic and settles nothing, goes on soon after by itself, and every record is there
/// once, in order.
#[tokio::test(flavor = "multi_thread")]
async fn a_topic_that_is_made_later_is_found() {
    let Some(jars) = jars("a missing topic with exactly once").await else {
        return;
    };
    let broker = Broker::start(&jars, &keeping()).await;
    let lines = "topic: mdc\nexactly_once: true\ntransaction: { linger: 20ms }\n\
                 librdkafka: { topic.metadata.propagation.max.ms: 200 }";
    let (mut stage, claims) = start(settings(&[broker.address()], lines));
    let claim = claims.claim(&PartitionId::new("0"), 0).await;
    let claim = claim.expect("the target is at work");
    stage.send(5).await;
    stage
        .until("blocked", |stage| stage.health.blocked().is_some())
        .await;
    let blocked = stage.health.blocked().expect("it is blocked");
    assert_eq!(blocked.reason, BlockReason::Destination, "{blocked:?}");
    assert_eq!(stage.settled(), 0);
    broker.create_topic("mdc", 1, &[]).await;
    all_settled(&stage).await;
    assert_eq!((stage.health.blocked(), claim.lost()), (None, None));
    let messages = broker.read("mdc", Isolation::Committed).await;
    let read = numbers(messages.iter().map(|message| message.header(NUMBER)));
    assert_eq!(read, all(5));
    assert_eq!(stage.close().await, Account::delivered(5));
}

/// Scenario: certificates are not to be verified.
/// Guarantees: the metric says so, as it does without `exactly_once`.
#[tokio::test(flavor = "multi_thread")]
async fn what_is_not_verified_is_said() {
    let lines = "topic: mdc\nexactly_once: true\ntls: { verify: false }";
    let (mut stage, _claims) = start(settings(&["127.0.0.1:1".to_owned()], lines));
    let off = stage.metrics.tls_verification_off.with_label_values(&[TARGET]);
    stage.until("said", |_| off.get() == 1).await;
    stage.abandon.cancel();
    stage.ended().await;
}
