//! The real broker that other tests send to: it starts, takes messages, and keeps them over a restart.

use std::sync::Arc;
use std::time::Duration;

use kafka_broker::options::Login;
use kafka_broker::{Broker, Certificates, Isolation, Options, jars};
use rdkafka::ClientConfig;
use rdkafka::producer::{BaseRecord, DefaultProducerContext, Producer, ThreadedProducer};

#[path = "support/kafka_broker/mod.rs"]
#[expect(dead_code, reason = "tests of the kind use the rest")]
mod kafka_broker;

const PATIENCE: Duration = Duration::from_secs(120);

/// Scenario: a message before, one after a clean restart, one after a kill; then a transaction that is aborted, one that
/// is committed, and one that is open.
/// Guarantees: the harness gives what a reader of committed and one of uncommitted messages sees, and keeps it.
#[tokio::test(flavor = "multi_thread")]
async fn keeps_messages_over_a_restart() {
    let Some(jars) = jars("what a broker keeps").await else {
        return;
    };
    let mut broker = Broker::start(&jars, &Options::default()).await;
    broker
        .create_topic("mdc", 2, &[("max.message.bytes", "100000")])
        .await;
    send(&broker.client(), "first");
    broker.restart().await;
    send(&broker.client(), "second");
    broker.kill().await;
    broker.resume().await;
    send(&broker.client(), "third");

    let transactional = producer(broker.client().set("transactional.id", "one"));
    transactional.init_transactions(PATIENCE).expect("it can begin");
    for (value, is_kept) in [("aborted", false), ("committed", true)] {
        transactional.begin_transaction().expect("none is open");
        queue(&transactional, value);
        transactional.flush(PATIENCE).expect("it arrives");
        match is_kept {
            true => transactional.commit_transaction(PATIENCE).expect("it commits"),
            false => transactional.abort_transaction(PATIENCE).expect("it aborts"),
        }
    }
    transactional.begin_transaction().expect("none is open");
    queue(&transactional, "open");
    transactional.flush(PATIENCE).expect("it arrives");

    let all = ["first", "second", "third", "aborted", "committed", "open"];
    let seen = values(&broker, Isolation::Uncommitted).await;
    assert_eq!(seen, all);
    let seen = values(&broker, Isolation::Committed).await;
    assert_eq!(seen, ["first", "second", "third", "committed"]);
}

/// Scenario: clients by TLS with the certificate of a client, and with a login by each mechanism; then with a wrong one.
/// Guarantees: the listeners take who they should, and refuse the others.
#[tokio::test(flavor = "multi_thread")]
async fn takes_clients_by_tls_and_by_login() {
    let Some(jars) = jars("TLS and logins at a broker").await else {
        return;
    };
    let certificates = Arc::new(Certificates::new("localhost"));
    let options = Options {
        certificates: Some(Arc::clone(&certificates)),
        wants_client_certificate: true,
        login: Some(Login {
            username: "alice".to_owned(),
            password: "of alice".to_owned(),
        }),
        ..Options::default()
    };
    let broker = Broker::start(&jars, &options).await;
    broker.create_topic("mdc", 2, &[]).await;

    let (certificate, key) = certificates.client();
    let mut tls = broker.client();
    tls.set("bootstrap.servers", broker.tls_address())
        .set("security.protocol", "ssl")
        .set("ssl.ca.location", certificates.ca().to_string_lossy());
    assert!(!is_taken(&tls), "a client without a certificate");
    tls.set("ssl.certificate.location", certificate.to_string_lossy())
        .set("ssl.key.location", key.to_string_lossy());
    send(&tls, "by TLS");

    for mechanism in ["PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"] {
        let mut sasl = broker.client();
        sasl.set("bootstrap.servers", broker.sasl_address())
            .set("security.protocol", "sasl_plaintext")
            .set("sasl.mechanisms", mechanism)
            .set("sasl.username", "alice")
            .set("sasl.password", "of bob");
        assert!(!is_taken(&sasl), "a wrong password by {mechanism}");
        sasl.set("sasl.password", "of alice");
        send(&sasl, mechanism);
    }
    let seen = values(&broker, Isolation::Committed).await;
    assert_eq!(seen, ["by TLS", "PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"]);
}

fn producer(client: &ClientConfig) -> ThreadedProducer<DefaultProducerContext> {
    client.create().expect("the settings are valid")
}

fn queue(producer: &ThreadedProducer<DefaultProducerContext>, value: &str) {
    let record = BaseRecord::to("mdc").key("key").payload(value).partition(1);
    producer.send(record).expect("there is room");
}

fn send(client: &ClientConfig, value: &str) {
    let producer = producer(client);
    queue(&producer, value);
    producer.flush(PATIENCE).expect("it arrives");
}

fn is_taken(client: &ClientConfig) -> bool {
    let metadata = producer(client)
        .client()
        .fetch_metadata(None, Duration::from_secs(2));
    metadata.is_ok()
}

async fn values(broker: &Broker, isolation: Isolation) -> Vec<String> {
    let messages = broker.read("mdc", isolation).await;
    assert!(messages.iter().all(|message| message.partition == 1));
    messages.into_iter().filter_map(|message| message.value).collect()
}
