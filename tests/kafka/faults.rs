//! Troubles that pass by themselves: brokers that are away, leaders that move, replicas that lag.

use rdkafka::types::{RDKafkaApiKey, RDKafkaRespErr as Error};

use super::bench::{NUMBER, all, all_settled, gauge, numbers, start};
use super::kafka_mock::Cluster;
use super::stage::Account;

async fn read(cluster: &Cluster) -> Vec<i64> {
    let messages = cluster.read("mdc").await;
    numbers(messages.iter().map(|message| message.header(NUMBER)))
}

/// Scenario: the leader of the partition moves twice under load, and the old one says so.
/// Guarantees: every record is in the topic once, in order.
#[tokio::test(flavor = "multi_thread")]
async fn a_leader_that_moves_costs_nothing() {
    let cluster = Cluster::start(3);
    let mut stage = start(&cluster);
    for leader in [2, 3, 1] {
        stage.send(50).await;
        cluster.fail(
            RDKafkaApiKey::Produce,
            vec![
                Error::RD_KAFKA_RESP_ERR_NOT_LEADER_FOR_PARTITION,
                Error::RD_KAFKA_RESP_ERR_LEADER_NOT_AVAILABLE,
            ],
        );
        let moved = cluster.with(move |mock| mock.partition_leader("mdc", 0, Some(leader)));
        moved.expect("there is such a broker");
        stage.send(50).await;
    }
    all_settled(&stage).await;
    assert_eq!(read(&cluster).await, all(300));
    assert_eq!(stage.close().await, Account::delivered(300));
}

/// Scenario: too few replicas are in sync, before and after the leader wrote; requests time out.
/// Guarantees: the client library repeats by itself, and every record is in the topic once, in order.
#[tokio::test(flavor = "multi_thread")]
async fn too_few_replicas_are_waited_for() {
    let cluster = Cluster::start(1);
    cluster.fail(
        RDKafkaApiKey::Produce,
        vec![
            Error::RD_KAFKA_RESP_ERR_NOT_ENOUGH_REPLICAS,
            Error::RD_KAFKA_RESP_ERR_NOT_ENOUGH_REPLICAS,
            Error::RD_KAFKA_RESP_ERR_NOT_ENOUGH_REPLICAS_AFTER_APPEND,
            Error::RD_KAFKA_RESP_ERR_REQUEST_TIMED_OUT,
            Error::RD_KAFKA_RESP_ERR__TRANSPORT,
        ],
    );
    let mut stage = start(&cluster);
    stage.send(100).await;
    all_settled(&stage).await;
    assert_eq!(read(&cluster).await, all(100));
    assert_eq!(stage.health.blocked(), None);
    assert_eq!(stage.close().await, Account::delivered(100));
}

/// Scenario: all brokers go away under load, records go on coming, and the brokers return.
/// Guarantees: nothing settles meanwhile, the target is not blocked, and every record is in the topic once, in order.
#[tokio::test(flavor = "multi_thread")]
async fn an_outage_is_waited_for() {
    let cluster = Cluster::start(2);
    let mut stage = start(&cluster);
    stage.send(100).await;
    all_settled(&stage).await;
    cluster.down();
    let metrics = stage.metrics.clone();
    stage
        .until("told", |_| gauge(&metrics.deliver_kafka_brokers_up) == 0)
        .await;
    stage.send(100).await;
    stage
        .until("handed over", |_| {
            gauge(&metrics.deliver_kafka_queue_messages) == 100
        })
        .await;
    assert_eq!((stage.settled(), stage.health.blocked()), (100, None));
    assert!(gauge(&metrics.deliver_kafka_queue_bytes) > 0);
    cluster.up();
    stage.send(100).await;
    all_settled(&stage).await;
    assert_eq!(read(&cluster).await, all(300));
    assert_eq!(stage.close().await, Account::delivered(300));
}
