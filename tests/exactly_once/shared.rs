//! `exactly_once` where several instances share the partitions.

use super::azurite::{Azurite, Container, installed};
use super::delivered::check;
use super::harness::{Bridge, LATER, SOON, wait_for};
use super::scene::{PARTITIONS, Scene, body, wait_until_passed};

/// Records of each event.
const RECORDS: usize = 3;
/// Far below what the hub has, so that every move meets load.
const RATE: &str = "rate: { records: 200, per: 1s }";

fn attached(bridge: &Bridge) -> usize {
    bridge.metric("hub2siem_eventhub_attached", &[]) as usize
}

fn delivered(bridge: &Bridge) -> f64 {
    bridge.metric("hub2siem_deliver_records_total", &["delivered"])
}

/// Scenario: checkpoints are in a container, positions in Kafka. One instance reads all partitions; another joins under load and
/// takes half of them; the first is killed under load, and the other takes the rest; that one is stopped under load, and a third
/// finishes.
/// Guarantees: whoever takes a partition fences the one before and goes on at the position in the cluster, so each record is there
/// exactly once, in order, although a move without `exactly_once` repeats what was settled since the last checkpoint.
#[tokio::test(flavor = "multi_thread")]
async fn partitions_that_move_repeat_nothing() {
    const EVENTS: usize = 8_000;
    let Some(installed) = installed("exactly once with several instances").await else {
        return;
    };
    let Some(scene) = Scene::new("exactly once with several instances").await else {
        return;
    };
    let storage = Azurite::start(&installed).await;
    let hub = scene.hub(&[body(RECORDS)], EVENTS);
    let first = scene.instance("instance-0", &hub, &storage, RATE);
    wait_for("records of the first", SOON, || {
        (attached(&first) == PARTITIONS && delivered(&first) >= 300.0).then_some(())
    });
    let second = scene.instance("instance-1", &hub, &storage, RATE);
    wait_for("an equal share", LATER, || {
        (attached(&first) == PARTITIONS / 2 && attached(&second) == PARTITIONS / 2).then_some(())
    });
    let before = delivered(&first);
    wait_for("records of both", SOON, || {
        (delivered(&first) >= before + 300.0 && delivered(&second) >= 300.0).then_some(())
    });
    first.process.kill();
    wait_for("the rest of the partitions", LATER, || {
        (attached(&second) == PARTITIONS).then_some(())
    });
    let before = delivered(&second);
    wait_for("records of the second", SOON, || {
        (delivered(&second) >= before + 300.0).then_some(())
    });
    second.process.stop();
    let third = scene.instance("instance-2", &hub, &storage, "");
    wait_until_passed(&third, EVENTS);
    third.process.stop();

    let events = check(&scene.delivered().await);
    assert_eq!(events.len(), EVENTS);
    assert!(events.values().all(|records| *records == RECORDS));
}

/// Scenario: another consumer left a checkpoint with an offset and no number, and the cluster has no position yet.
/// Guarantees: reading goes on at that offset: the event there comes once more, and nothing that is before it.
#[tokio::test(flavor = "multi_thread")]
async fn an_offset_of_another_consumer_counts() {
    const EACH: i64 = 10;
    let Some(installed) = installed("exactly once after another consumer").await else {
        return;
    };
    let Some(scene) = Scene::new("exactly once after another consumer").await else {
        return;
    };
    let storage = Azurite::start(&installed).await;
    let hub = scene.hub(&[body(1)], PARTITIONS * EACH as usize);
    let (_, host) = hub.connection_string.split_once("sb://").expect("it has one");
    let host = host.split([';', '/']).next().expect("it begins with it");
    let container = Container::new(&storage, "checkpoints");
    container.create().await;
    for partition in 0..PARTITIONS {
        let name = format!("{host}/defender/$default/checkpoint/{partition}");
        container.put(&name, &[("offset", "16384")]).await;
    }
    let bridge = scene.instance("instance-0", &hub, &storage, "");
    let expected: Vec<_> = (4..EACH).collect();
    wait_for("what follows the offset", SOON, || {
        (delivered(&bridge) as usize >= PARTITIONS * expected.len()).then_some(())
    });
    bridge.process.stop();

    let events = check(&scene.delivered().await);
    for partition in 0..PARTITIONS {
        let numbers = events.keys().filter(|(of, _)| *of == partition.to_string());
        assert_eq!(numbers.map(|(_, number)| *number).collect::<Vec<_>>(), expected);
    }
}
