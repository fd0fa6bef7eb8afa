//! An instance that is well but for its way to the hub.

use super::fleet::{Fleet, PARTITIONS};
use super::harness::{LATER, SOON, wait_for};
use super::proxy::Mode;

/// Scenario: of two instances one loses its way to the hub, and nothing else: the process runs on and reaches the blob store.
/// Later the way is back.
/// Guarantees: it does not keep what it cannot read: after the time that a link may be away, and the expiry, the other one
/// reads everything; it claims nothing while it cannot read; then it has its share again, and nothing is lost.
#[test]
fn who_cannot_read_owns_nothing() {
    let Some(mut fleet) = Fleet::new("an instance whose way to the hub is broken", 400) else {
        return;
    };
    let proxy = fleet.break_the_way_to_the_hub();
    fleet.join("cut");
    fleet.mend_the_way_to_the_hub();
    fleet.join("well");
    fleet.settle(false);
    fleet.receive(300);

    let claims = |fleet: &Fleet, name: &str| fleet.instances[name].claims();
    let before = claims(&fleet, "cut").len();
    fleet.runtime.block_on(async {
        proxy.set(Mode::Refuse).await;
        proxy.reset_connections().await;
    });
    wait_for(
        "the other instance to read everything",
        2 * fleet.expiry() + SOON,
        || fleet.is_balanced_among(&["well"]).then_some(()),
    );
    let expired = claims(&fleet, "well");
    let expired = expired.iter().filter(|claim| claim.origin == "expired").count();
    assert_eq!(expired, PARTITIONS / 2, "what it could not read");
    fleet.receive(300);
    assert_eq!(claims(&fleet, "cut").len(), before, "it cannot read");

    fleet.runtime.block_on(proxy.set(Mode::Pass));
    // It tried ever more rarely while the way was broken, at last once a minute.
    wait_for("equal shares", LATER, || {
        fleet.is_balanced_among(&["cut", "well"]).then_some(())
    });
    fleet.receive(300);
    fleet.finish();
}
