//! A real broker that goes away under load.

use super::bench::{NUMBER, QUICK, all_settled, gauge, keeping, numbers, send_keyed, settings, start_with};
use super::kafka_broker::{Broker, Isolation, jars};
use super::stage::Account;

/// Scenario: a broker is stopped and started, killed and started, and stands still for a while, all under load.
/// Guarantees: within the one producer session nothing is lost and nothing comes twice, and records of a partition are in
/// order; the target is never blocked.
#[tokio::test(flavor = "multi_thread")]
async fn a_broker_that_restarts_loses_and_doubles_nothing() {
    let Some(jars) = jars("restarts of a broker under load").await else {
        return;
    };
    // The stage's times are long past, and a broker forgets a producer by the time of its newest message.
    let mut broker = Broker::start(&jars, &keeping()).await;
    broker
        .create_topic("mdc", 4, &[("message.timestamp.type", "LogAppendTime")])
        .await;
    let lines = format!("topic: mdc\nkey: subscription\nlibrdkafka: {{ {QUICK} }}");
    let mut stage = start_with(settings(&[broker.address()], &lines));
    for round in 0..3 {
        send_keyed(&mut stage, 500, 11).await;
        // Some are confirmed, and the others meet the end of the broker.
        let confirmed = stage.settled();
        stage
            .until("confirmed", |stage| stage.settled() > confirmed)
            .await;
        match round {
            0 => broker.stop().await,
            1 => broker.kill().await,
            _ => broker.freeze(),
        }
        send_keyed(&mut stage, 500, 11).await;
        match round {
            0 | 1 => {
                let metrics = stage.metrics.clone();
                stage
                    .until("noticed", |_| gauge(&metrics.deliver_kafka_brokers_up) == 0)
                    .await;
                broker.resume().await;
            }
            _ => broker.unfreeze(),
        }
        send_keyed(&mut stage, 500, 11).await;
        all_settled(&stage).await;
    }
    assert_eq!(stage.health.blocked(), None);
    let again = |reason| (reason, stage.retried(reason));
    let again = [
        "blocked",
        "partial",
        "unavailable",
        "rebuilt",
        "overtaken",
        "timeout",
    ]
    .map(again);
    let messages = broker.read("mdc", Isolation::Committed).await;
    assert_eq!(messages.len(), stage.sent(), "each once; sent again: {again:?}");
    for partition in 0..4 {
        let own = messages.iter().filter(|message| message.partition == partition);
        let numbers = numbers(own.map(|message| message.header(NUMBER)));
        assert!(
            numbers.windows(2).all(|pair| pair[0] < pair[1]),
            "partition {partition} is in order"
        );
    }
    assert_eq!(stage.close().await, Account::delivered(4_500));
}
