//! A range once more beside a running bridge.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use serde_json::Value;

use super::harness::{Bridge, Hub, LATER, Process, Receiver, SOON, Settings, TOKEN, wait_for};
use super::ledger::{Tail, checkpoints};
use super::preview::{flowing_hub, groups};

/// Scenario: events flow and a bridge delivers them; meanwhile a range that it delivered before is replayed to the same
/// target.
/// Guarantees: the range arrives once more, whole and with the same ids; the bridge keeps its links, its positions go on,
/// and no directory is made for the group of the replay.
#[test]
fn a_replay_leaves_the_bridge_in_peace() {
    let directory = tempfile::tempdir().expect("a temporary directory");
    let directory = directory.path();
    let hub = flowing_hub(directory);
    let receiver = Receiver::start(directory, "receiver", 0, TOKEN);
    let bridge = Bridge::start(directory, "bridge", &native(&hub, &receiver));
    let mut tail = Tail::new(&receiver.events);
    let mut live = Vec::new();
    wait_for("the range at the receiver", LATER, || {
        tail.read(|line| live.push(id_and_place(line)));
        let range: BTreeSet<_> = live.iter().filter(|it| is_wanted(&it.1)).collect();
        (range.len() == RANGE).then_some(())
    });
    let state = directory.join("state");
    wait_for("positions behind the range", LATER, || {
        let stored = checkpoints(directory);
        (stored.len() == 2 && stored.values().all(|position| *position >= LAST)).then_some(())
    });
    let (before, places) = (checkpoints(directory), groups(&state));

    let mut replay = replay(
        directory,
        &hub,
        &[
            "--partition",
            "0,1",
            "--from",
            &ends(FIRST),
            "--to",
            &ends(LAST),
            "--json",
        ],
    );
    let status = replay.wait(LATER);
    assert_eq!(status.code(), Some(0), "{}", replay.log_text());
    let summary = summary(&replay);
    assert_eq!(summary["delivered"], RANGE, "{summary}");
    assert_eq!(summary["complete"], true);

    wait_for("positions that go on", SOON, || {
        let now = checkpoints(directory);
        let moved = |(partition, position): (&usize, &i64)| now[partition] > *position;
        before.iter().all(moved).then_some(())
    });
    assert_eq!(groups(&state), places, "a replay stores nothing");
    assert_eq!(bridge.metric("hub2siem_eventhub_reconnects_total", &[]), 0.0);
    bridge.process.stop();
    tail.read(|line| live.push(id_and_place(line)));
    let mut range: Vec<_> = live.into_iter().filter(|it| is_wanted(&it.1)).collect();
    range.sort();
    let ids: BTreeSet<_> = range.iter().map(|(id, _)| id).collect();
    assert_eq!((range.len(), ids.len()), (2 * RANGE, RANGE), "each id twice");
}

/// Scenario: a slow replay gets SIGINT; what its summary says is then given to another one.
/// Guarantees: the first ends with 1 and says how to go on; the second ends with 0; together they sent everything, and at
/// most what was on its way twice.
#[test]
fn an_interrupted_replay_can_be_gone_on_with() {
    let directory = tempfile::tempdir().expect("a temporary directory");
    let directory = directory.path();
    let hub = still_hub(directory);
    let receiver = Receiver::start(directory, "receiver", 0, TOKEN);
    fs::write(
        directory.join("bridge.yaml"),
        super::harness::configuration(directory, &native(&hub, &receiver)),
    )
    .expect("the directory is writable");
    let mut first = replay(
        directory,
        &hub,
        &[
            "--partition",
            "all",
            "--from",
            "earliest",
            "--rate",
            "200/s",
            "--json",
        ],
    );
    let mut tail = Tail::new(&receiver.events);
    let mut arrived = Vec::new();
    wait_for("the first records", SOON, || {
        tail.read(|line| arrived.push(id_and_place(line)));
        (arrived.len() > 100).then_some(())
    });
    first.signal("INT");
    assert_eq!(first.wait(LATER).code(), Some(1), "{}", first.log_text());
    let stopped = summary(&first);
    assert_eq!(stopped["complete"], false);
    let rests = stopped["partitions"].as_array().expect("there are partitions");
    let rests: Vec<_> = rests.iter().filter(|it| !it["rest"].is_null()).collect();
    assert!(!rests.is_empty(), "it was stopped in the middle: {stopped}");
    let list = |key: &str| {
        let ends = rests.iter().map(|it| {
            let (partition, end) = (it["partition"].as_str(), it["rest"][key].as_str());
            format!("{}={}", partition.expect("text"), end.expect("text"))
        });
        ends.collect::<Vec<_>>().join(",")
    };
    let names: Vec<_> = rests.iter().filter_map(|it| it["partition"].as_str()).collect();
    let (partitions, from, to) = (names.join(","), list("from"), list("to"));

    let more = ["--partition", &partitions, "--from", &from, "--to", &to, "--json"];
    let mut second = replay(directory, &hub, &more);
    assert_eq!(second.wait(LATER).code(), Some(0), "{}", second.log_text());
    tail.read(|line| arrived.push(id_and_place(line)));
    let sent = stopped["delivered"].as_u64().expect("a count")
        + summary(&second)["delivered"].as_u64().expect("a count");
    assert_eq!(arrived.len() as u64, sent);
    let ids: BTreeSet<_> = arrived.iter().collect();
    assert_eq!(ids.len(), STILL_ITEMS);
}

