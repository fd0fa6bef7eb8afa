//! The harmless try of `check --connect`.

use hub2siem::deliver::kafka;
use hub2siem::finding::Finding;

use super::bench::{keeping, settings};
use super::kafka_broker::{Broker, Isolation, jars};
use super::kafka_mock::Cluster;

/// Scenario: topics that are safe, of one replica, compacted and missing, at a real broker.
/// Guarantees: each is named with what is wrong, and nothing is written.
#[tokio::test(flavor = "multi_thread")]
async fn every_topic_is_asked_about_and_gets_nothing() {
    let Some(jars) = jars("what `check --connect` says of a broker").await else {
        return;
    };
    let broker = Broker::start(&jars, &keeping()).await;
    broker.create_topic("mdc.alert", 3, &[]).await;
    let options = [("cleanup.policy", "compact"), ("max.message.bytes", "5000")];
    broker.create_topic("mdc.posture", 1, &options).await;
    let lines = "key: none\ntopic: { alert: mdc.alert, assessment: mdc.missing, otherwise: mdc.posture }\n\
                 librdkafka: { allow.auto.create.topics: true }";
    let findings = kafka::check(&settings(&[broker.address()], lines)).await;
    let of = |topic: &str| -> Vec<Finding> {
        let stage = format!("topic {topic}");
        let of_topic = findings.iter().filter(|finding| finding.stage == stage);
        of_topic.cloned().collect()
    };
    let alert = of("mdc.alert");
    let detail = alert[0].detail().expect("it is there");
    assert!(detail.contains("3 partitions of 1 replicas"), "{detail}");
    assert_eq!(warnings(&alert).len(), 1, "{alert:?}");
    assert!(warnings(&alert)[0].contains("one replica"), "{alert:?}");
    let missing = of("mdc.missing");
    let problem = missing[0].failure().expect("it is missing");
    assert!(problem.fix.contains("make it"), "{problem:?}");
    let posture = of("mdc.posture");
    assert!(posture[0].detail().is_some(), "{posture:?}");
    let warnings = warnings(&posture).join("\n");
    assert!(
        warnings.contains("`max.message.bytes` is 5000") && warnings.contains("compacted"),
        "{warnings}"
    );
    assert!(broker.read("mdc.alert", Isolation::Uncommitted).await.is_empty());
}

/// Scenario: `exactly_once`, with a position topic that is missing, one that is compacted, and one that deletes.
/// Guarantees: the first is said to be made later and is not made by the question, the second is fine, the third is refused.
#[tokio::test(flavor = "multi_thread")]
async fn the_position_topic_is_asked_about_too() {
    let Some(jars) = jars("what `check --connect` says of a position topic").await else {
        return;
    };
    let broker = Broker::start(&jars, &keeping()).await;
    broker.create_topic("mdc", 1, &[]).await;
    let compacted = [("cleanup.policy", "compact")];
    broker.create_topic("positions", 1, &compacted).await;
    broker.create_topic("deleting", 1, &[]).await;
    let result = async |topic: &str| {
        let lines = format!(
            "topic: mdc\nexactly_once: true\nposition_topic: {topic}\nlibrdkafka: {{ allow.auto.create.topics: true }}"
        );
        let findings = kafka::check(&settings(&[broker.address()], &lines)).await;
        let stage = format!("topic {topic}");
        let of_topic = findings.into_iter().filter(move |finding| finding.stage == stage);
        of_topic.collect::<Vec<_>>()
    };
    for _ in 0..2 {
        let missing = result("missing").await;
        let detail = missing[0].detail().expect("it is made at the start");
        assert!(detail.contains("made at the first start"), "{detail}");
    }
    let there = result("positions").await;
    assert!(there[0].detail().is_some(), "it keeps positions: {there:?}");
    assert!(
        there.len() == 2 && warnings(&there)[0].contains("one replica"),
        "{there:?}"
    );
    let deleting = result("deleting").await;
    let problem = deleting[0].failure().expect("it removes positions");
    assert!(problem.fix.contains("cleanup.policy=compact"), "{problem:?}");
}

fn warnings(findings: &[Finding]) -> Vec<&str> {
    let warnings = findings.iter().filter_map(Finding::warning);
    warnings.map(|problem| problem.cause.as_str()).collect()
}

/// Scenario: nobody is where the brokers should be; then a cluster that cannot say how topics are configured.
/// Guarantees: the first says where nobody was, the second is fine with a warning.
#[tokio::test(flavor = "multi_thread")]
async fn who_is_not_there_is_named() {
    let nobody = settings(&["127.0.0.1:1".to_owned()], "topic: mdc");
    let findings = kafka::check(&nobody).await;
    let problem = findings[0].failure().expect("nobody is there");
    assert!(problem.cause.contains("127.0.0.1:1"), "{problem:?}");
    assert!(problem.fix.contains("check the addresses"), "{problem:?}");

    let cluster = Cluster::start(3);
    let findings = kafka::check(&settings(&cluster.brokers(), "topic: mdc")).await;
    let detail = findings[0].detail().expect("it is there");
    assert!(detail.contains("1 partitions of 3 replicas"), "{detail}");
    let warning = findings[1].warning().expect("its options are unknown");
    assert!(warning.cause.contains("could not be read"), "{warning:?}");
}
