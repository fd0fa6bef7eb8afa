//! Records of one key stay in order, whatever fails between.

use std::collections::BTreeMap;
use std::time::Duration;

use hub2siem::deliver::kafka::Settings;
use rdkafka::types::{RDKafkaApiKey, RDKafkaRespErr as Error};

use super::bench::{NUMBER, QUICK, all_settled, send_keyed, settings, start_with};
use super::kafka_mock::Cluster;
use super::stage::Account;

fn keyed(cluster: &Cluster) -> Settings {
    let lines =
        format!("topic: mdc.keyed\nkey: subscription\nlibrdkafka: {{ {QUICK}, batch.num.messages: 5 }}");
    settings(&cluster.brokers(), &lines)
}

/// Scenario: requests fail for good at random until the last records, so that we have to send records again, over four
/// partitions and seven keys.
/// Guarantees: every record is in the topic, and the last message of each key is its newest.
#[tokio::test(flavor = "multi_thread")]
async fn the_newest_of_a_key_is_last() {
    let mut overtaken = 0;
    for seed in 1..=12_u32 {
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
        let errors = (0..40).map(|_| match next() % 2 {
            0 => Error::RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED,
            _ => Error::RD_KAFKA_RESP_ERR_NO_ERROR,
        });
        cluster.fail(RDKafkaApiKey::Produce, errors.collect());
        let mut settings = keyed(&cluster);
        settings.try_interval = Duration::from_millis(10);
        let mut stage = start_with(settings);
        send_keyed(&mut stage, 140, 7).await;
        all_settled(&stage).await;
        assert!(stage.retried("blocked") > 0, "nothing failed");
        overtaken += stage.retried("overtaken");

        let mut last: BTreeMap<String, i64> = BTreeMap::new();
        let mut seen = vec![0; 140];
        for message in cluster.read("mdc.keyed").await {
            let number: i64 = message.header(NUMBER).parse().expect("it is a number");
            seen[number as usize] += 1;
            last.insert(message.key.expect("each has a key"), number);
        }
        assert!(seen.iter().all(|count| *count >= 1), "{seen:?}");
        let newest: Vec<i64> = (0..7).map(|key| last[&format!("s{key}")]).collect();
        assert_eq!(newest, Vec::from_iter(133..140));
        assert_eq!(stage.close().await, Account::delivered(140));
    }
    assert!(overtaken > 0, "no record overtook another");
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
