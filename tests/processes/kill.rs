//! SIGKILL under load.

use std::collections::HashMap;
use std::path::Path;
use std::time::Duration;

use super::audited::audit;
use super::harness::{Bridge, Hub, LATER, Receiver, SOON, Settings, TOKEN, wait_for};
use super::ledger::{Ledger, checkpoints, dead_letters, item, letter_body};

const PARTITIONS: usize = 4;
const KILLS: u64 = 20;
/// Small, so that a kill meets a full window and a repeat is noticed.
const WINDOW: u32 = 1000;
/// Far more than the runs before the last one deliver, also where each wait takes seconds longer.
const ITEMS: usize = 80_000;
/// One item in this many is no JSON and must end in the dead letters.
const BROKEN_EVERY: usize = 25;
/// At every fourth kill the bridge gets the time to store a position first, so that the test moves on.
const STORED_EVERY: u64 = 4;
/// The bridge stores positions every 5 s; a busy machine may take longer.
const STORED_WITHIN: Duration = Duration::from_secs(30);

/// Scenario: a hub full of items, some of them broken; the bridge is killed 20 times at unlike moments and started
/// again, then left alone.
/// Guarantees: every item is at the receiver or, if broken, in the dead letters; nothing stored is ahead of what
/// arrived; nothing at or below a stored position is sent again; a kill repeats at most the window and what was
/// settled since the position was stored.
#[test]
fn twenty_kills_lose_nothing() {
    let directory = tempfile::tempdir().expect("a temporary directory");
    let directory = directory.path();
    let hub = full_hub(directory);
    let receiver = Receiver::start(directory, "receiver", 0, TOKEN);
    let mut settings = Settings::new(&hub.connection_string, receiver.address);
    settings.window_events = WINDOW;
    let mut ledger = Ledger::new(ITEMS, PARTITIONS);
    ledger.follow(&receiver.events);
    let mut watch = Watch::default();

    for kill in 0..KILLS {
        let bridge = Bridge::start(directory, &format!("bridge-{kill}"), &settings);
        let goal = watch.distinct() + 50 + kill * 7919 % 900;
        let stored = watch.stored.clone();
        let moved = kill % STORED_EVERY == STORED_EVERY - 1;
        wait_for("progress before the kill", SOON + STORED_WITHIN, || {
            watch.look(directory, &mut ledger);
            (watch.distinct() >= goal && (!moved || watch.stored != stored)).then_some(())
        });
        bridge.process.kill();
        // What the receiver writes only now would be held against the next one.
        receiver.wait_until_alone();
        watch.killed(directory, &mut ledger);
    }

    settings.window_events = 50_000;
    let bridge = Bridge::start(directory, "bridge-last", &settings);
    let whole = (ITEMS - ITEMS / BROKEN_EVERY) as u64;
    wait_for("every whole item at the receiver", LATER, || {
        watch.look(directory, &mut ledger);
        (watch.distinct() == whole).then_some(())
    });
    bridge.process.stop();
    watch.look(directory, &mut ledger);
    watch.check_repeats();
    for partition in 0..PARTITIONS {
        assert_eq!(
            watch.stored[&partition],
            (ITEMS / PARTITIONS) as i64 - 1,
            "position of {partition}"
        );
    }
    check_dead_letters(directory, &ledger);
    check_audit(directory);
    assert!(
        watch.repeats_in_all > 0,
        "20 kills without one repeat: the test did not kill under load"
    );
}

/// A hub that holds all items from the start.
fn full_hub(directory: &Path) -> Hub {
    let whole = r#"{"type":"Microsoft.Security/assessments","id":"/subscriptions/5d1f0b5e-0000-4000-8000-000000000001/resourceGroups/rg/providers/Microsoft.Compute/virtualMachines/item-{{sequence}}/providers/Microsoft.Security/assessments/3f8a1c52-6d0b-4e7f-9a41-0b5c2d8e6f17","name":"3f8a1c52-6d0b-4e7f-9a41-0b5c2d8e6f17","properties":{"displayName":"Ports should be closed","status":{"code":"Unhealthy"}}}"#;
    let broken = r#"{"type":"Microsoft.Security/assessments","id":"item-{{sequence}}","properties":{"#;
    let mut lines = vec![whole; BROKEN_EVERY];
    lines[BROKEN_EVERY - 1] = broken;
    Hub::of(directory, &lines, PARTITIONS, ITEMS / BROKEN_EVERY)
}

