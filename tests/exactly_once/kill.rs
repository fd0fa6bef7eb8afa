//! SIGKILL under load.

use super::delivered::check;
use super::harness::{SOON, wait_for};
use super::kafka_broker::Isolation;
use super::scene::{PARTITIONS, POSITIONS, Scene, TOPIC, body, broken, wait_until_passed};

/// Kills in every run; `HUB2SIEM_KILLS` asks for another number.
const KILLS: u64 = 10;
/// Records of the events in turn, and what is no JSON besides.
const SHAPES: [(usize, usize); 8] = [(1, 0), (3, 0), (1, 0), (0, 1), (1, 0), (5, 0), (1, 1), (1, 0)];
/// So often the shapes are repeated for each kill, so that every one meets load.
const REPEAT_PER_KILL: usize = 400;

/// Scenario: a hub full of events of one record, of several, of none that can be read and of both; the bridge is killed again and
/// again at unlike moments and started again, then left alone.
/// Guarantees: a reader of committed messages sees each record exactly once, in the order of its partition of the hub;
/// everything that is no JSON is in the dead letters; and uncommitted messages show that kills met open transactions.
#[tokio::test(flavor = "multi_thread")]
async fn kills_neither_lose_nor_repeat() {
    let Some(scene) = Scene::new("exactly once over kills").await else {
        return;
    };
    let lines: Vec<String> = SHAPES
        .iter()
        .map(|shape| match shape {
            (0, _) => broken(),
            (records, 0) => body(*records),
            (records, _) => format!("{} {}", body(*records), broken()),
        })
        .collect();
    let kills = std::env::var("HUB2SIEM_KILLS").map_or(KILLS, |text| text.parse().expect("a number"));
    let repeat = REPEAT_PER_KILL * kills as usize;
    let hub = scene.hub(&lines, repeat);
    for kill in 0..kills {
        let bridge = scene.bridge(&format!("bridge-{kill}"), "state", &hub);
        let goal = 300.0 + (rand::random_range(0..2000) as f64);
        wait_for("records before the kill", SOON, || {
            (bridge.metric("hub2siem_deliver_records_total", &["delivered"]) >= goal).then_some(())
        });
        bridge.process.kill();
    }

    let bridge = scene.bridge("bridge-last", "state", &hub);
    let events = SHAPES.len() * repeat;
    wait_until_passed(&bridge, events);
    bridge.process.stop();

    let messages = scene.delivered().await;
    let found = check(&messages);
    let records: usize = SHAPES.iter().map(|(records, _)| records).sum::<usize>() * repeat;
    assert_eq!(messages.len(), records);
    for number in 0..events {
        let key = ((number % PARTITIONS).to_string(), (number / PARTITIONS) as i64);
        let (expected, _) = SHAPES[number % SHAPES.len()];
        assert_eq!(found.get(&key).copied().unwrap_or(0), expected, "event {number}");
    }
    let letters = scene.dead_letters("state");
    let numbers: std::collections::BTreeSet<_> = letters
        .iter()
        .map(|letter| {
            (
                letter["partition"].to_string(),
                letter["sequence_number"].as_i64(),
            )
        })
        .collect();
    assert_eq!(
        numbers.len(),
        2 * repeat,
        "what is no JSON is in the dead letters"
    );
    let all = scene.broker.read(TOPIC, Isolation::Uncommitted).await;
    eprintln!(
        "{kills} kills: {} records, {} in transactions that a kill left open",
        messages.len(),
        all.len() - messages.len()
    );
    assert!(
        !scene
            .broker
            .read(POSITIONS, Isolation::Committed)
            .await
            .is_empty()
    );
}
