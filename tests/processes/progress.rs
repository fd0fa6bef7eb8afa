//! Targets that share a consumer group, and one that does not.

use std::fs;
use std::path::{Path, PathBuf};

use serde_json::Value;

use super::harness::{Bridge, LATER, Receiver, SOON, TOKEN, free_port, wait_for};
use super::ledger::Ledger;
use super::outage::{ITEMS, PARTITIONS, full_hub};

const WINDOW: usize = 2000;
/// What the allocator may have come to hold meanwhile; a leak of what flows would be many times this.
const MAX_GROWTH_KIB: u64 = 24 << 10;

/// Scenario: one target is away for the whole run. A second one shares its consumer group, a third has a group of its own.
/// The bridge is killed and started again, and then the first target comes.
/// Guarantees: the third is never delayed; the second stops at the window, and gets nothing again after the restart; nobody
/// loses anything, and memory stays flat.
#[test]
fn a_dead_target_holds_its_group_and_nobody_else() {
    let directory = tempfile::tempdir().expect("a temporary directory");
    let directory = directory.path();
    let hub = full_hub(directory);
    let dead = free_port();
    let sharing = Receiver::start(directory, "sharing", 0, TOKEN);
    let own = Receiver::start(directory, "own", 0, TOKEN);
    let targets = [
        ("dead", dead, ""),
        ("sharing", sharing.address.port(), ""),
        ("own", own.address.port(), "consumer_group: apart"),
    ];
    fs::write(directory.join("connection"), &hub.connection_string).expect("the directory is writable");
    fs::write(directory.join("token"), TOKEN).expect("the directory is writable");
    fs::write(directory.join("bridge.yaml"), configuration(directory, &targets))
        .expect("the directory is writable");
    let [mut at_dead, mut at_sharing, mut at_own] = [(); 3].map(|()| Ledger::new(ITEMS, PARTITIONS));
    at_sharing.follow(&sharing.events);
    at_own.follow(&own.events);

    let bridge = Bridge::start_file(directory, "bridge");
    wait_for("a full window at the sharing target", LATER, || {
        (at_sharing.total() >= (WINDOW - WINDOW / 16) as u64).then_some(())
    });
    let resident_kib = bridge.process.resident_kib();
    wait_for("everything at the target with its own group", LATER, || {
        (at_own.total() == ITEMS as u64).then_some(())
    });
    let grown_kib = bridge.process.resident_kib().saturating_sub(resident_kib);
    assert!(
        grown_kib < MAX_GROWTH_KIB,
        "{grown_kib} KiB more than with a full window"
    );
    let held = wait_for("positions of the sharing target", SOON, || {
        let total = at_sharing.total();
        (ahead(&directory.join("state"), "sharing") == total as i64).then_some(total)
    });
    bridge.process.kill();
    assert!(held <= WINDOW as u64, "{held} items are more than the window");

    let late = Receiver::start(directory, "late", dead, TOKEN);
    at_dead.follow(&late.events);
    let bridge = Bridge::start_file(directory, "bridge");
    wait_for("every item at both targets of the group", LATER, || {
        (at_dead.total() == ITEMS as u64 && at_sharing.total() == ITEMS as u64).then_some(())
    });
    assert_eq!(at_sharing.repeated(), Vec::<usize>::new());
    let repeated = ["target=\"sharing\"", "decision=\"repeated\""];
    assert_eq!(
        bridge.metric("hub2siem_route_records_total", &repeated),
        held as f64
    );
    bridge.process.stop();
}

fn configuration(directory: &Path, targets: &[(&str, u16, &str)]) -> String {
    let directory = directory.display();
    let mut text = format!(
        "event_hub: {{ connection_string: {{ file: {directory}/connection }}, name: defender }}
checkpoint: {{ file: {{ directory: {directory}/state }} }}
dead_letter: {{ file: {{ directory: {directory}/dead-letters }} }}
window: {{ events: {WINDOW} }}
http: {{ listen: \"127.0.0.1:0\" }}
log: {{ format: json, level: info }}
targets:
"
    );
    for (name, port, more) in targets {
        text += &format!(
            "  {name}:
    splunk_hec:
      endpoints: [\"http://127.0.0.1:{port}\"]
      token: {{ file: {directory}/token }}
      batch: {{ records: 100, linger: 100ms }}
    mapping: native
    {more}
"
        );
    }
    text
}

/// Events that a target of the default group is ahead of it, over all partitions, as it is stored.
fn ahead(state: &Path, target: &str) -> i64 {
    let mut files = Vec::new();
    collect(state, &mut files);
    let positions = files.iter().filter_map(|path| {
        let checkpoint: Value = serde_json::from_slice(&fs::read(path).ok()?).ok()?;
        let own = checkpoint["targets"][target]["sequence_number"].as_i64()?;
        Some(own - checkpoint["sequence_number"].as_i64()?)
    });
    positions.sum()
}

fn collect(folder: &Path, files: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        let path = entry.path();
        if path.is_dir() {
            collect(&path, files);
        } else if path.extension().is_some_and(|found| found == "json") {
            files.push(path);
        }
    }
}
