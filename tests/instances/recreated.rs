//! A hub that is deleted and made anew under several instances.

use super::fleet::Fleet;

/// Scenario: two instances have read everything when their hub is deleted and made anew; it gets events, and one of the
/// instances leaves.
/// Guarantees: each reads its partitions of the new hub from the first event on; the positions are those of the new hub, also
/// for who takes a partition over; nothing moves before that, and nothing is lost.
#[test]
fn a_new_hub_is_read_from_its_beginning() {
    let Some(mut fleet) = Fleet::new("a hub that is made anew under two instances", 400) else {
        return;
    };
    fleet.join("a");
    fleet.join("b");
    fleet.settle(false);
    fleet.receive(1000);
    fleet.drain();
    fleet.store();
    let (owners, claims) = (fleet.owners(), fleet.claims().len());
    fleet.feed.recreate();
    fleet.feed.resume(&fleet.runtime);
    fleet.receive(500);
    assert_eq!(fleet.owners(), owners, "nothing moved");
    assert_eq!(fleet.claims().len(), claims, "nothing was claimed");
    fleet.leave("a");
    fleet.settle(false);
    fleet.receive(300);
    fleet.finish();
}
