//! The receiver is away, or refuses everything.

use std::path::Path;
use std::time::{Duration, Instant};

use super::harness::{Bridge, Hub, LATER, Receiver, SOON, Settings, TOKEN, free_port, get, wait_for};
use super::ledger::Ledger;

pub const PARTITIONS: usize = 3;
pub const ITEMS: usize = 30_000;
const WINDOW: u32 = 2000;

/// Scenario: the receiver dies under load, stays away until the intake stands still, and comes
/// back at the same address without any memory of what it had not acknowledged.
/// Guarantees: the bridge stays up and holds no more than its window; every item arrives.
#[test]
fn receiver_away_loses_nothing() {
    let directory = tempfile::tempdir().expect("a temporary directory");
    let directory = directory.path();
    let hub = full_hub(directory);
    let receiver = Receiver::start(directory, "receiver-1", free_port(), TOKEN);
    let address = receiver.address;
    let mut settings = Settings::new(&hub.connection_string, address);
    settings.window_events = WINDOW;
    settings.acknowledgement_timeout = "5s";
    let mut ledger = Ledger::new(ITEMS, PARTITIONS);
    ledger.follow(&receiver.events);

    let mut bridge = Bridge::start(directory, "bridge", &settings);
    wait_for("a part of the items", SOON, || {
        (ledger.total() > 3000).then_some(())
    });
    receiver.process.kill();
    assert!(
        ledger.total() < ITEMS as u64,
        "all was delivered before the outage: the test needs more items"
    );
    // A pause alone may be a machine that stands still.
    wait_for("a full window", SOON, || {
        let held = bridge.metric("hub2siem_acknowledge_window_events", &[]);
        // The last sixteenth is shared out to nobody.
        (held >= f64::from(WINDOW - WINDOW / 16)).then_some(())
    });
    wait_for_standstill(&bridge);
    assert!(received(&bridge) < ITEMS as f64, "the intake did not stop");
    let held = bridge.metric("hub2siem_acknowledge_window_events", &[]);
    assert!(
        (1.0..=f64::from(WINDOW + PARTITIONS as u32)).contains(&held),
        "{held} events held"
    );
    assert!(bridge.metric("hub2siem_eventhub_lag_events", &[]) > 0.0);
    assert!(bridge.process.is_running());

    let receiver = Receiver::start(directory, "receiver-2", address.port(), TOKEN);
    ledger.follow(&receiver.events);
    wait_for("every item", LATER, || {
        (ledger.total() == ITEMS as u64).then_some(())
    });
    wait_for("readiness", SOON, || {
        bridge.ready().filter(|(status, _)| *status == 200)
    });
    bridge.process.stop();
}

/// Scenario: the receiver does not know the token; later one does.
/// Guarantees: `/readyz` answers 503, names target and reason and says how long it may stay so, as the log does; a metric
/// says it too, nothing is lost or dead-lettered; once the token is known everything arrives and `/readyz` answers 200.
#[test]
fn wrong_token_blocks_until_it_is_known() {
    let directory = tempfile::tempdir().expect("a temporary directory");
    let directory = directory.path();
    let hub = full_hub(directory);
    let receiver = Receiver::start(directory, "receiver-1", free_port(), "another-token");
    let address = receiver.address;
    let settings = Settings::new(&hub.connection_string, address);
    let bridge = Bridge::start(directory, "bridge", &settings);

    let (_, body) = wait_for("a blocked target", SOON, || {
        bridge
            .ready()
            .filter(|(status, body)| *status == 503 && body.contains("soc-splunk"))
    });
    assert!(body.contains("authorization"), "{body}");
    assert!(body.contains("the hub removes what waits in"), "{body}");
    wait_for("the time left in the log", SOON, || {
        bridge
            .process
            .log_text()
            .contains("target is still blocked: the hub removes what waits in")
            .then_some(())
    });
    let labels = ["target=\"soc-splunk\"", "reason=\"authorization\""];
    assert_eq!(bridge.metric("hub2siem_deliver_blocked", &labels), 1.0);
    assert_eq!(
        get(bridge.http, "/healthz").map(|(status, _)| status),
        Some(200),
        "blocked is not dead"
    );
    receiver.process.kill();

    let receiver = Receiver::start(directory, "receiver-2", address.port(), TOKEN);
    let mut ledger = Ledger::new(ITEMS, PARTITIONS);
    ledger.follow(&receiver.events);
    wait_for("every item", LATER, || {
        (ledger.total() == ITEMS as u64).then_some(())
    });
    wait_for("readiness", SOON, || {
        bridge.ready().filter(|(status, _)| *status == 200)
    });
    assert_eq!(bridge.metric("hub2siem_deliver_blocked", &labels), 0.0);
    assert_eq!(bridge.metric("hub2siem_dead_letter_records_total", &[]), 0.0);
    bridge.process.stop();
}

/// Waits until no event came in for a while.
fn wait_for_standstill(bridge: &Bridge) {
    let mut last = (received(bridge), Instant::now());
    wait_for("an intake that stands still", SOON * 2, || {
        let now = received(bridge);
        if now != last.0 {
            last = (now, Instant::now());
        }
        (last.1.elapsed() > Duration::from_secs(2)).then_some(())
    });
}

fn received(bridge: &Bridge) -> f64 {
    bridge.metric("hub2siem_eventhub_received_events_total", &[])
}

/// A hub that holds all items from the start.
pub fn full_hub(directory: &Path) -> Hub {
    let line = r#"{"type":"Microsoft.Security/assessments","id":"/subscriptions/5d1f0b5e-0000-4000-8000-000000000001/providers/Microsoft.Compute/virtualMachines/item-{{sequence}}/providers/Microsoft.Security/assessments/3f8a1c52-6d0b-4e7f-9a41-0b5c2d8e6f17","properties":{"displayName":"Ports should be closed","status":{"code":"Healthy"}}}"#;
    Hub::of(directory, &[line], PARTITIONS, ITEMS)
}
