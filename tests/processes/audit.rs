//! The audit against what the targets really hold.

use std::collections::HashSet;
use std::fs;
use std::path::{Path, PathBuf};

use serde_json::Value;

use super::audited::{Audited, audit};
use super::harness::{Bridge, Hub, LATER, SOON, wait_for};
use super::ledger::{Tail, dead_letters};

const PARTITIONS: usize = 3;
/// The hub holds the lines of [`full_hub`] this often.
const ROUNDS: usize = 8000;
const KILLS: usize = 6;
/// So slowly that kills and lines of the audit come while there is still something to read.
const SLOWLY: &str = "rate: { records: 300, per: 1s }";

/// Scenario: two file targets and one that is given up share a group, on a hub with assessments, snapshots, items of
/// unknown type and bodies that are no JSON. The bridge is killed six times under load, and then reads everything.
/// Guarantees: the audit balances after every kill and at the end; every number of it is what the files and the dead
/// letters hold, each record counted once however often it was sent.
#[test]
fn equals_what_the_targets_hold() {
    let directory = tempfile::tempdir().expect("a temporary directory");
    let directory = directory.path();
    let hub = full_hub(directory);
    fs::write(directory.join("connection"), &hub.connection_string).expect("the directory is writable");
    fs::write(directory.join("bridge.yaml"), configuration(directory, SLOWLY))
        .expect("the directory is writable");
    let path = |name: &str| directory.join(format!("out/{name}.jsonl"));
    let mut all = Arrived::new(path("all"));
    for kill in 0..KILLS {
        let before = all.distinct();
        let bridge = Bridge::start_file(directory, "bridge");
        wait_for("progress before the kill", SOON, || {
            (all.distinct() > before + 37 * (kill + 1)).then_some(())
        });
        if kill % 2 == 1 {
            let stored = settled(&audit(directory));
            wait_for("a line of the audit", SOON, || {
                (settled(&audit(directory)) > stored).then_some(())
            });
        }
        bridge.process.kill();
        let audited = audit(directory);
        // Nothing may have been recorded before the first kills.
        assert!(audited.code == 0 || settled(&audited) == 0, "{}", audited.output);
    }
    fs::write(directory.join("bridge.yaml"), configuration(directory, ""))
        .expect("the directory is writable");
    let bridge = Bridge::start_file(directory, "bridge");
    wait_for("every record at the first target", LATER, || {
        (all.distinct() == 3 * ROUNDS).then_some(())
    });
    wait_for("every dead letter of the target that is given up", LATER, || {
        (buried(directory, "gone") == 3 * ROUNDS).then_some(())
    });
    bridge.process.stop();

    let audited = audit(directory);
    assert!(audited.balanced && audited.code == 0, "{}", audited.output);
    let rounds = ROUNDS as u64;
    let events = |number| audited.sum("", number);
    assert_eq!((events("settled"), events("records")), (4 * rounds, 4 * rounds));
    assert_eq!(
        (events("undecodable"), events("lost"), events("missing")),
        (rounds, 0, 0)
    );
    assert_eq!(events("events"), 0, "in flight after the stop");
    for target in ["all", "some", "gone"] {
        let sum = |number| audited.sum(target, number);
        let settled = ["delivered", "dead_lettered", "filtered", "suppressed", "repeated"].map(sum);
        assert_eq!(settled.iter().sum::<u64>(), 3 * rounds, "{target}");
        assert_eq!(sum("records"), 3 * rounds, "{target}");
    }
    let mut some = Arrived::new(path("some"));
    assert_eq!(some.distinct(), ROUNDS);
    let held =
        |target, other: u64| audited.sum(target, "delivered") + audited.sum(target, "repeated") - other;
    // What a target had settled before the kill, ahead of the others, is `repeated`, whatever its end was.
    assert_eq!(held("all", 0), 3 * rounds);
    let (filtered, suppressed) = (audited.sum("some", "filtered"), audited.sum("some", "suppressed"));
    assert_eq!(filtered, rounds);
    assert!(suppressed <= rounds && held("some", 0) == 2 * rounds - suppressed);
    assert!(
        audited
            .texts
            .iter()
            .any(|text| text.contains("ended without a stop")),
        "{}",
        audited.output
    );
}

