//! Room is made beside a bridge that waits for it.

use std::collections::BTreeSet;

use serde_json::Value;

use super::harness::{LATER, Receiver, TOKEN, wait_for};
use super::letters::segments;
use super::scene::{EVENT, Scene};

const ITEMS: usize = 240;
const LIMIT_BYTES: u64 = 64 << 10;

/// Scenario: the dead letters reach their limit again and again, and each time an operator exports and purges them.
/// Guarantees: intake stops and says why, and goes on by itself after each purge; every item has one letter, which was there
/// to be exported; without `--yes` nothing is removed.
#[test]
fn intake_stops_at_the_limit_and_goes_on_after_a_purge() {
    let scene = Scene::new(&[EVENT], ITEMS, &[]);
    let receiver = Receiver::start(scene.path(), "receiver", 0, TOKEN);
    scene.configure(
        "bridge",
        &scene.letters(", limit: 64KiB"),
        &scene.splunk("soc", receiver.address, "given_up: true"),
    );
    let bridge = scene.bridge("bridge");
    let settled = || bridge.metric("hub2siem_dead_letter_records_total", &[]) as usize;
    let mut exported = BTreeSet::new();
    let mut rounds = 0;
    while exported.len() < ITEMS {
        wait_for("the limit, or the last letter", LATER, || {
            let (status, body) = bridge.ready()?;
            // What health says may be of before the last purge. It is taken back with the first letter that is written
            // after that, so beside files that have grown again it is new.
            let is_said = status == 503 && body.contains("limit of 64KiB");
            let is_full = is_said && bytes(&scene) > LIMIT_BYTES / 2;
            (is_full || settled() == ITEMS).then_some(())
        });
        let export = scene.run("bridge", &["export"]);
        assert_eq!(export.code, Some(0), "{}", export.errors);
        for line in export.output.lines() {
            let letter: Value = serde_json::from_str(line).expect("one object a line");
            let id = letter["event_id"].as_str().expect("it has an id").to_owned();
            assert!(exported.insert(id), "it had been purged: {line}");
        }
        let asked = scene.run("bridge", &["purge", "--all"]);
        assert_eq!(asked.code, Some(64), "{}", asked.errors);
        assert!(asked.errors.contains("--yes"), "{}", asked.errors);
        let purged = scene.run("bridge", &["purge", "--all", "--yes"]);
        assert_eq!(purged.code, Some(0), "{}", purged.errors);
        rounds += 1;
    }
    assert!(rounds >= 3, "the limit was met {} times", rounds - 1);
    wait_for("a bridge that is ready", LATER, || {
        bridge.ready().filter(|(status, _)| *status == 200)
    });
    assert_eq!(settled(), ITEMS);
    bridge.process.stop();
}

fn bytes(scene: &Scene) -> u64 {
    let sizes = segments(scene.path())
        .into_iter()
        .map(|path| path.metadata().map_or(0, |file| file.len()));
    sizes.sum()
}
