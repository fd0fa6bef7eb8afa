//! A process that stands still, is replaced, and goes on.

use super::delivered::check;
use super::harness::{SOON, wait_for};
use super::scene::{PARTITIONS, Scene, body, wait_until_passed};

const EVENTS: usize = 20_000;
/// So slowly that there is load at every step, also where a step takes seconds longer.
const RATE: &str = "rate: { records: 1000, per: 1s }";
const DELIVERED: &str = "hub2siem_deliver_records_total";
const TRANSACTIONS: &str = "hub2siem_deliver_kafka_transactions_total";

/// Scenario: a bridge stands still under load (SIGSTOP) as a machine does that lost its network or its turn; another one
/// with a state directory of its own takes over and delivers; then the first one goes on (SIGCONT) with what it holds.
/// Guarantees: what it holds is refused, it says so and is not ready, and a reader of committed messages sees each record
/// exactly once, in order. Of what it still confirms, nothing was begun after it went on.
#[tokio::test(flavor = "multi_thread")]
async fn a_zombie_writes_nothing_more() {
    let Some(scene) = Scene::new("exactly once with a zombie").await else {
        return;
    };
    let hub = scene.hub(&[body(1)], EVENTS);
    let zombie = scene.bridge_with("zombie", "state-of-zombie", &hub, RATE);
    // A partition that it claims only when it goes on would be taken from the second one, which waits for a minute then.
    wait_for("records of the first, and all its claims", SOON, || {
        let is_whole = zombie.metric("hub2siem_eventhub_attached", &[]) == PARTITIONS as f64;
        (is_whole && zombie.metric(DELIVERED, &["delivered"]) >= 1000.0).then_some(())
    });
    let committed = zombie.metric(TRANSACTIONS, &["committed"]);
    zombie.process.signal("STOP");

    let replacement = scene.bridge_with("replacement", "state-of-replacement", &hub, RATE);
    wait_for("records of the second", SOON, || {
        (replacement.metric(DELIVERED, &["delivered"]) >= 1000.0).then_some(())
    });
    zombie.process.signal("CONT");
    wait_for("the first to notice", SOON, || {
        (zombie.metric(TRANSACTIONS, &["fenced"]) >= 1.0).then_some(())
    });
    wait_for("a status that says so", SOON, || {
        let (status, _) = zombie.ready()?;
        (status == 503).then_some(())
    });
    // Left alone it would claim the partitions again after a minute, as who was displaced at the hub does.
    let delivered = replacement.metric(DELIVERED, &["delivered"]);
    wait_for("records of the second beside the first", SOON, || {
        (replacement.metric(DELIVERED, &["delivered"]) >= delivered + 1000.0).then_some(())
    });
    // Those that were begun before it stood still, one for each partition, may have been committed and not confirmed.
    let late = zombie.metric(TRANSACTIONS, &["committed"]) - committed;
    let log = zombie.process.log_text();
    zombie.process.stop();
    wait_until_passed(&replacement, EVENTS);
    replacement.process.stop();

    let messages = scene.delivered().await;
    let found = check(&messages);
    assert_eq!(messages.len(), EVENTS);
    assert_eq!(found.len(), EVENTS);
    assert!(log.contains("partition was claimed by another process"), "{log}");
    eprintln!(
        "{late} transactions were confirmed to the zombie after it went on, of {PARTITIONS} partitions"
    );
}
