//! Room is made beside a bridge that waits for it.

use std::collections::BTreeSet;
use std::fs::File;

use serde_json::Value;

use super::harness::{LATER, Receiver, TOKEN, wait_for};
use super::letters::segments;
use super::scene::{EVENT, Scene};

const ITEMS: usize = 240;

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
            // What health says may be of before the last purge, and the file is there only since: it is closed at the limit.
            let is_said = status == 503 && body.contains("limit of 64KiB");
            ((is_said && is_closed(&scene)) || settled() == ITEMS).then_some(())
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
    // Letters are on disk before they are counted.
    wait_for(
        "a bridge that is ready, and the count of every letter",
        LATER,
        || {
            let (status, _) = bridge.ready()?;
            (status == 200 && settled() == ITEMS).then_some(())
        },
    );
    bridge.process.stop();
}

/// Whether there is a segment, and nobody writes it.
fn is_closed(scene: &Scene) -> bool {
    let newest = segments(scene.path())
        .pop()
        .and_then(|path| File::open(path).ok());
    newest.is_some_and(|file| file.try_lock_shared().is_ok())
}
