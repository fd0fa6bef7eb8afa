//! What a replay sends, and what it does not.

use std::fs;

use serde_json::{Value, json};

use super::harness::{LATER, Receiver, TOKEN, wait_for};
use super::http_peer::{Hook, Peer};
use super::letters::marked;
use super::scene::{EVENT, Scene, summary, wait_for_letters};

/// A map that renders nothing of these records, because they lack what it requires.
fn map(path: &str) -> String {
    format!(
        "format: 1\nname: own/assessment\nrevision: 1\nrecord: assessment\nfields:\n  name: .id\n  code: {path}\nrequired: [code]\n"
    )
}

/// Scenario: a map that cannot render the records, and an event that is no JSON. Then the map is mended and the letters are
/// replayed beside the bridge, to a target that refuses one record.
/// Guarantees: they are mapped as configured by then; what is refused again stays, with the peer's words; what names no
/// target is not sent until `--target` says where; a second replay sends only what is left.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn mapped_as_configured_by_then() {
    let scene = Scene::new(&[EVENT, EVENT, EVENT, "{broken"], 5, &[]);
    let hook = Peer::start(Hook::default()).await;
    let target = format!(
        "  soc:\n    http: {{ endpoint: '{}', format: lines }}\n    mapping: own\n",
        hook.endpoint()
    );
    scene.configure("bridge", &scene.letters(""), &target);
    let file = scene.path().join("maps/own.yaml");
    fs::write(&file, map(".nowhere")).expect("it is writable");
    let bridge = scene.bridge("bridge");
    wait_for_letters(&bridge, 20);
    assert_eq!(scene.list("bridge", "open").len(), 20);

    // Before anything else, so that the peer has taken something when it refuses.
    fs::write(&file, map(".properties.status.code")).expect("it is writable");
    let first = scene.list("bridge", "open")[0]["id"]
        .as_str()
        .expect("each has an id")
        .to_owned();
    let (one, code) = scene.replay("bridge", &[&first]);
    assert_eq!(
        (code, &one["delivered"], &one["letters"]),
        (Some(0), &json!(1), &json!(1)),
        "{one}"
    );
    let records = hook.receiver().records.clone();
    let record: Value = serde_json::from_slice(&records[0]).expect("it is JSON");
    assert_eq!(record["code"], "Healthy", "{record}");

    hook.receiver().poison = Some(("item-9/".to_owned(), 400));
    let (all, code) = scene.replay("bridge", &[]);
    assert_eq!(code, Some(1), "{all}");
    assert_eq!(
        (&all["delivered"], &all["refused"]),
        (&json!(13), &json!(1)),
        "{all}"
    );
    assert_eq!(
        (&all["reasons"]["refused"], &all["unsettled"]),
        (&json!(1), &json!(0)),
        "{all}"
    );
    let refusal = &all["refusals"][0];
    assert!(
        refusal["detail"]
            .as_str()
            .is_some_and(|detail| detail.contains("not welcome")),
        "{all}"
    );
    let left = all["left"].as_object().expect("it is an object");
    let (advice, count) = left.iter().next().expect("something is left");
    assert!(advice.contains("--target") && *count == 5, "{all}");
    assert_eq!(scene.list("bridge", "open").len(), 6);

    hook.receiver().poison = None;
    let (rest, code) = scene.replay("bridge", &["--target", "soc"]);
    assert_eq!((code, &rest["delivered"]), (Some(0), &json!(6)), "{rest}");
    let records = hook.receiver().records.clone();
    assert_eq!(records.len(), 20);
    let broken = records
        .iter()
        .filter_map(|record| serde_json::from_slice::<Value>(record).ok());
    let broken: Vec<_> = broken.filter(|record| record["kind"] == "undecodable").collect();
    assert_eq!(broken.len(), 5);
    assert_eq!(broken[0]["record"]["text"], "{broken", "{}", broken[0]);
    assert_eq!(scene.replay("bridge", &[]).0["letters"], 0);
    bridge.process.stop();
}

/// Scenario: a slow replay; meanwhile another one and a purge; then it is interrupted.
/// Guarantees: the others are refused with 74, the bridge is not; the interrupted one finishes what is on its way, marks it
/// and ends with 1; wrong names end with 64.
#[test]
fn one_at_a_time_and_stopped_in_order() {
    const ITEMS: usize = 400;
    let scene = Scene::new(&[EVENT], ITEMS, &[]);
    let receiver = Receiver::start(scene.path(), "receiver", 0, TOKEN);
    let target = |more| scene.splunk("soc", receiver.address, more);
    scene.configure("bridge", &scene.letters(""), &target("given_up: true"));
    scene.configure("replay", &scene.letters(""), &target(""));
    let mut bridge = scene.bridge("bridge");
    wait_for_letters(&bridge, ITEMS);
    // Slow enough that it is not done before the others were started and refused, however slow they are.
    let mut replay = scene.start("slow", "replay", &["replay", "--rate", "2/s", "--json"]);
    wait_for("the first marks", LATER, || {
        (!marked(scene.path()).is_empty()).then_some(())
    });
    for verb in [&["replay"][..], &["purge"], &["purge", "--all", "--yes"]] {
        let refused = scene.run("replay", verb);
        assert_eq!(refused.code, Some(74), "{verb:?}: {}", refused.errors);
        assert!(refused.errors.contains("at work"), "{verb:?}: {}", refused.errors);
    }
    replay.signal("INT");
    assert_eq!(replay.wait(LATER).code(), Some(1), "{}", replay.log_text());
    let output = fs::read_to_string(&replay.output).expect("it wrote text");
    let stopped = summary(&output, &replay.log_text());
    let delivered = stopped["delivered"].as_u64().expect("a count") as usize;
    assert!(delivered > 0 && delivered < ITEMS, "{stopped}");
    assert_eq!(marked(scene.path()).len(), delivered);
    assert_eq!(stopped["unsettled"], ITEMS - delivered);

    for (arguments, code) in [
        (&["replay", "20200101T000000000-0"][..], 64),
        (&["replay", "--target", "nobody"], 64),
        (&["replay", "--reason", "because"], 64),
        (&["purge", "--all"], 64),
        (&["purge", "--done", "--all"], 64),
        (&["replay", "--directory", "/nowhere"], 74),
    ] {
        let ended = scene.run("replay", arguments);
        assert_eq!(ended.code, Some(code), "{arguments:?}: {}", ended.errors);
    }
    let given_up = scene.run("bridge", &["replay", "--target", "soc"]);
    assert_eq!(given_up.code, Some(64), "{}", given_up.errors);
    assert!(bridge.process.is_running());
    bridge.process.stop();
}
