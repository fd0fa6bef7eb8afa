//! `exactly_once` together with what else may be said of a target.

use std::collections::BTreeSet;

use super::delivered::check;
use super::harness::{LATER, SOON, wait_for};
use super::scene::{PARTITIONS, Scene, body, wait_until_passed};

const DELIVERED: &str = "hub2siem_deliver_records_total";
/// Records of each event.
const RECORDS: usize = 3;

/// Scenario: a target with a limit of its rate, below what comes, is killed under load; then it takes a changed route over
/// while it runs and is stopped under load, before everything held has passed the limit; then it runs without a limit.
/// Guarantees: what waits before the limit moves no position and is read again: each record is there exactly once, in order,
/// all of each event.
#[tokio::test(flavor = "multi_thread")]
async fn a_rate_and_a_reload_move_no_position() {
    const EVENTS: usize = 4_000;
    const RATE: &str = "rate: { records: 300, per: 1s }";
    let Some(scene) = Scene::new("exactly once with a rate").await else {
        return;
    };
    let hub = scene.hub(&[body(RECORDS)], EVENTS);
    let bridge = scene.bridge_with("bridge-0", "state", &hub, RATE);
    wait_for("records before the kill", SOON, || {
        (bridge.metric(DELIVERED, &["delivered"]) >= 700.0).then_some(())
    });
    bridge.process.kill();

    let bridge = scene.bridge_with("bridge-1", "state", &hub, RATE);
    wait_for("records before the reload", SOON, || {
        (bridge.metric(DELIVERED, &["delivered"]) >= 300.0).then_some(())
    });
    let route = format!("{RATE}\nroute: {{ $record.kind: [assessment] }}");
    scene.configure("bridge-1", "state", &route);
    wait_for("the reload", SOON, || {
        (bridge.metric("hub2siem_config_reloads_total", &["applied"]) >= 1.0).then_some(())
    });
    let before = bridge.metric(DELIVERED, &["delivered"]);
    wait_for("records after the reload", SOON, || {
        (bridge.metric(DELIVERED, &["delivered"]) >= before + 300.0).then_some(())
    });
    assert!(
        bridge.metric("hub2siem_deliver_rate_limited_records_total", &[]) > 0.0,
        "nothing waited for the limit"
    );
    bridge.process.stop();

    let bridge = scene.bridge("bridge-2", "state", &hub);
    wait_until_passed(&bridge, EVENTS);
    bridge.process.stop();
    let messages = scene.delivered().await;
    let events = check(&messages);
    assert_eq!(events.len(), EVENTS);
    assert!(events.values().all(|records| *records == RECORDS));
}

/// Scenario: a target that keeps positions is given up after a part, for a while, and then is not any more.
/// Guarantees: what comes meanwhile is in the dead letters and nowhere else; what came before and comes after is in the topic
/// exactly once.
#[tokio::test(flavor = "multi_thread")]
async fn what_comes_while_it_is_given_up_is_in_the_dead_letters() {
    const EVENTS: usize = 3_000;
    let Some(scene) = Scene::new("exactly once with a target that is given up").await else {
        return;
    };
    let hub = scene.hub(&[body(RECORDS)], EVENTS);
    let bridge = scene.bridge_with("bridge-0", "state", &hub, "rate: { records: 500, per: 1s }");
    wait_for("a first part", SOON, || {
        (bridge.metric(DELIVERED, &["delivered"]) >= 500.0).then_some(())
    });
    bridge.process.stop();
    let delivered = scene.delivered().await.len();
    assert!(delivered < EVENTS * RECORDS, "a part is left");

    let bridge = scene.bridge_with("bridge-1", "state", &hub, "given_up: true");
    wait_for("everything passed", LATER, || {
        let dead = bridge.metric(DELIVERED, &["rejected"]);
        (dead >= (EVENTS * RECORDS - delivered) as f64).then_some(())
    });
    bridge.process.stop();
    assert_eq!(scene.delivered().await.len(), delivered, "nothing more is sent");
    let letters = scene.dead_letters("state");
    let ids: BTreeSet<_> = letters
        .iter()
        .map(|letter| letter["event_id"].to_string())
        .collect();
    assert_eq!(ids.len(), letters.len(), "each once");
    assert_eq!(letters.len(), EVENTS * RECORDS - delivered);
    assert!(letters.iter().all(|letter| letter["reason"] == "given_up"));

    let bridge = scene.bridge("bridge-2", "state", &hub);
    wait_for("all attached", SOON, || {
        (bridge.metric("hub2siem_eventhub_attached", &[]) == PARTITIONS as f64).then_some(())
    });
    wait_until_passed(&bridge, EVENTS);
    bridge.process.stop();
    let messages = scene.delivered().await;
    check(&messages);
    assert_eq!(
        messages.len(),
        delivered,
        "the position of the dead letters counts"
    );
    let both = messages
        .iter()
        .filter(|message| ids.contains(&format!("{:?}", message.header("event_id"))));
    assert_eq!(both.count(), 0, "no record is in both");
}