/// Scenario: a byte of a line is changed; a line is removed; the directory is not there.
/// Guarantees: the verb names file and line, or the numbers that are missing, and fails with the code for it.
#[test]
fn damage_is_said_with_its_place() {
    let directory = tempfile::tempdir().expect("a temporary directory");
    let directory = directory.path();
    assert_eq!(audit(directory).code, 74);
    let hub = full_hub(directory);
    fs::write(directory.join("connection"), &hub.connection_string).expect("the directory is writable");
    fs::write(directory.join("bridge.yaml"), configuration(directory, SLOWLY))
        .expect("the directory is writable");
    let bridge = Bridge::start_file(directory, "bridge");
    let file = wait_for("two lines of a partition", LATER, || {
        let file = files(&directory.join("state")).pop()?;
        (lines_of(&file, "0") >= 2).then_some(file)
    });
    bridge.process.stop();
    assert_eq!(audit(directory).code, 0, "{}", audit(directory).output);
    let whole = fs::read_to_string(&file).expect("it is text");

    let doctored = whole.replacen("\"delivered\":", "\"delivered\":1", 1);
    fs::write(&file, &doctored).expect("the directory is writable");
    let audited = audit(directory);
    assert_eq!(audited.code, 74, "{}", audited.output);
    let place = format!("{}:1: the line is damaged", file.display());
    assert!(
        audited.texts.iter().any(|text| text.starts_with(&place)),
        "{}",
        audited.output
    );

    let first = whole
        .lines()
        .position(|line| line.contains("\"partition\":\"0\""))
        .expect("there are two lines of it");
    let second = whole
        .lines()
        .skip(first + 1)
        .position(|line| line.contains("\"partition\":\"0\"") && line.contains("\"settled\""))
        .expect("there are two lines of it");
    let without: Vec<_> = whole
        .lines()
        .enumerate()
        .filter(|(index, line)| *index != first + 1 + second || line.contains("is_stop"))
        .map(|(_, line)| format!("{line}\n"))
        .collect();
    fs::write(&file, without.concat()).expect("the directory is writable");
    let audited = audit(directory);
    // Without the last line nobody can tell, with a later one the numbers between are missing.
    let is_last = lines_of(&file, "0") == 1;
    assert_eq!(audited.code, if is_last { 0 } else { 1 }, "{}", audited.output);
}

fn settled(audited: &Audited) -> u64 {
    let sums = audited.sums.get("");
    sums.and_then(|sums| sums.get("settled"))
        .copied()
        .unwrap_or_default()
}

/// Distinct records in a file of `native` records.
struct Arrived {
    tail: Tail,
    ids: HashSet<String>,
}

impl Arrived {
    fn new(path: PathBuf) -> Self {
        Self {
            tail: Tail::new(&path),
            ids: HashSet::new(),
        }
    }

    fn distinct(&mut self) -> usize {
        let ids = &mut self.ids;
        self.tail.read(|line| {
            let record: Value = serde_json::from_slice(line).expect("it is JSON");
            ids.insert(record["event_id"].as_str().expect("native has an id").to_owned());
        });
        ids.len()
    }
}

/// Distinct records of a target in the dead letters.
fn buried(directory: &Path, target: &str) -> usize {
    let letters = dead_letters(directory);
    let of_target = letters.iter().filter(|letter| letter["target"] == target);
    let ids: HashSet<_> = of_target.map(|letter| letter["event_id"].to_string()).collect();
    ids.len()
}

/// The files of the audit.
fn files(state: &Path) -> Vec<PathBuf> {
    let Ok(entries) = fs::read_dir(state) else {
        return Vec::new();
    };
    let paths = entries.filter_map(|entry| Some(entry.ok()?.path()));
    paths
        .flat_map(|path| if path.is_dir() { files(&path) } else { vec![path] })
        .filter(|path| path.extension().is_some_and(|found| found == "totals"))
        .collect()
}

/// Lines of sums of a partition.
fn lines_of(file: &Path, partition: &str) -> usize {
    let text = fs::read_to_string(file).unwrap_or_default();
    let partition = format!("\"partition\":\"{partition}\"");
    let lines = text.lines();
    lines
        .filter(|line| line.contains("\"settled\"") && line.contains(&partition))
        .count()
}

/// A hub that holds, in turn: an assessment, one of a snapshot, an item of unknown type, and a body that is no JSON.
fn full_hub(directory: &Path) -> Hub {
    let assessment = |more: &str| {
        format!(
            r#"{{"type":"Microsoft.Security/assessments","id":"/subscriptions/5d1f0b5e-0000-4000-8000-000000000001/resourceGroups/rg/providers/Microsoft.Compute/virtualMachines/vm-{{{{sequence}}}}/providers/Microsoft.Security/assessments/3f8a1c52-6d0b-4e7f-9a41-0b5c2d8e6f17","name":"3f8a1c52-6d0b-4e7f-9a41-0b5c2d8e6f17","properties":{{"displayName":"Ports should be closed","status":{{"code":"Unhealthy"}}}}{more}}}"#
        )
    };
    let lines = [
        assessment(""),
        assessment(r#","assessmentEventDataEnrichment":{"action":"Insert","isSnapshot":true}"#),
        r#"{"hello":"item-{{sequence}}"}"#.to_owned(),
        r#"{"broken":"item-{{sequence}}""#.to_owned(),
    ];
    Hub::of(directory, &lines, PARTITIONS, ROUNDS)
}

fn configuration(directory: &Path, more: &str) -> String {
    let directory = directory.display();
    format!(
        "event_hub: {{ connection_string: {{ file: {directory}/connection }}, name: defender }}
checkpoint: {{ file: {{ directory: {directory}/state }} }}
dead_letter: {{ file: {{ directory: {directory}/dead-letters }} }}
window: {{ events: 500 }}
http: {{ listen: \"127.0.0.1:0\" }}
log: {{ format: json, level: info }}
targets:
  all:
    file: {{ path: {directory}/out/all.jsonl }}
    mapping: native
    {more}
  some:
    file: {{ path: {directory}/out/some.jsonl }}
    mapping: native
    route: {{ $record.kind: [assessment] }}
    snapshots: drop
  gone:
    file: {{ path: {directory}/out/gone.jsonl }}
    mapping: native
    given_up: true
"
    )
}
