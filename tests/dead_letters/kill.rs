//! Replays that are killed, beside a bridge that goes on writing letters.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::File;

use serde_json::Value;

use super::harness::{LATER, Receiver, TOKEN, wait_for};
use super::ledger::Tail;
use super::letters::{letters, marked, segments};
use super::scene::{EVENT, Scene, wait_for_letters};

const ITEMS: usize = 6_000;
const KILLS: usize = 8;
/// Letters that are open at least when a replay begins: more than it sends before it is killed.
const OPEN_LEAST: usize = 600;

/// Scenario: events flow; a target that is given up gets dead letters for all of them, another one the records. Meanwhile the
/// letters are replayed by a process that is killed eight times at unlike moments, until one has finished.
/// Guarantees: every letter arrived at the target at least once with its id; whatever is marked as done had been
/// acknowledged before, at each kill; a kill repeats at most what was on its way; the bridge writes every letter and
/// delivers every record as if nobody else were there. Then purge removes the segments, but not the one being written.
#[test]
fn killed_replays_lose_nothing() {
    let scene = Scene::new(&[EVENT], ITEMS, &["--rate", "1500"]);
    let live = Receiver::start(scene.path(), "live", 0, TOKEN);
    let back = Receiver::start(scene.path(), "back", 0, TOKEN);
    let targets = |more| scene.splunk("live", live.address, "") + &scene.splunk("back", back.address, more);
    scene.configure(
        "bridge",
        &scene.letters(", limit: 32MiB"),
        &targets("given_up: true"),
    );
    scene.configure("replay", &scene.letters(", limit: 32MiB"), &targets(""));
    let bridge = scene.bridge("bridge");
    let mut arrived = Arrivals::new(&back);
    let (mut kills, mut interrupted) = (0, 0);
    while kills < KILLS && marked(scene.path()).len() + OPEN_LEAST <= ITEMS {
        wait_for_letters(&bridge, marked(scene.path()).len() + OPEN_LEAST);
        let open = letters(scene.path()).len();
        let goal = arrived.all() + 1 + kills * 7919 % 300;
        let name = format!("replay-{kills}");
        let mut replay = scene.start(&name, "replay", &["replay", "--rate", "600/s"]);
        wait_for("records before the kill", LATER, || {
            // In this order: it may deliver the rest and end between the two.
            let is_running = replay.is_running();
            let is_reached = arrived.all() >= goal;
            assert!(is_reached || is_running, "{}", replay.log_text());
            is_reached.then_some(())
        });
        replay.kill();
        let done = marked(scene.path());
        arrived.check_marks(&letters(scene.path()), &done);
        kills += 1;
        interrupted += usize::from(done.len() < open);
    }
    assert!(
        interrupted >= 3,
        "only {interrupted} of {kills} replays had something left to do"
    );
    wait_for_letters(&bridge, ITEMS);
    let (summary, code) = scene.replay("replay", &["--of", "back"]);
    assert_eq!(
        (code, &summary["refused"], &summary["unsettled"]),
        (Some(0), &0.into(), &0.into()),
        "{summary}"
    );

    let (letters, done) = (letters(scene.path()), marked(scene.path()));
    assert_eq!((letters.len(), done.len()), (ITEMS, ITEMS));
    arrived.check_marks(&letters, &done);
    let repeats = arrived.all() - ITEMS;
    assert!(repeats < kills * 2 * OPEN_LEAST, "{repeats} repeats");
    assert_eq!(scene.list("replay", "open").len(), 0);

    let mut tail = Tail::new(&live.events);
    let mut delivered = BTreeSet::new();
    wait_for("every record at the target that lives", LATER, || {
        tail.read(|line| {
            delivered.insert(event_id(line));
        });
        (delivered.len() == ITEMS).then_some(())
    });
    assert_eq!(bridge.metric("hub2siem_eventhub_reconnects_total", &[]), 0.0);
    assert_eq!(
        bridge.metric("hub2siem_dead_letter_records_total", &[]),
        ITEMS as f64
    );

    let before = segments(scene.path());
    // The bridge closes it at its next look, which is a minute after the start: perhaps just now.
    let last = File::open(&before[before.len() - 1]).expect("it is there");
    let was_written = is_written(&last);
    let purged = scene.run("replay", &["purge"]);
    assert_eq!(purged.code, Some(0), "{}", purged.errors);
    let is_kept = purged.output.contains("the bridge writes it");
    assert!(was_written || !is_kept, "nobody wrote it: {}", purged.output);
    assert!(is_kept || !is_written(&last), "it is written: {}", purged.output);
    assert_eq!(
        segments(scene.path()),
        before[before.len() - usize::from(is_kept)..],
        "only the one that is written stays"
    );
    bridge.process.stop();
    assert_eq!(scene.run("replay", &["purge"]).code, Some(0));
    assert_eq!(segments(scene.path()).len(), 0);
}

/// Whether the bridge writes a segment, also one that was removed.
fn is_written(segment: &File) -> bool {
    let is_locked = segment.try_lock_shared().is_err();
    if !is_locked {
        segment.unlock().expect("the lock is ours");
    }
    is_locked
}

/// What the target acknowledged.
struct Arrivals {
    tail: Tail,
    times: BTreeMap<String, usize>,
}

impl Arrivals {
    fn new(receiver: &Receiver) -> Self {
        Self {
            tail: Tail::new(&receiver.events),
            times: BTreeMap::new(),
        }
    }

    /// Records so far, each as often as it came.
    fn all(&mut self) -> usize {
        let Self { tail, times } = self;
        tail.read(|line| *times.entry(event_id(line)).or_default() += 1);
        times.values().sum()
    }

    /// Whatever is marked has arrived.
    #[track_caller]
    fn check_marks(&mut self, letters: &BTreeMap<String, String>, done: &BTreeSet<String>) {
        self.all();
        for id in done {
            let event_id = letters
                .get(id)
                .unwrap_or_else(|| panic!("{id} is marked and no letter"));
            assert!(
                self.times.contains_key(event_id),
                "{id} is marked and did not arrive"
            );
        }
    }
}

fn event_id(envelope: &[u8]) -> String {
    let envelope: Value = serde_json::from_slice(envelope).expect("an envelope is JSON");
    envelope["fields"]["event_id"]
        .as_str()
        .expect("it has an id")
        .to_owned()
}
