//! Faults that must not move partitions, and a reader that has no right to them.

use std::thread;
use std::time::Duration;

use super::fleet::{Fleet, PARTITIONS, WINDOW};
use super::harness::{LATER, SOON, wait_for};
use super::instance::Instance;

/// How an instance says that a reader has no right to a partition.
const TAKEN: &str = "partition was taken at the hub";

/// What the target is away for beyond the expiry; longer, and the answers to questions that wait would come too late.
const BEYOND: Duration = Duration::from_secs(5);

/// Scenario: the receiver of two instances is away for longer than the expiry, so that both hold all they may.
/// Guarantees: neither loses a partition; once it is back everything arrives.
#[test]
fn an_outage_of_the_target_moves_nothing() {
    let Some(mut fleet) = Fleet::new("an outage of the target of two instances", 600) else {
        return;
    };
    fleet.join("a");
    fleet.join("b");
    fleet.settle(false);
    fleet.receive(500);
    let (owners, claims) = (fleet.owners(), fleet.claims().len());
    fleet.receiver.process.signal("STOP");
    for instance in fleet.instances.values() {
        wait_for("an intake that stands still", SOON, || {
            let held = instance.bridge.metric("hub2siem_acknowledge_window_events", &[]);
            // The last sixteenth is shared out to nobody.
            (held >= f64::from(WINDOW) * 15.0 / 16.0).then_some(())
        });
    }
    // A state that lasts is the point here, so this waits for a time: the one after which what is not renewed is lost.
    thread::sleep(fleet.expiry() + BEYOND);
    assert_eq!(fleet.owners(), owners, "nothing moved");
    assert_eq!(fleet.claims().len(), claims, "nothing was claimed");
    fleet.receiver.process.signal("CONT");
    fleet.receive(500);
    assert_eq!(fleet.owners(), owners, "nothing moved");
    fleet.finish();
}

/// Scenario: the blob store stands still for more than twice the expiry, and comes back.
/// Guarantees: what is read is read on meanwhile; afterwards everything is owned once, and nothing is lost.
#[test]
fn an_outage_of_the_store_stops_nothing() {
    let Some(mut fleet) = Fleet::new("an outage of the blob store", 400) else {
        return;
    };
    fleet.join("a");
    fleet.join("b");
    fleet.settle(false);
    let before = fleet.ledger.total();
    fleet.azurite.freeze();
    fleet.receive(400 * (2 * fleet.expiry().as_secs()));
    fleet.azurite.unfreeze();
    fleet.settle(true);
    // What expired may be claimed by the other one before the positions are stored again.
    fleet.unstored = (fleet.ledger.total() - before) / PARTITIONS as u64;
    fleet.receive(500);
    fleet.finish();
}

/// Scenario: a second instance uses the same consumer group with another container, so neither sees what the other owns.
/// Guarantees: whoever is displaced takes the partition back once, for it may have been a late instance of its own fleet; the
/// second time it says so, names the other, is not ready, and leaves the partition alone.
#[test]
fn two_fleets_do_not_fight() {
    let Some(mut fleet) = Fleet::new("two fleets on one consumer group", 400) else {
        return;
    };
    fleet.join("mine");
    fleet.settle(false);
    fleet.container = "another";
    fleet.join("theirs");
    let theirs = fleet.instances["theirs"].owner_id.clone();
    let mine = &fleet.instances["mine"];
    wait_for("every partition to be taken", LATER, || {
        (errors(mine) >= PARTITIONS).then_some(())
    });
    let detail = mine.messages(TAKEN).last();
    let detail = detail.expect("it was counted").to_string();
    assert!(detail.contains(&theirs), "it names {theirs}: {detail}");
    wait_for("a status that says so", SOON, || {
        let (status, body) = mine.bridge.ready()?;
        (status == 503 && body.contains("does not own it")).then_some(())
    });
    fleet.receive(2_000);
    let count = |name: &str| fleet.instances[name].messages(TAKEN).count();
    assert_eq!(
        (count("mine"), count("theirs")),
        (2 * PARTITIONS, PARTITIONS),
        "it went on fighting"
    );
}

/// Of how many partitions an instance says that they were taken again.
fn errors(instance: &Instance) -> usize {
    let errors = instance.messages(TAKEN);
    errors.filter(|line| line["level"] == "ERROR").count()
}
