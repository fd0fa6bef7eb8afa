//! The key of a policy that is rotated under a running bridge.

use std::fs;
use std::process::Stdio;

use hub2siem::emulator::event_hub::{Options, SharedAccessKey};
use tokio::process::Command;

use crate::processes::{lines, reached};
use crate::support::{append, start, within};

const POLICY: &str = "reader";

/// Scenario: the key of the policy is made anew at the hub and put into the file; later the connections are lost.
/// Guarantees: the open connection stays, with the token that is good still; the next one is opened with the new key, without a
/// restart, and every event is delivered once.
#[tokio::test]
async fn a_rotated_key_needs_no_restart() {
    let mut options = Options::new("defender", 1);
    options.key = Some(SharedAccessKey {
        name: POLICY.to_owned(),
        key: "the first".to_owned(),
    });
    let hub = start(options).await;
    let directory = tempfile::tempdir().expect("a directory can be made");
    let path = |name: &str| directory.path().join(name);
    let write = |name: &str, text: &str| fs::write(path(name), text).expect("it is ours");
    write("connection", &hub.connection_string());
    write(
        "hub2siem.yaml",
        "event_hub: { connection_string: { file: connection } }
checkpoint: { file: { directory: ./state } }
dead_letter: { file: { directory: ./dead } }
http: { listen: \"127.0.0.1:0\" }
targets:
  all: { file: { path: ./out.jsonl }, mapping: native }
",
    );
    let log = fs::File::create(path("log")).expect("it is ours");
    let mut command = Command::new(env!("CARGO_BIN_EXE_hub2siem"));
    command
        .arg("run")
        .current_dir(directory.path())
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(log)
        .kill_on_drop(true);
    let mut bridge = command.spawn().expect("the program was built");
    append(&hub, 0, 5);
    lines(&path("out.jsonl"), 5).await;
    let before = hub.statistics();

    hub.faults().rotate_key("the second");
    let renewed = hub.connection_string().replace("the first", "the second");
    write("connection", &renewed);
    reached(|| fs::read_to_string(path("log")).is_ok_and(|log| log.contains("changed files are in use")))
        .await;
    append(&hub, 0, 5);
    lines(&path("out.jsonl"), 10).await;
    let after = hub.statistics();
    assert_eq!(
        (after.connections, after.attaches),
        (before.connections, before.attaches)
    );

    hub.faults().drop_connections();
    append(&hub, 0, 5);
    let numbers = lines(&path("out.jsonl"), 15).await;
    assert_eq!(numbers.values().sum::<usize>(), 15, "{numbers:?}");
    assert!(hub.statistics().connections > before.connections);
    let ended = within(async { bridge.try_wait() }).await;
    assert!(ended.expect("it is ours").is_none(), "the same process runs on");
}
