//! Peers that neither answer nor end.

use std::fs;
use std::io::{BufRead, BufReader};
use std::net::TcpListener;

use super::harness::{
    ALERT, Bridge, Hub, LATER, Process, Receiver, SOON, Settings, TOKEN, configuration, http_address,
    wait_for,
};
use super::ledger::Ledger;

const ITEMS: usize = 20_000;

/// Scenario: the account that keeps the checkpoints takes connections and never answers; SIGTERM comes meanwhile.
/// Guarantees: the start is given up at once, and that is a clean end; without the signal it would be a failure.
#[test]
fn a_signal_ends_a_start_that_waits() {
    let directory = tempfile::tempdir().expect("a temporary directory");
    let directory = directory.path();
    let silent = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let account = silent.local_addr().expect("it is bound");
    let state = directory.display();
    let text = format!(
        "event_hub: {{ connection_string: {{ env: HUB }}, name: defender }}
checkpoint: {{ blob: {{ connection_string: {{ env: ACCOUNT }}, container: hub2siem }} }}
state: {{ directory: {state}/state }}
dead_letter: {{ file: {{ directory: {state}/dead-letters }} }}
http: {{ listen: \"127.0.0.1:0\" }}
targets: {{ out: {{ file: {{ path: \"-\" }}, mapping: native }} }}
"
    );
    let path = directory.join("bridge.yaml");
    fs::write(&path, text).expect("the directory is writable");
    let account = format!(
        "DefaultEndpointsProtocol=http;AccountName=logs;AccountKey=c2VjcmV0;BlobEndpoint=http://{account}/logs;"
    );
    let hub = "Endpoint=sb://127.0.0.1:1;SharedAccessKeyName=k;SharedAccessKey=c2VjcmV0;UseDevelopmentEmulator=true";
    let arguments = [
        "run",
        "--config",
        path.to_str().expect("temporary paths are UTF-8"),
    ];
    let mut process = Process::start(
        directory,
        "bridge",
        &arguments,
        &[("HUB", hub), ("ACCOUNT", &account)],
    );
    silent
        .set_nonblocking(true)
        .expect("a socket can be asked without waiting");
    let _asked = wait_for("a request to the account", SOON, || {
        assert!(process.is_running(), "{}", process.log_text());
        silent.accept().ok()
    });
    process.signal("TERM");
    let status = process.wait(SOON);
    assert_eq!(status.code(), Some(0), "{}", process.log_text());
}

/// Scenario: everything there is to say is logged, and nobody reads it any more once the bridge is there.
/// Guarantees: all items arrive, health and metrics answer, what was not written is counted, and told once somebody reads; a
/// signal is heeded.
#[test]
fn nobody_who_reads_the_log_holds_nothing_up() {
    let directory = tempfile::tempdir().expect("a temporary directory");
    let directory = directory.path();
    let hub = Hub::of(directory, &[ALERT], 1, ITEMS);
    let receiver = Receiver::start(directory, "receiver", 0, TOKEN);
    let mut ledger = Ledger::new(ITEMS, 1);
    ledger.follow(&receiver.events);
    let settings = Settings::new(&hub.connection_string, receiver.address);
    let path = directory.join("bridge.yaml");
    fs::write(&path, configuration(directory, &settings)).expect("the directory is writable");
    let arguments = [
        "run",
        "--config",
        path.to_str().expect("temporary paths are UTF-8"),
    ];
    let environment = [
        ("EVENT_HUB_CONNECTION_STRING", &*hub.connection_string),
        ("HEC_TOKEN", TOKEN),
        ("RUST_LOG", "trace"),
    ];
    let (process, log) = Process::start_piped(directory, "bridge", &arguments, &environment);
    let mut log = BufReader::new(log);
    let http = loop {
        let mut line = String::new();
        let length = log.read_line(&mut line).expect("the log can be read");
        assert!(length > 0, "the bridge ended");
        if let Some(address) = http_address(&line) {
            break address;
        }
    };
    let bridge = Bridge { process, http };
    wait_for("all items", LATER, || {
        (ledger.total() == ITEMS as u64).then_some(())
    });
    wait_for("lines that were dropped", SOON, || {
        (bridge.metric("hub2siem_log_dropped_lines_total", &[]) > 0.0).then_some(())
    });
    let reading = std::thread::spawn(move || {
        let mut lines = log.lines().map_while(Result::ok);
        lines.any(|line| line.contains("lines of the log were dropped"))
    });
    wait_for("word of them in the log", SOON, || {
        reading.is_finished().then_some(())
    });
    assert!(reading.join().expect("it only reads"), "the log ended");
    bridge.process.stop();
}