/// Scenario: a group that the configuration reads, a number for all partitions, rejected records without and with a file.
/// Guarantees: each has the exit code of its kind; the file makes the difference for the last.
#[test]
fn exit_codes_tell_what_happened() {
    let directory = tempfile::tempdir().expect("a temporary directory");
    let directory = directory.path();
    let hub = broken_hub(directory);
    let receiver = Receiver::start(directory, "receiver", 0, TOKEN);
    fs::write(
        directory.join("bridge.yaml"),
        super::harness::configuration(directory, &native(&hub, &receiver)),
    )
    .expect("the directory is writable");
    let rejected = directory.join("rejected.jsonl");
    let rejected = rejected.to_str().expect("temporary paths are UTF-8");
    let everything = ["--partition", "all", "--from", "earliest"];
    for (more, code, said) in [
        (
            vec!["--consumer-group", "$DEFAULT"],
            64,
            "is read by this configuration",
        ),
        (vec!["--from", "17"], 64, "name one partition"),
        (vec!["--from", "#17"], 64, "a sequence number such as"),
        (vec!["--target", "nobody"], 64, "has no target `nobody`"),
        (vec![], 1, "1 records were rejected"),
        (vec!["--rejected", rejected], 0, ""),
    ] {
        let mut arguments = everything.to_vec();
        // The last one of an option that is given twice would be an error: those above are replaced.
        if more.first() == Some(&"--from") {
            arguments.truncate(2);
        }
        arguments.extend(&more);
        let mut replay = replay(directory, &hub, &arguments);
        assert_eq!(
            replay.wait(LATER).code(),
            Some(code),
            "{more:?}: {}",
            replay.log_text()
        );
        assert!(
            replay.log_text().contains(said),
            "{more:?}: {}",
            replay.log_text()
        );
    }
    let mut letters = 0;
    Tail::new(Path::new(rejected)).read(|line| {
        let letter: Value = serde_json::from_slice(line).expect("a letter is JSON");
        assert_eq!(letter["reason"], "undecodable");
        letters += 1;
    });
    assert_eq!(letters, 1);
}

/// What is replayed beside the bridge, in each of two partitions.
const FIRST: i64 = 40;
const LAST: i64 = 239;
const RANGE: usize = 2 * (LAST - FIRST + 1) as usize;

/// At the rate of the replay that is interrupted they take long enough for a machine that stands still for seconds.
const STILL_ITEMS: usize = 4000;

/// Partition and sequence number.
type Place = (String, i64);

fn is_wanted(place: &Place) -> bool {
    (FIRST..=LAST).contains(&place.1)
}

fn ends(number: i64) -> String {
    format!("0={number},1={number}")
}

fn native<'a>(hub: &'a Hub, receiver: &Receiver) -> Settings<'a> {
    Settings {
        mapping: "native",
        ..Settings::new(&hub.connection_string, receiver.address)
    }
}

/// The event id and the place of a record in the `native` form.
fn id_and_place(line: &[u8]) -> (String, Place) {
    let envelope: Value = serde_json::from_slice(line).expect("an envelope is JSON");
    let record = &envelope["event"];
    let text = |value: &Value| value.as_str().expect("it is text").to_owned();
    let number = record["hub"]["sequence_number"].as_i64();
    (
        text(&record["event_id"]),
        (text(&record["hub"]["partition"]), number.expect("it is a number")),
    )
}

/// The last line of standard output.
fn summary(replay: &Process) -> Value {
    let output = fs::read_to_string(&replay.output).expect("it was written");
    let line = output
        .lines()
        .last()
        .unwrap_or_else(|| panic!("no summary: {}", replay.log_text()));
    serde_json::from_str(line).expect("the summary is JSON")
}

/// Starts a replay with the bridge's configuration; what `more` does not say is as it usually is.
fn replay(directory: &Path, hub: &Hub, more: &[&str]) -> Process {
    let config = directory.join("bridge.yaml");
    let mut arguments = vec![
        "replay",
        "--config",
        config.to_str().expect("temporary paths are UTF-8"),
    ];
    for (option, value) in [("--consumer-group", "again"), ("--target", "soc-splunk")] {
        if !more.contains(&option) {
            arguments.extend([option, value]);
        }
    }
    arguments.extend(more);
    let environment = [
        ("EVENT_HUB_CONNECTION_STRING", hub.connection_string.as_str()),
        ("HEC_TOKEN", TOKEN),
    ];
    Process::start(directory, "replay", &arguments, &environment)
}

/// A hub that holds its items from the start.
fn still_hub(directory: &Path) -> Hub {
    let items = STILL_ITEMS.to_string();
    hub_of(
        directory,
        &[super::preview::EVENT],
        &["--partitions", "3", "--repeat", &items],
    )
}

/// A hub of three events, one of which is no JSON.
fn broken_hub(directory: &Path) -> Hub {
    let whole = super::preview::EVENT;
    hub_of(directory, &[whole, "{broken", whole], &["--partitions", "1"])
}

fn hub_of(directory: &Path, lines: &[&str], more: &[&str]) -> Hub {
    let path = directory.join("events.jsonl");
    fs::write(&path, lines.join("\n")).expect("the directory is writable");
    let mut arguments = vec!["--events", path.to_str().expect("temporary paths are UTF-8")];
    arguments.extend(more);
    Hub::start(directory, &arguments)
}
