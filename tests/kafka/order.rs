//! Records of one key stay in order, whatever fails between.

use std::collections::BTreeMap;

use hub2siem::deliver::kafka::Settings;
use rdkafka::types::{RDKafkaApiKey, RDKafkaRespErr as Error};

use super::bench::{NUMBER, QUICK, all_settled, send_keyed, settings, start_with};
use super::kafka_mock::Cluster;
use super::stage::Account;

fn keyed(cluster: &Cluster) -> Settings {
    let lines =
        format!("topic: mdc.keyed\nkey: subscription\nlibrdkafka: {{ {QUICK}, batch.num.messages: 10 }}");
    settings(&cluster.brokers(), &lines)
}

/// Scenario: requests fail for good at random, so that we have to send records again, over four partitions and seven keys.
/// Guarantees: every record is in the topic; the last message of each key is its newest; a message comes again only behind
/// an older one that had failed.
#[tokio::test(flavor = "multi_thread")]
async fn the_newest_of_a_key_is_last() {
    for seed in 1..=4_u32 {
        println!("seed {seed}");
        let cluster = Cluster::without_topic(1);
        cluster.create_topic("mdc.keyed", 4);
        let mut state = seed.wrapping_mul(2_654_435_761);
        let mut next = || {
            state ^= state << 13;
            state ^= state >> 17;
            state ^= state << 5;
            state
        };
        let errors = (0..60).map(|_| match next() % 4 {
            0 => Error::RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED,
            1 => Error::RD_KAFKA_RESP_ERR_INVALID_REQUIRED_ACKS,
            _ => Error::RD_KAFKA_RESP_ERR_NO_ERROR,
        });
        cluster.fail(RDKafkaApiKey::Produce, errors.collect());
        let mut stage = start_with(keyed(&cluster));
        send_keyed(&mut stage, 700, 7).await;
        all_settled(&stage).await;
        let repeated = stage.retried("blocked") + stage.retried("unavailable") + stage.retried("rebuilt");
        assert!(repeated > 0, "nothing failed");

        let mut last: BTreeMap<String, i64> = BTreeMap::new();
        let mut seen = vec![0; 700];
        for message in cluster.read("mdc.keyed").await {
            let number: i64 = message.header(NUMBER).parse().expect("it is a number");
            seen[number as usize] += 1;
            last.insert(message.key.expect("each has a key"), number);
        }
        assert!(seen.iter().all(|count| *count >= 1), "{seen:?}");
        let newest: Vec<i64> = (0..7).map(|key| last[&format!("s{key}")]).collect();
        assert_eq!(newest, Vec::from_iter(693..700));
        assert_eq!(stage.close().await, Account::delivered(700));
    }
}

/// Scenario: as many records as fit, one key, no fault.
/// Guarantees: each once, in order.
#[tokio::test(flavor = "multi_thread")]
async fn without_a_fault_nothing_comes_twice() {
    let cluster = Cluster::without_topic(1);
    cluster.create_topic("mdc.keyed", 4);
    let mut stage = start_with(keyed(&cluster));
    send_keyed(&mut stage, 1_000, 1).await;
    all_settled(&stage).await;
    let numbers: Vec<String> = cluster
        .read("mdc.keyed")
        .await
        .iter()
        .map(|message| message.header(NUMBER).to_owned())
        .collect();
    let expected: Vec<String> = (0..1_000).map(|number: i64| number.to_string()).collect();
    assert_eq!(numbers, expected);
    assert_eq!(stage.close().await, Account::delivered(1_000));
}
