//! `check --connect`: what it prints, how it ends, and that nobody is disturbed.

use std::collections::BTreeMap;
use std::fs;
use std::net::SocketAddr;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use hub2siem::emulator::event_hub::{EventHubEmulator, Options};
use serde_json::Value;

use crate::harness::{Ended, directory, run};

const PATIENCE: Duration = Duration::from_secs(120);
const REST: &str =
    "checkpoint: { file: { directory: ./state } }\ndead_letter: { file: { directory: ./dead } }\n";
/// Nobody listens there.
const NOBODY: &str = "127.0.0.1:1";

async fn hub() -> EventHubEmulator {
    let hub = EventHubEmulator::start(Options::new("defender", 2)).await;
    hub.expect("a free port can be had")
}

fn configure(directory: &Path, connection_string: &str, targets: &str) {
    fs::write(directory.join("hub"), connection_string).expect("it is writable");
    let text = format!(
        "event_hub: {{ connection_string: {{ file: hub }} }}\n{REST}http: {{ listen: \"127.0.0.1:0\" }}\ntargets:\n{targets}"
    );
    fs::write(directory.join("hub2siem.yaml"), text).expect("it is writable");
}

/// Runs the program while the hub in this process goes on.
async fn check(directory: &Path, arguments: &[&str]) -> Ended {
    let directory = directory.to_owned();
    let arguments: Vec<_> = ["check", "--connect"]
        .iter()
        .chain(arguments)
        .map(ToString::to_string)
        .collect();
    let running = tokio::task::spawn_blocking(move || {
        let arguments: Vec<_> = arguments.iter().map(String::as_str).collect();
        run(&directory, &arguments)
    });
    running.await.expect("it does not panic")
}

/// Each line as an object, by `what` and `stage`.
fn objects(output: &str) -> BTreeMap<(String, String), Value> {
    let lines = output.lines().map(|line| {
        let object: Value =
            serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line} in {output}"));
        let text = |key: &str| object[key].as_str().expect("it is text").to_owned();
        ((text("what"), text("stage")), object)
    });
    lines.collect()
}

/// Where a bridge serves its metrics and health, once its log says so.
fn http_address(log: &Path) -> Option<SocketAddr> {
    let log = fs::read_to_string(log).unwrap_or_default();
    let (lines, _) = log.rsplit_once('\n')?;
    let mut lines = lines.lines();
    let line = lines.find(|line| line.contains("metrics and health are served"))?;
    line.rsplit_once("address=")?.1.parse().ok()
}

/// A bridge that is ended with the test.
struct Bridge(Child);

