//! What the cluster and the hub do under load.

use super::delivered::{check, check_once};
use super::harness::{LATER, SOON, wait_for};
use super::scene::{Scene, body, wait_until_passed};

const EVENTS: usize = 40_000;
const DELIVERED: &str = "hub2siem_deliver_records_total";

/// Scenario: the only broker is stopped, killed and frozen under load, and comes back each time.
/// Guarantees: the bridge goes on by itself, and each record is there exactly once, in order.
#[tokio::test(flavor = "multi_thread")]
async fn a_broker_comes_back() {
    let Some(mut scene) = Scene::new("exactly once over restarts of a broker").await else {
        return;
    };
    let hub = scene.hub(&[body(1)], EVENTS);
    let bridge = scene.bridge("bridge", "state", &hub);
    for round in 1..=3 {
        let goal = f64::from(round) * 4000.0;
        wait_for("records before the outage", LATER, || {
            (bridge.metric(DELIVERED, &["delivered"]) >= goal).then_some(())
        });
        match round {
            1 => scene.broker.restart().await,
            2 => {
                scene.broker.kill().await;
                scene.broker.resume().await;
            }
            _ => {
                scene.broker.freeze();
                tokio::time::sleep(std::time::Duration::from_secs(3)).await;
                scene.broker.unfreeze();
            }
        }
    }
    wait_until_passed(&bridge, EVENTS);
    bridge.process.stop();
    let messages = scene.delivered().await;
    assert_eq!(check(&messages).len(), EVENTS);
    assert_eq!(messages.len(), EVENTS);
}

/// Scenario: some events hold a record that the topic does not take, between others that it does; what it takes at once is
/// less than a transaction brings.
/// Guarantees: that record alone is in the dead letters, all others are in the topic exactly once.
#[tokio::test(flavor = "multi_thread")]
async fn a_refused_record_stops_no_other() {
    let Some(scene) = Scene::new("exactly once with refused records").await else {
        return;
    };
    scene
        .broker
        .configure_topic(super::scene::TOPIC, &[("max.message.bytes", "20000")])
        .await;
    let large = body(3).replacen("Ports should be closed", &noise(40_000), 1);
    let mut lines = vec![body(2); 50];
    lines[25] = large;
    let repeat = 4;
    let hub = scene.hub(&lines, repeat);
    let bridge = scene.bridge("bridge", "state", &hub);
    wait_for("everything passed", LATER, || {
        let records = bridge.metric(DELIVERED, &["delivered"]) + bridge.metric(DELIVERED, &["rejected"]);
        (records >= (101 * repeat) as f64).then_some(())
    });
    bridge.process.stop();
    let messages = scene.delivered().await;
    check(&messages);
    assert_eq!(messages.len(), 100 * repeat);
    let letters = scene.dead_letters("state");
    assert_eq!(letters.len(), repeat);
    for letter in letters {
        assert_eq!(letter["reason"], "too_large", "{letter}");
        assert_eq!(letter["record_index"], 0, "{letter}");
        assert_eq!(letter["target"], "lake", "{letter}");
    }
}

/// Scenario: the hub is made anew while no bridge runs, and holds other events under the same numbers.
/// Guarantees: the positions of the old one say nothing about it: it is read from its beginning.
#[tokio::test(flavor = "multi_thread")]
async fn a_new_hub_is_read_from_its_beginning() {
    let Some(scene) = Scene::new("exactly once with a hub that is made anew").await else {
        return;
    };
    for round in 1..=2 {
        let hub = scene.hub(&[body(1)], 400 / round);
        let bridge = scene.bridge(&format!("bridge-{round}"), "state", &hub);
        wait_for("everything delivered", SOON, || {
            let records = bridge.metric(DELIVERED, &["delivered"]);
            (records == (400 / round) as f64).then_some(())
        });
        bridge.process.stop();
        // Nothing is left, so a bridge that begins again brings nothing.
        let bridge = scene.bridge(&format!("bridge-{round}-again"), "another-state", &hub);
        wait_for("all attached", SOON, || {
            let (status, _) = bridge.ready()?;
            (status == 200).then_some(())
        });
        bridge.process.stop();
    }
    let messages = scene.delivered().await;
    check_once(&messages);
    assert_eq!(messages.len(), 600);
}

/// Text that no compression makes small.
fn noise(bytes: usize) -> String {
    (0..bytes)
        .map(|_| char::from(rand::random_range(b'a'..=b'z')))
        .collect()
}
