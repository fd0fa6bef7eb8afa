//! Copies of dead letters at a target that refuses some.

use serde_json::Value;
use tokio::net::TcpSocket;

use super::harness::{LATER, Receiver, TOKEN, wait_for};
use super::http_peer::{Hook, Peer};
use super::ledger::{checkpoints, dead_letters};
use super::scene::{EVENT, Scene};

const ITEMS: usize = 60;

/// Scenario: copies go to a target that is away and wants nothing else, by a route that no record passes.
/// Guarantees: every event settles all the same, nothing is delivered there or counted as such, and the bridge ends in order.
#[test]
fn a_target_that_is_away_holds_nothing_back() {
    let scene = Scene::new(&[EVENT], ITEMS, &[]);
    let receiver = Receiver::start(scene.path(), "receiver", 0, TOKEN);
    // Bound and not listening: it refuses, and no other test can get the port.
    let closed = TcpSocket::new_v4().expect("a socket");
    closed
        .bind("127.0.0.1:0".parse().expect("an address"))
        .expect("a port is free");
    let away = closed.local_addr().expect("it is bound");
    let archive = format!(
        "  archive:\n    http: {{ endpoint: 'http://{away}', format: lines }}\n    mapping: native\n    \
         route: {{ $record.key: nothing-but-copies }}\n"
    );
    scene.configure(
        "bridge",
        &(scene.letters("") + ", forward_to: archive"),
        &(scene.splunk("soc", receiver.address, "given_up: true") + &archive),
    );
    let bridge = scene.bridge("bridge");
    wait_for("the positions of every event", LATER, || {
        let stored = checkpoints(scene.path());
        (stored.values().sum::<i64>() == ITEMS as i64 - 2).then_some(())
    });
    // A copy is sent on after its letter is settled.
    wait_for("every copy on its way", LATER, || {
        let waiting = bridge.metric("hub2siem_deliver_in_flight_records", &["target=\"archive\""]);
        (waiting == ITEMS as f64).then_some(())
    });
    let counted = bridge.metric("hub2siem_dead_letter_forwarded_records_total", &[]);
    assert_eq!(counted, 0.0);
    bridge.process.stop();
    assert_eq!(dead_letters(scene.path()).len(), ITEMS);
}

/// Scenario: one target is given up, so each record becomes a letter; copies go to another target, which refuses everything
/// about one item: the record and the copy.
/// Guarantees: the other target gets every other record and every other copy, under ids of their own; the refused copy is
/// counted and makes no letter, the refused record makes one that is not forwarded: there is no loop; every event settles.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_refused_copy_makes_no_letter() {
    let scene = Scene::new(&[EVENT], ITEMS, &[]);
    let receiver = Receiver::start(scene.path(), "receiver", 0, TOKEN);
    let hook = Peer::start(Hook {
        poison: Some(("item-17/".to_owned(), 400)),
        ..Hook::default()
    })
    .await;
    let archive = format!(
        "  archive:\n    http: {{ endpoint: '{}', format: lines }}\n    mapping: native\n",
        hook.endpoint()
    );
    scene.configure(
        "bridge",
        &(scene.letters("") + ", forward_to: archive"),
        &(scene.splunk("soc", receiver.address, "given_up: true") + &archive),
    );
    let bridge = scene.bridge("bridge");
    let forwarded = |outcome: &str| {
        let label = format!("outcome=\"{outcome}\"");
        bridge.metric("hub2siem_dead_letter_forwarded_records_total", &[&label]) as usize
    };
    wait_for("an outcome of every copy", LATER, || {
        (forwarded("delivered") + forwarded("refused") == ITEMS).then_some(())
    });
    wait_for("the positions of every event", LATER, || {
        let stored = checkpoints(scene.path());
        (stored.values().sum::<i64>() == ITEMS as i64 - 2).then_some(())
    });
    assert_eq!(
        (forwarded("delivered"), forwarded("refused"), forwarded("dropped")),
        (ITEMS - 1, 1, 0)
    );
    bridge.process.stop();

    let letters = dead_letters(scene.path());
    let about = |target: &str| letters.iter().filter(|letter| letter["target"] == target).count();
    assert_eq!(
        (letters.len(), about("soc"), about("archive")),
        (ITEMS + 1, ITEMS, 1)
    );
    let records = hook.receiver().records.clone();
    let records = records
        .iter()
        .map(|record| serde_json::from_slice::<Value>(record).expect("it is JSON"));
    let (copies, records): (Vec<_>, Vec<_>) = records.partition(|record| record["kind"] == "dead_letter");
    assert_eq!((copies.len(), records.len()), (ITEMS - 1, ITEMS - 1));
    for copy in &copies {
        let refusal = &copy["dead_letter"];
        assert_eq!(
            (&refusal["target"], &refusal["reason"]),
            (&"soc".into(), &"given_up".into()),
            "{copy}"
        );
        let original = records
            .iter()
            .find(|record| record["event_id"] == refusal["event_id"]);
        assert_eq!(copy["record"], original.expect("its record is there")["record"]);
        assert_ne!(copy["event_id"], refusal["event_id"]);
    }
}