impl Drop for Bridge {
    fn drop(&mut self) {
        // It may be gone already.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

async fn page(address: SocketAddr, path: &str) -> Option<(u16, String)> {
    let response = reqwest::get(format!("http://{address}{path}")).await.ok()?;
    let status = response.status().as_u16();
    Some((status, response.text().await.ok()?))
}

async fn until(what: &str, mut reached: impl AsyncFnMut() -> bool) {
    let deadline = Instant::now() + PATIENCE;
    while !reached().await {
        assert!(Instant::now() < deadline, "{what}");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

/// Scenario: a bridge reads two partitions by one consumer group for one target and by another for a second one; beside it
/// `check --connect --json` runs three times; then more events come.
/// Guarantees: every partition is told to have its reader, the exit code is 0, and the bridge counts no reconnect, no repeated
/// event, and delivers what comes.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_running_bridge_is_not_disturbed() {
    let hub = hub().await;
    let directory = directory(&[]);
    let targets = "  one:\n    file: { path: one.jsonl }\n    mapping: native\n\
                   \x20 two:\n    file: { path: two.jsonl }\n    mapping: native\n    consumer_group: second\n";
    configure(directory.path(), &hub.connection_string(), targets);
    let log = directory.path().join("log");
    let bridge = Command::new(env!("CARGO_BIN_EXE_hub2siem"))
        .arg("run")
        .current_dir(directory.path())
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(fs::File::create(&log).expect("it is writable"))
        .spawn();
    let _bridge = Bridge(bridge.expect("the program was built"));
    until("the bridge serves its health", async || {
        http_address(&log).is_some()
    })
    .await;
    let http = http_address(&log).expect("it is there");
    until("the bridge is ready", async || {
        matches!(page(http, "/readyz").await, Some((200, _)))
    })
    .await;
    let attaches = hub.statistics().attaches;
    for _ in 0..3 {
        let ended = check(directory.path(), &["--json"]).await;
        assert_eq!(ended.code, Some(0), "{ended:?}");
        let objects = objects(&ended.output);
        for group in ["$Default", "second"] {
            for partition in 0..2 {
                let stage = format!("partition {partition} by {group}");
                let object = &objects[&("hub".to_owned(), stage)];
                assert_eq!(object["status"], "ok", "{object}");
                let detail = object["detail"].as_str().expect("it is text");
                assert!(detail.contains("has an active reader"), "{detail}");
            }
        }
    }
    for partition in 0..2 {
        hub.append(partition, br#"{"a":1}"#.to_vec());
    }
    for file in ["one.jsonl", "two.jsonl"] {
        until("the events arrive", async || {
            fs::read_to_string(directory.path().join(file)).is_ok_and(|text| text.lines().count() == 2)
        })
        .await;
    }
    assert_eq!(
        hub.statistics().attaches - attaches,
        12,
        "only `check` attached: 2 partitions by 2 groups, 3 times"
    );
    let (_, metrics) = page(http, "/metrics").await.expect("the bridge runs");
    for name in ["reconnects", "repeated_events", "missing_events"] {
        let name = format!("hub2siem_eventhub_{name}_total");
        let counted = metrics
            .lines()
            .filter(|line| line.starts_with(&name) && !line.ends_with(" 0"));
        assert_eq!(counted.collect::<Vec<_>>(), Vec::<&str>::new());
    }
}

/// Scenario: nobody is at the address of any kind of target, and one target is given up; the hub is well.
/// Guarantees: each target fails by name with a cause and a fix, the one given up is passed by, what is well is said, and the
/// exit code is 69.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_kind_of_target_can_be_down() {
    let hub = hub().await;
    let directory = directory(&[("token", "t")]);
    let targets = format!(
        "  splunk: {{ mapping: native, splunk_hec: {{ endpoints: \"http://{NOBODY}\", token: {{ file: token }} }} }}\n\
         \x20 webhook: {{ mapping: native, http: {{ endpoint: \"http://{NOBODY}/in\", format: lines }} }}\n\
         \x20 search: {{ mapping: ecs, elasticsearch: {{ endpoints: \"http://{NOBODY}\", index: mdc }} }}\n\
         \x20 sentinel: {{ mapping: native, azure_monitor: {{ endpoint: \"http://{NOBODY}\", rule: dcr-1, stream: Custom-Mdc, token: {{ file: token }} }} }}\n\
         \x20 collector: {{ mapping: cef, syslog: {{ address: \"{NOBODY}\", transport: tcp }} }}\n\
         \x20 relay: {{ mapping: cef, relp: {{ address: \"{NOBODY}\" }} }}\n\
         \x20 stream: {{ mapping: native, kafka: {{ brokers: [\"{NOBODY}\"], topic: mdc }} }}\n\
         \x20 disk: {{ mapping: native, file: {{ path: token/all.jsonl }} }}\n\
         \x20 gone: {{ mapping: native, given_up: true, http: {{ endpoint: \"http://{NOBODY}/in\", format: lines }} }}\n"
    );
    configure(directory.path(), &hub.connection_string(), &targets);
    let ended = check(directory.path(), &["--json"]).await;
    assert_eq!(ended.code, Some(69), "{ended:?}");
    assert!(ended.errors.contains("error: 8 of "), "{}", ended.errors);
    let objects = objects(&ended.output);
    let of = |what: &str| {
        let found = objects.iter().find(|((found, _), _)| found == what);
        found.unwrap_or_else(|| panic!("{what} in {objects:#?}")).1
    };
    for name in [
        "splunk",
        "webhook",
        "search",
        "sentinel",
        "collector",
        "relay",
        "stream",
        "disk",
    ] {
        let object = of(&format!("target {name}"));
        assert_eq!(object["status"], "failed", "{object}");
        let text = |key: &str| object[key].as_str().unwrap_or_default();
        assert!(!text("cause").is_empty() && !text("fix").is_empty(), "{object}");
        assert!(object["milliseconds"].is_u64(), "{object}");
    }
    assert_eq!(of("target gone")["status"], "skipped");
    assert_eq!(of("checkpoints")["status"], "ok");
    let of_hub = objects.iter().filter(|((what, _), _)| what == "hub");
    assert!(of_hub.into_iter().all(|(_, object)| object["status"] == "ok"));

    let ended = check(directory.path(), &[]).await;
    let failed = ended.output.lines().filter(|line| line.starts_with("FAILED"));
    assert_eq!(failed.count(), 8, "{}", ended.output);
    let fixes = ended
        .output
        .lines()
        .filter(|line| line.starts_with("        fix: "));
    assert_eq!(fixes.count(), 8, "{}", ended.output);
    assert!(
        ended.output.contains("skipped target gone: given up"),
        "{}",
        ended.output
    );
}

/// Scenario: the hub is not there; `--json` without `--connect`.
/// Guarantees: what could not be tried says what it waits for, and the targets are tried all the same; the second is a mistake.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_rest_is_tried_without_a_hub() {
    let directory = directory(&[]);
    let hub = format!(
        "Endpoint=sb://{NOBODY};SharedAccessKeyName=k;SharedAccessKey=a;UseDevelopmentEmulator=true;EntityPath=defender"
    );
    configure(
        directory.path(),
        &hub,
        "  one: { mapping: native, file: { path: one.jsonl } }\n",
    );
    let ended = check(directory.path(), &[]).await;
    assert_eq!(ended.code, Some(69), "{ended:?}");
    for line in [
        "FAILED  hub: connect: ",
        "skipped hub: open AMQP: waits for `connect`\n",
        "skipped hub: partitions by $Default: waits for `connect`\n",
        "ok      target one: one.jsonl: can be written\n",
    ] {
        assert!(ended.output.contains(line), "{line}: {}", ended.output);
    }
    let mistake = run(directory.path(), &["check", "--json"]);
    assert_eq!(mistake.code, Some(64), "{mistake:?}");
}
