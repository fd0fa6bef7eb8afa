//! A link that comes after its partition was lost.

use std::time::Duration;

use super::fleet::{Fleet, PARTITIONS, SHORT_EXPIRY};
use super::harness::{LATER, SOON, wait_for};
use super::proxy::Mode;

/// Less than the minute that an instance leaves to strangers.
const NO_STRANGER: Duration = Duration::from_secs(45);

/// Scenario: the connections of an instance break; it asks the store, its partitions are still its own, and the new connections
/// take long. Meanwhile another instance takes the partitions over, because the first renews rarely. Then the links come
/// through after all, and take the partitions from their owner.
/// Guarantees: the late instance asks again, sees that they are another's, and reads nothing; the owner has them back within
/// seconds, and not after the minute that it leaves to strangers; nothing is lost.
#[test]
fn a_late_link_is_given_back() {
    let Some(mut fleet) = Fleet::new("links that come after a loss", 400) else {
        return;
    };
    let proxy = fleet.break_the_way_to_the_hub();
    fleet.join_slowly("late");
    wait_for("every partition", LATER, || {
        fleet.is_balanced_among(&["late"]).then_some(())
    });
    fleet.receive(300);
    fleet.runtime.block_on(async {
        proxy.set(Mode::Stall).await;
        proxy.reset_connections().await;
    });
    let count = |fleet: &Fleet, name: &str, message: &str| fleet.instances[name].messages(message).count();
    wait_for("the broken connections to be noticed", SOON, || {
        (count(&fleet, "late", "partition detached") >= PARTITIONS).then_some(())
    });
    fleet.mend_the_way_to_the_hub();
    // A connection that is not made within half a minute is tried again, and the store is asked before that.
    fleet.expiry = SHORT_EXPIRY;
    fleet.join("owner");
    fleet.settle_among(&["owner"], true);

    fleet.runtime.block_on(proxy.set(Mode::Pass));
    wait_for("a link that comes late", SOON, || {
        (count(&fleet, "owner", "partition was taken at the hub") >= 1).then_some(())
    });
    wait_for("the owner to read everything again", NO_STRANGER, || {
        let lost = count(&fleet, "late", "partition is read by another instance");
        (lost == PARTITIONS && fleet.is_balanced_among(&["owner"])).then_some(())
    });
    let attached = count(&fleet, "late", "partition attached");
    assert_eq!(attached, PARTITIONS, "it read what it had lost");
    fleet.receive(300);
    fleet.finish();
}
