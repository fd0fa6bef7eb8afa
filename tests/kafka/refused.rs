//! What brokers refuse: a record for good, or a topic until somebody mends it.

use hub2siem::event::{Kind, RejectReason};
use hub2siem::telemetry::health::BlockReason;
use rdkafka::types::{RDKafkaApiKey, RDKafkaRespErr as Error};

use super::bench::{
    NUMBER, QUICK, all, all_settled, keeping, numbers, send_keyed, send_together, settings, start, start_with,
};
use super::kafka_broker::{Broker, Isolation, jars};
use super::kafka_mock::Cluster;
use super::stage::Account;

/// Scenario: the broker says twice that a batch is too large, the second time of a single record.
/// Guarantees: only what is refused alone is a dead letter.
#[tokio::test(flavor = "multi_thread")]
async fn a_batch_that_is_too_large_is_narrowed_down() {
    let cluster = Cluster::start(1);
    let mut stage = start(&cluster);
    stage.send(1).await;
    all_settled(&stage).await;
    let large = Error::RD_KAFKA_RESP_ERR_MSG_SIZE_TOO_LARGE;
    cluster.fail(RDKafkaApiKey::Produce, vec![large, large]);
    send_together(&mut stage, &cluster, 2).await;
    all_settled(&stage).await;
    let messages = cluster.read("mdc").await;
    assert_eq!(
        numbers(messages.iter().map(|message| message.header(NUMBER))),
        [0, 2]
    );
    let account = Account::delivered(3).except(&[1], RejectReason::TooLarge);
    assert_eq!(stage.close().await, account);
}

/// Scenario: one of two topics is missing, records for both come, and it is made later.
/// Guarantees: the target says what is missing, the other topic's records pass, nothing is a dead letter, and it goes on by
/// itself.
#[tokio::test(flavor = "multi_thread")]
async fn a_topic_that_is_made_later_is_found() {
    let cluster = Cluster::without_topic(1);
    cluster.create_topic("mdc.alert", 1);
    let lines =
        format!("topic: 'mdc.{{kind}}'\nlibrdkafka: {{ {QUICK}, topic.metadata.propagation.max.ms: 200 }}");
    let mut stage = start_with(settings(&cluster.brokers(), &lines));
    for _ in 0..10 {
        stage.send(1).await;
        stage.send_one(Kind::Alert, "").await;
    }
    stage
        .until("blocked", |stage| stage.health.blocked().is_some())
        .await;
    let blocked = stage.health.blocked().expect("it is blocked");
    assert_eq!(blocked.reason, BlockReason::Destination);
    assert!(blocked.detail.contains("`mdc.assessment`"), "{blocked:?}");
    stage.until("passed", |stage| stage.settled() == 10).await;
    stage.send_one(Kind::Alert, "").await;
    stage.until("passed", |stage| stage.settled() == 11).await;
    assert!(stage.health.blocked().is_some());

    cluster.create_topic("mdc.assessment", 1);
    all_settled(&stage).await;
    assert_eq!(stage.health.blocked(), None);
    let messages = cluster.read("mdc.assessment").await;
    let numbers = numbers(messages.iter().map(|message| message.header(NUMBER)));
    assert_eq!(numbers, Vec::from_iter((0..10).map(|number| 2 * number)));
    assert_eq!(stage.close().await, Account::delivered(21));
}

/// Scenario: a real broker takes no record without a key in a compacted topic, and none above a size; one of each comes
/// among others.
/// Guarantees: only those two are dead letters, whatever batches they were in; the others are there, the newest last.
#[tokio::test(flavor = "multi_thread")]
async fn a_real_broker_refuses_single_records() {
    let Some(jars) = jars("records that a broker refuses").await else {
        return;
    };
    let broker = Broker::start(&jars, &keeping()).await;
    let compacted = [("cleanup.policy", "compact"), ("max.message.bytes", "4000")];
    broker.create_topic("mdc", 1, &compacted).await;
    let lines = format!(
        "topic: mdc\nkey: subscription\ncompression: none\nlibrdkafka: {{ {QUICK}, batch.num.messages: 20 }}"
    );
    let mut stage = start_with(settings(&[broker.address()], &lines));
    send_keyed(&mut stage, 30, 3).await;
    stage
        .send_one(Kind::Assessment, "without details, and so without a key")
        .await;
    send_keyed(&mut stage, 30, 3).await;
    let large = format!("{{\"text\":\"{}\"}}", "x".repeat(5_000));
    let details = hub2siem::event::Details {
        subscription: Some("s0".into()),
        ..Default::default()
    };
    stage
        .send_bytes(Kind::Assessment, large.into(), Some(details))
        .await;
    send_keyed(&mut stage, 30, 3).await;
    all_settled(&stage).await;
    let messages = broker.read("mdc", Isolation::Committed).await;
    let mut taken = numbers(messages.iter().map(|message| message.header(NUMBER)));
    assert_eq!(taken.last(), Some(&91), "the newest is last");
    taken.sort_unstable();
    let expected: Vec<i64> = all(92)
        .into_iter()
        .filter(|number| ![30, 61].contains(number))
        .collect();
    taken.dedup();
    assert_eq!(taken, expected);
    let account = stage.close().await;
    assert_eq!(
        account.dead,
        [(30, RejectReason::Refused), (61, RejectReason::TooLarge)]
    );
}

/// Scenario: a record above `message_limit` among others.
/// Guarantees: it goes to the dead letters before it is sent, and says why.
#[tokio::test(flavor = "multi_thread")]
async fn a_record_above_the_limit_is_not_sent() {
    let cluster = Cluster::start(1);
    let lines = format!("topic: mdc\nmessage_limit: 2000B\nlibrdkafka: {{ {QUICK} }}");
    let mut stage = start_with(settings(&cluster.brokers(), &lines));
    stage.send(1).await;
    stage.send_one(Kind::Alert, &"x".repeat(2_000)).await;
    all_settled(&stage).await;
    let detail = &stage.letters()[0].detail;
    assert!(detail.contains("too large"), "{detail}");
    let account = Account::delivered(2).except(&[1], RejectReason::TooLarge);
    assert_eq!(stage.close().await, account);
    drop(start(&cluster));
}
