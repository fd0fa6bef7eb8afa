//! Transactions of others in the topic of positions.

use std::thread;
use std::time::Duration;

use rdkafka::producer::{BaseRecord, DefaultProducerContext, Producer, ThreadedProducer};

use super::delivered::check;
use super::harness::{SOON, wait_for};
use super::scene::{POSITIONS, Scene, body, wait_until_passed};

const EVENTS: usize = 2000;
const PATIENCE: Duration = Duration::from_secs(60);
/// So long the bridge is watched for not starting.
const STANDSTILL: Duration = Duration::from_secs(3);

/// Scenario: somebody has a transaction open in the topic of positions while a bridge brings everything there and ends; one
/// without any state of its own starts, and the transaction is ended after a while.
/// Guarantees: the new bridge waits for that end, because the newest positions stand behind it, and sends nothing again.
#[tokio::test(flavor = "multi_thread")]
async fn an_open_transaction_hides_no_position() {
    let Some(scene) = Scene::new("exactly once beside open transactions").await else {
        return;
    };
    let hub = scene.hub(&[body(1)], EVENTS);
    let bridge = scene.bridge("bridge-0", "state-0", &hub);
    wait_for("a first position", SOON, || {
        let committed = bridge.metric("hub2siem_deliver_kafka_transactions_total", &["committed"]);
        (committed >= 1.0).then_some(())
    });
    let mut client = scene.broker.client();
    client.set("transactional.id", "somebody");
    // A busy machine must not let the cluster end it before we do.
    client.set("transaction.timeout.ms", "600000");
    let other: ThreadedProducer<DefaultProducerContext> = client.create().expect("the settings are valid");
    other.init_transactions(PATIENCE).expect("it can begin");
    other.begin_transaction().expect("none is open");
    let record = BaseRecord::to(POSITIONS)
        .key("of somebody")
        .payload("-")
        .partition(0);
    other.send(record).expect("there is room");
    other.flush(PATIENCE).expect("it arrives");
    wait_until_passed(&bridge, EVENTS);
    bridge.process.stop();

    let bridge = scene.bridge("bridge-1", "state-1", &hub);
    thread::sleep(STANDSTILL);
    assert_eq!(bridge.metric("hub2siem_eventhub_attached", &[]), 0.0, "it waits");
    other.commit_transaction(PATIENCE).expect("it commits");
    wait_until_passed(&bridge, EVENTS);
    bridge.process.stop();
    let messages = scene.delivered().await;
    check(&messages);
    assert_eq!(messages.len(), EVENTS);
}
