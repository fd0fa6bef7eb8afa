//! Instances that join, leave, die and stand still.

use super::fleet::{Fleet, PARTITIONS};
use super::harness::{SOON, wait_for};

/// Scenario: one instance reads a busy hub; three join; one leaves, one is killed, one joins again.
/// Guarantees: everything is read at any time by one instance each, equally many; who leaves gives its partitions back at
/// once, who dies loses them when they expire, and both within two intervals from then; nothing is lost; a move repeats no
/// more than the window and what settled since the last checkpoint.
#[test]
fn join_leave_and_kill() {
    let Some(mut fleet) = Fleet::new("instances that join, leave and die", 500) else {
        return;
    };
    fleet.join("a");
    fleet.settle(false);
    fleet.receive(500);
    for name in ["b", "c", "d"] {
        fleet.join(name);
    }
    fleet.settle(false);
    fleet.receive(500);

    let before = fleet.claims().len();
    fleet.leave("a");
    fleet.settle(false);
    let after = fleet.claims();
    assert!(
        after[before..].iter().all(|claim| claim.origin != "expired"),
        "what was given back need not expire: {:?}",
        &after[before..]
    );
    fleet.receive(500);

    fleet.kill("b");
    fleet.settle(true);
    let expired = fleet
        .claims()
        .iter()
        .filter(|claim| claim.origin == "expired")
        .count();
    assert!(
        (1..=PARTITIONS / 3 + 1).contains(&expired),
        "{expired} partitions expired"
    );
    fleet.receive(500);

    fleet.join("e");
    fleet.settle(false);
    fleet.receive(500);
    fleet.finish();
}

/// Scenario: one of four instances stands still for longer than the expiry, holding records and connections, and goes on.
/// Guarantees: the others take its partitions over; it finds out, reads none of them on, moves no position back, and comes
/// to its share again; nothing is lost.
#[test]
fn one_stands_still() {
    let Some(mut fleet) = Fleet::new("an instance that stands still", 400) else {
        return;
    };
    for name in ["a", "b", "c", "d"] {
        fleet.join(name);
    }
    fleet.settle(false);
    fleet.receive(500);

    let losses = |fleet: &Fleet| {
        let lost = fleet.instances["a"].messages("partition is read by another instance");
        lost.count()
    };
    let lost = losses(&fleet);
    fleet.instances["a"].bridge.process.signal("STOP");
    fleet.settle_among(&["b", "c", "d"], true);
    fleet.receive(500);
    let before = fleet.checkpoints();
    fleet.instances["a"].bridge.process.signal("CONT");
    wait_for("the instance to notice", SOON, || {
        (losses(&fleet) == lost + PARTITIONS / 4).then_some(())
    });
    let mut highest = before;
    fleet.settle(false);
    for _ in 0..5 {
        fleet.receive(200);
        let now = fleet.checkpoints();
        for (partition, stored) in &now {
            let before = highest.get(partition).copied().unwrap_or(-1);
            assert!(*stored >= before, "partition {partition} went back to {stored}");
        }
        highest = now;
    }
    fleet.finish();
}
