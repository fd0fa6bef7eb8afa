//! A look at live events beside a running bridge.

use std::fs;
use std::path::Path;

use serde_json::Value;

use super::harness::{Bridge, Hub, Process, Receiver, SOON, Settings, TOKEN, wait_for};

/// At a thousand a second they outlast the test.
const ITEMS: &str = "1000000";
pub const EVENT: &str = r#"{"type":"Microsoft.Security/assessments","id":"/subscriptions/5d1f0b5e-0000-4000-8000-000000000001/providers/Microsoft.Compute/virtualMachines/item-{{sequence}}/providers/Microsoft.Security/assessments/3f8a1c52-6d0b-4e7f-9a41-0b5c2d8e6f17","properties":{"displayName":"Ports should be closed","status":{"code":"Healthy"}}}"#;

/// Scenario: events flow and a bridge delivers them; meanwhile a preview reads some through a group of its own.
/// Guarantees: the preview prints as many records as asked for and nothing else on standard output; the bridge keeps its
/// links and goes on; the preview stores no position, and makes no directory.
#[test]
fn a_preview_leaves_the_bridge_in_peace() {
    let directory = tempfile::tempdir().expect("a temporary directory");
    let directory = directory.path();
    let (hub, receiver, bridge) = running(directory);
    let delivered = || fs::metadata(&receiver.events).map_or(0, |file| file.len());
    wait_for("the first items", SOON, || (delivered() > 0).then_some(()));
    let state = directory.join("state");
    let before = wait_for("the state of the bridge", SOON, || {
        Some(groups(&state)).filter(|groups| !groups.is_empty())
    });
    let mut preview = preview(directory, &hub, "look", "7");
    let status = preview.wait(SOON);
    assert_eq!(status.code(), Some(0), "{}", preview.log_text());
    let output = fs::read_to_string(&preview.output).expect("it was written");
    let lines: Vec<Value> = output
        .lines()
        .map(|line| serde_json::from_str(line).expect("one record a line"))
        .collect();
    assert_eq!(lines.len(), 7, "{output}");
    assert!(
        lines.iter().all(|line| line["hub"]["name"] == "defender"),
        "{output}"
    );

    let seen = delivered();
    wait_for("more items at the receiver", SOON, || {
        (delivered() > seen).then_some(())
    });
    assert_eq!(bridge.metric("hub2siem_eventhub_reconnects_total", &[]), 0.0);
    assert_eq!(groups(&state), before);
    bridge.process.stop();
}

/// Scenario: the group of the bridge, in other letters. Guarantees: refused with 64, before anything is connected.
#[test]
fn a_preview_refuses_a_group_of_the_configuration() {
    let directory = tempfile::tempdir().expect("a temporary directory");
    let directory = directory.path();
    let (hub, _receiver, bridge) = running(directory);
    let mut preview = preview(directory, &hub, "$DEFAULT", "1");
    assert_eq!(preview.wait(SOON).code(), Some(64), "{}", preview.log_text());
    assert!(
        preview.log_text().contains("is read by this configuration"),
        "{}",
        preview.log_text()
    );
    bridge.process.stop();
}

fn preview(directory: &Path, hub: &Hub, group: &str, events: &str) -> Process {
    let config = directory.join("bridge.yaml");
    let config = config.to_str().expect("temporary paths are UTF-8");
    let arguments = [
        "preview",
        "--mapping",
        "native",
        "--hub",
        "--consumer-group",
        group,
        "--events",
        events,
        "--config",
        config,
    ];
    let environment = [
        ("EVENT_HUB_CONNECTION_STRING", hub.connection_string.as_str()),
        ("HEC_TOKEN", TOKEN),
    ];
    Process::start(directory, "preview", &arguments, &environment)
}

/// A bridge at work between a hub and a receiver.
fn running(directory: &Path) -> (Hub, Receiver, Bridge) {
    let hub = flowing_hub(directory);
    let receiver = Receiver::start(directory, "receiver", 0, TOKEN);
    let settings = Settings::new(&hub.connection_string, receiver.address);
    let bridge = Bridge::start(directory, "bridge", &settings);
    (hub, receiver, bridge)
}

/// A hub that takes in a thousand items a second.
pub fn flowing_hub(directory: &Path) -> Hub {
    let events = directory.join("events.jsonl");
    fs::write(&events, EVENT).expect("the directory is writable");
    let events = events.to_str().expect("temporary paths are UTF-8");
    let arguments = [
        "--partitions",
        "2",
        "--events",
        events,
        "--repeat",
        ITEMS,
        "--rate",
        "1000",
    ];
    Hub::start(directory, &arguments)
}

/// Names of the directories of consumer groups below the state directory.
pub fn groups(state: &Path) -> Vec<String> {
    let below = |path: &Path| {
        // Not made yet is the same as empty.
        let entries = fs::read_dir(path).into_iter().flatten();
        let paths = entries.map(|entry| entry.expect("it can be read").path());
        paths.filter(|path| path.is_dir()).collect::<Vec<_>>()
    };
    let hubs = below(state).into_iter().flat_map(|namespace| below(&namespace));
    let mut groups: Vec<_> = hubs
        .flat_map(|hub| below(&hub))
        .map(|group| group.display().to_string())
        .collect();
    groups.sort();
    groups
}
