//! Clean ends, and who may start.

use std::fs;
use std::path::Path;

use super::harness::{ALERT, Bridge, Hub, Receiver, SOON, Settings, TOKEN, free_port, wait_for};
use super::ledger::{Ledger, checkpoints};

const PARTITIONS: usize = 2;
const ITEMS: usize = 20_000;

/// Scenario: SIGTERM while events flow, then a start with the same state, until all is delivered.
/// Guarantees: the process drains and ends with 0; what it stored is exactly what it delivered; nothing comes twice.
#[test]
fn clean_stop_and_start_repeat_nothing() {
    let directory = tempfile::tempdir().expect("a temporary directory");
    let directory = directory.path();
    let hub = Hub::of(directory, &[ALERT], PARTITIONS, ITEMS);
    let receiver = Receiver::start(directory, "receiver", 0, TOKEN);
    let mut settings = Settings::new(&hub.connection_string, receiver.address);
    settings.window_events = 1000;
    let mut ledger = Ledger::new(ITEMS, PARTITIONS);
    ledger.follow(&receiver.events);

    let bridge = Bridge::start(directory, "bridge-1", &settings);
    wait_for("a part of the items", SOON, || {
        (ledger.total() > 2000).then_some(())
    });
    bridge.process.stop();
    let delivered = ledger.total();
    assert!(
        delivered < ITEMS as u64,
        "all was delivered before the stop: the test needs more items"
    );
    let stored: i64 = checkpoints(directory).values().map(|position| position + 1).sum();
    assert_eq!(
        stored as u64, delivered,
        "items below the stored positions, and items delivered"
    );

    settings.window_events = 50_000;
    let bridge = Bridge::start(directory, "bridge-2", &settings);
    wait_for("the rest of the items", SOON * 2, || {
        (ledger.total() == ITEMS as u64).then_some(())
    });
    bridge.process.stop();
    ledger.refresh(|_, _| {});
    assert_eq!(ledger.repeated(), [0; 0]);
}

/// Scenario: the receiver is away, so that the drain cannot finish; two signals.
/// Guarantees: the first one starts the drain; the second ends the process at once, not after the grace period.
#[test]
fn second_signal_ends_at_once() {
    let directory = tempfile::tempdir().expect("a temporary directory");
    let directory = directory.path();
    let hub = Hub::of(directory, &[ALERT], PARTITIONS, ITEMS);
    let nobody = ([127, 0, 0, 1], free_port()).into();
    let mut settings = Settings::new(&hub.connection_string, nobody);
    settings.grace_period = "10m";
    let mut bridge = Bridge::start(directory, "bridge", &settings);
    wait_for("records in flight", SOON, || {
        (bridge.metric("hub2siem_acknowledge_window_events", &[]) > 0.0).then_some(())
    });
    bridge.process.signal("TERM");
    wait_for("the drain", SOON, || {
        bridge.process.log_text().contains("\"SIGTERM\"").then_some(())
    });
    assert!(
        bridge.process.is_running(),
        "the drain must wait for the receiver"
    );
    bridge.process.signal("TERM");
    let status = bridge.process.wait(SOON);
    assert_eq!(status.code(), Some(143), "128 and the number of SIGTERM");
}

/// Scenario: a second bridge is started with the state of a running one; then a checkpoint is damaged.
/// Guarantees: exit code 74 both times, with the directory or the file in the message; the first one runs on.
#[test]
fn locked_or_damaged_state_is_refused() {
    let directory = tempfile::tempdir().expect("a temporary directory");
    let directory = directory.path();
    let hub = Hub::of(directory, &[ALERT], PARTITIONS, ITEMS);
    let receiver = Receiver::start(directory, "receiver", 0, TOKEN);
    let settings = Settings::new(&hub.connection_string, receiver.address);
    let mut ledger = Ledger::new(ITEMS, PARTITIONS);
    ledger.follow(&receiver.events);
    let mut bridge = Bridge::start(directory, "bridge", &settings);

    assert_refused(Bridge::spawn(directory, "second", &settings), "state");

    assert!(bridge.process.is_running());
    wait_for("all items", SOON * 2, || {
        (ledger.total() == ITEMS as u64).then_some(())
    });
    bridge.process.stop();

    let file = checkpoint_file(&directory.join("state")).expect("there are checkpoints");
    let text = fs::read(&file).expect("a checkpoint can be read");
    fs::write(&file, &text[..text.len() / 2]).expect("the directory is writable");
    let name = file
        .file_name()
        .and_then(|name| name.to_str())
        .expect("file names are UTF-8");
    assert_refused(Bridge::spawn(directory, "third", &settings), name);
}

fn assert_refused(mut process: super::harness::Process, expected: &str) {
    let status = process.wait(SOON);
    let log = process.log_text();
    assert_eq!(status.code(), Some(74), "{log}");
    assert!(log.contains(expected), "`{expected}` in {log}");
}

fn checkpoint_file(directory: &Path) -> Option<std::path::PathBuf> {
    fs::read_dir(directory).ok()?.find_map(|entry| {
        let path = entry.ok()?.path();
        if path.is_dir() {
            return checkpoint_file(&path);
        }
        path.extension()
            .is_some_and(|extension| extension == "json")
            .then_some(path)
    })
}
