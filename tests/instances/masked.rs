//! A theft that looks like a fault of the network.

use super::fleet::{Fleet, PARTITIONS};
use super::harness::{LATER, SOON, wait_for};

/// Scenario: another instance writes itself down as the owner of half of the partitions, and in the same moment every connection
/// to the hub breaks, so that no word of the theft comes through. The next renewal is more than a minute away.
/// Guarantees: what is another's is not attached again, what is ours is; nothing was renewed or listed for that.
#[test]
fn what_was_stolen_is_not_attached_again() {
    let Some(mut fleet) = Fleet::new("a theft that looks like a fault", 400) else {
        return;
    };
    let proxy = fleet.break_the_way_to_the_hub();
    fleet.join_slowly("mine");
    wait_for("every partition", LATER, || {
        fleet.is_balanced_among(&["mine"]).then_some(())
    });
    fleet.receive(500);
    let stolen = 0..PARTITIONS / 2;
    for partition in stolen.clone() {
        fleet.take_over(partition, "somebody-else");
    }
    fleet.runtime.block_on(proxy.reset_connections());
    let mine = &fleet.instances["mine"];
    wait_for(
        "the losses to be noticed, and the rest to be attached",
        SOON,
        || {
            let lost = mine.messages("partition is read by another instance").count();
            (lost == stolen.len() && mine.shares() == (PARTITIONS - lost, PARTITIONS - lost)).then_some(())
        },
    );
    let attached = |partition: usize| {
        let partition = partition.to_string();
        let lines = mine.messages("partition attached");
        lines.filter(|line| line["partition"] == *partition).count()
    };
    for partition in 0..PARTITIONS {
        let times = if stolen.contains(&partition) { 1 } else { 2 };
        assert_eq!(attached(partition), times, "partition {partition}");
    }
    let (status, body) = mine.bridge.ready().expect("it answers");
    assert_eq!(status, 200, "{body}");
    assert_eq!(fleet.owners()[&0], "somebody-else", "it was not taken back");
}