fn is_broken(number: usize) -> bool {
    number % BROKEN_EVERY == BROKEN_EVERY - 1
}

/// The audit counts each item once, however often it was sent.
fn check_audit(directory: &Path) {
    let audited = audit(directory);
    assert!(audited.balanced && audited.code == 0, "{}", audited.output);
    let broken = (ITEMS / BROKEN_EVERY) as u64;
    assert_eq!(audited.sum("", "settled"), ITEMS as u64);
    assert_eq!(audited.sum("", "undecodable"), broken);
    assert_eq!(audited.sum("soc-splunk", "delivered"), ITEMS as u64 - broken);
}

fn check_dead_letters(directory: &Path, ledger: &Ledger) {
    let mut letters: HashMap<usize, u32> = HashMap::new();
    for letter in dead_letters(directory) {
        let number = item(&letter_body(&letter)).expect("a dead letter holds the body");
        assert_eq!(letter["kind"], "undecodable", "item {number}");
        *letters.entry(number).or_default() += 1;
    }
    for number in 0..ITEMS {
        let (arrived, buried) = (ledger.arrivals[number] > 0, letters.contains_key(&number));
        assert_eq!(
            (arrived, buried),
            (!is_broken(number), is_broken(number)),
            "item {number}"
        );
    }
}

/// What was seen of positions and arrivals, and what a kill may repeat.
#[derive(Default)]
struct Watch {
    /// Stored position by partition.
    stored: HashMap<usize, i64>,
    /// Items that had surely arrived by the time of that store, by partition: those of the look before.
    arrived_before_store: [u64; PARTITIONS],
    arrived: [u64; PARTITIONS],
    /// Positions at the last kill: nothing at or below them may arrive afterwards.
    floor: HashMap<usize, i64>,
    repeats: u64,
    repeats_allowed: u64,
    repeats_in_all: u64,
}

impl Watch {
    fn distinct(&self) -> u64 {
        self.arrived.iter().sum()
    }

    /// Takes in arrivals, then positions; in this order a position is never credited with later arrivals.
    fn look(&mut self, directory: &Path, ledger: &mut Ledger) {
        ledger.refresh(|number, is_repeat| {
            let (partition, sequence) = (number % PARTITIONS, (number / PARTITIONS) as i64);
            let floor = self.floor.get(&partition).copied().unwrap_or(-1);
            assert!(
                sequence > floor,
                "item {number} was sent again from below position {floor}"
            );
            assert!(!is_broken(number), "item {number} is broken and was delivered");
            self.repeats += u64::from(is_repeat);
        });
        for (partition, position) in checkpoints(directory) {
            if self.stored.insert(partition, position) != Some(position) {
                self.arrived_before_store[partition] = self.arrived[partition];
            }
        }
        self.arrived.copy_from_slice(&ledger.distinct);
    }

    /// After a kill: checks what the last run repeated and what it stored, and says what the next may repeat.
    fn killed(&mut self, directory: &Path, ledger: &mut Ledger) {
        self.look(directory, ledger);
        self.check_repeats();
        for (partition, position) in &self.stored {
            for sequence in 0..=*position {
                let number = sequence as usize * PARTITIONS + partition;
                let missing = !is_broken(number) && ledger.arrivals[number] == 0;
                assert!(
                    !missing,
                    "position {position} of {partition} passed item {number}"
                );
            }
        }
        let since_store: u64 = (0..PARTITIONS)
            .map(|p| self.arrived[p] - self.arrived_before_store[p])
            .sum();
        self.repeats_allowed = u64::from(WINDOW) + since_store;
        self.floor = self.stored.clone();
    }

    fn check_repeats(&mut self) {
        let (repeats, allowed) = (self.repeats, self.repeats_allowed);
        assert!(
            repeats <= allowed,
            "{repeats} repeats after a kill that may cause {allowed}"
        );
        self.repeats_in_all += repeats;
        self.repeats = 0;
    }
}
