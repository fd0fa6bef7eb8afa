//! What `strategy: balanced` and `start: latest` mean to several instances.

use std::time::Duration;

use super::fleet::{Fleet, PARTITIONS};
use super::harness::{SOON, wait_for};
use super::instance::Instance;

/// Items that the hub gets in a second.
const RATE: u64 = 400;

/// Scenario: two instances with `strategy: balanced` and `start: latest` start at once, on a hub that has events and gets more.
/// Guarantees: each claims one partition an interval, until they have equal shares. Every partition is read from the moment at
/// which the group began, without a hole, also those that were claimed long after it, and nothing of before.
#[test]
fn one_claim_an_interval_from_the_newest_event_on() {
    let Some(mut fleet) = Fleet::new("balanced instances that start with the newest events", RATE) else {
        return;
    };
    (fleet.strategy, fleet.start) = ("balanced", "latest");
    let before = wait_for("events of before", SOON, || {
        let appended = fleet.feed.appended();
        (appended >= RATE).then_some(appended)
    });
    fleet.join("a");
    fleet.join("b");
    // Who writes down where the group begins claims nothing before that is done.
    let begun = wait_for("a claim of each", SOON, || {
        let mut instances = fleet.instances.values();
        let is_begun = instances.all(|instance| !instance.claims().is_empty());
        is_begun.then(|| fleet.feed.appended())
    });
    fleet.settle(false);
    for instance in fleet.instances.values() {
        check_claims(instance);
    }
    fleet.receive(3 * RATE);

    let firsts: Vec<_> = (0..PARTITIONS)
        .map(|partition| first(&fleet, partition))
        .collect();
    eprintln!("first events {firsts:?}");
    let (lowest, highest) = (firsts.iter().min(), firsts.iter().max());
    let (lowest, highest) = (
        *lowest.expect("there are some"),
        *highest.expect("there are some"),
    );
    assert!(
        lowest >= before / PARTITIONS as u64,
        "an event of before was read"
    );
    // The last partition is claimed seconds after the first one.
    assert!(
        highest <= begun / PARTITIONS as u64 + 1,
        "{firsts:?} is not the moment of {begun} items"
    );
    fleet.unread = firsts.iter().sum();
    fleet.finish();
}

/// Each claim comes with a cycle of its own, and these begin an interval after each other, which may be a fifth shorter. A claim
/// may come late within its cycle, so the time counts from before the first one.
#[track_caller]
fn check_claims(instance: &Instance) {
    let times: Vec<jiff::Timestamp> = instance
        .claims()
        .iter()
        .map(|claim| claim.time.parse().expect("it is a time"))
        .collect();
    let last = times.last().expect("it claims something");
    let mut told = instance.messages("partitions are shared");
    let begun = told.next().expect("it says so");
    let begun = begun["timestamp"].as_str().expect("a line has a time");
    let begun: jiff::Timestamp = begun.parse().expect("it is a time");
    let took = Duration::try_from(last.duration_since(begun)).expect("time goes on");
    let least = Duration::from_millis(750) * (times.len() as u32 - 1);
    assert!(took >= least, "{} claims in {took:?}", times.len());
}

/// The number of the first event of a partition that arrived.
#[track_caller]
fn first(fleet: &Fleet, partition: usize) -> u64 {
    let mut arrivals = fleet.ledger.arrivals.iter().skip(partition).step_by(PARTITIONS);
    let first = arrivals.position(|times| *times > 0);
    first.expect("the partition is read") as u64
}
