//! The producer itself: without room, without a right, and broken.

use hub2siem::telemetry::health::BlockReason;
use rdkafka::types::{RDKafkaApiKey, RDKafkaRespErr as Error};

use super::bench::{NUMBER, QUICK, all, all_settled, numbers, send_together, settings, start, start_with};
use super::kafka_mock::Cluster;
use super::stage::{Account, TARGET};

async fn read(cluster: &Cluster) -> Vec<i64> {
    let messages = cluster.read("mdc").await;
    numbers(messages.iter().map(|message| message.header(NUMBER)))
}

/// Scenario: the client library has room for five messages, and many more come.
/// Guarantees: that is waited out and counted, is no retry, and every record is in the topic once, in order.
#[tokio::test(flavor = "multi_thread")]
async fn a_full_queue_is_waited_out() {
    let cluster = Cluster::start(1);
    let lines = format!("topic: mdc\nlibrdkafka: {{ {QUICK}, queue.buffering.max.messages: 5 }}");
    let mut stage = start_with(settings(&cluster.brokers(), &lines));
    stage.send(200).await;
    all_settled(&stage).await;
    let full = &stage.metrics.deliver_kafka_queue_full_total;
    assert!(full.with_label_values(&[TARGET]).get() > 0);
    let retries = stage
        .metrics
        .deliver_records_total
        .with_label_values(&[TARGET, "retry"]);
    assert_eq!(retries.get(), 0);
    assert_eq!(read(&cluster).await, all(200));
    assert_eq!(stage.close().await, Account::delivered(200));
}

/// Scenario: the broker lost what it knew of the producer, which is fatal for that one, twice.
/// Guarantees: a new producer takes its place, everything unreported is sent again, and that is counted.
#[tokio::test(flavor = "multi_thread")]
async fn a_broken_producer_is_replaced() {
    let cluster = Cluster::start(1);
    let mut stage = start(&cluster);
    for round in 1..=2 {
        stage.send(50).await;
        all_settled(&stage).await;
        cluster.fail(
            RDKafkaApiKey::Produce,
            vec![Error::RD_KAFKA_RESP_ERR_OUT_OF_ORDER_SEQUENCE_NUMBER],
        );
        // Of several batches, those behind the refused one would be in the topic before it.
        send_together(&mut stage, &cluster, 50).await;
        all_settled(&stage).await;
        let rebuilds = &stage.metrics.deliver_kafka_rebuilds_total;
        assert_eq!(rebuilds.with_label_values(&[TARGET]).get(), round);
    }
    assert_eq!(read(&cluster).await, all(200));
    assert_eq!(stage.close().await, Account::delivered(200));
}

/// Scenario: the cluster does not let us be an idempotent producer, and does so later.
/// Guarantees: the target is blocked and says why, no record is a dead letter, and it goes on by itself.
#[tokio::test(flavor = "multi_thread")]
async fn a_missing_right_is_waited_for() {
    let cluster = Cluster::start(1);
    cluster.fail(
        RDKafkaApiKey::InitProducerId,
        vec![Error::RD_KAFKA_RESP_ERR_CLUSTER_AUTHORIZATION_FAILED; 1000],
    );
    let mut stage = start(&cluster);
    stage.send(20).await;
    stage
        .until("blocked", |stage| stage.health.blocked().is_some())
        .await;
    let blocked = stage.health.blocked().expect("it is blocked");
    assert_eq!(blocked.reason, BlockReason::Authorization);
    cluster.with(|mock| mock.clear_request_errors(RDKafkaApiKey::InitProducerId));
    all_settled(&stage).await;
    assert_eq!(stage.health.blocked(), None);
    assert_eq!(read(&cluster).await, all(20));
    assert_eq!(stage.close().await, Account::delivered(20));
}

/// Scenario: the grace period ends while the producer is being replaced.
/// Guarantees: the target returns at once, and what was not confirmed is not settled.
#[tokio::test(flavor = "multi_thread")]
async fn an_end_in_the_middle_settles_nothing() {
    let cluster = Cluster::start(1);
    cluster.fail(
        RDKafkaApiKey::InitProducerId,
        vec![Error::RD_KAFKA_RESP_ERR_CLUSTER_AUTHORIZATION_FAILED; 1000],
    );
    let mut stage = start(&cluster);
    stage.send(20).await;
    stage
        .until("blocked", |stage| stage.health.blocked().is_some())
        .await;
    stage.abandon.cancel();
    let account = stage.close().await;
    assert_eq!((account.delivered.len(), account.unsettled.len()), (0, 20));
}
