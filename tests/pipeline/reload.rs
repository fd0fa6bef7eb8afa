//! Maps, routes and batching are exchanged while events flow.

use std::collections::{BTreeMap, BTreeSet};

use prometheus::core::Collector;
use serde::Deserialize;

use super::items::{alert, assessment, list, unknown};
use super::plan::{Plan, TargetPlan};
use super::run::total;
use super::stage::Stage;

const SWAPS: i64 = 100;
const EVENTS_PER_SWAP: u64 = 10;
const RECORDS: u64 = 3;

/// What the swapped maps write.
#[derive(Deserialize)]
struct Mapped {
    generation: String,
    partition: String,
    sequence_number: i64,
}

/// Scenario: events of three records flow to two targets with maps of their own and to a third that gets the original,
/// while both maps and the batching are exchanged a hundred times.
/// Guarantees: nothing is lost; all records of an event are mapped for all targets by one generation of the maps, and
/// never by one that was replaced before the event was sent; the metrics show the last maps alone.
#[tokio::test]
async fn a_hundred_swaps_lose_and_mix_nothing() {
    let target = |name, mapping| TargetPlan {
        mapping,
        ..TargetPlan::splunk(name)
    };
    let targets = [
        target("one", "left"),
        target("two", "right"),
        TargetPlan::file("all"),
    ];
    let mut stage = Stage::set_up(Plan::new(2, targets)).await;
    write_maps(&stage, 1);
    stage.start().await;
    let mut sent = BTreeMap::new();
    for generation in 1..=SWAPS {
        for _ in 0..EVENTS_PER_SWAP {
            let items = (0..RECORDS).map(|_| alert(stage.next_number())).collect();
            let partition = (sent.len() % 2) as u32;
            let number = stage.send(partition, list(items));
            sent.insert((partition.to_string(), number), generation);
        }
        write_maps(&stage, generation + 1);
        stage.plan.targets[0].batch_records = 10 + generation as u32 % 7;
        stage.write_configuration();
        reload(&mut stage, generation + 1).await;
    }
    stage.settled().await;

    let mut used: BTreeMap<(String, i64), Vec<i64>> = BTreeMap::new();
    for target in ["one", "two"] {
        for envelope in stage.receiver(target).emulator.envelopes() {
            let envelope: serde_json::Value = serde_json::from_slice(&envelope.bytes).expect("it is JSON");
            let mapped: Mapped = serde_json::from_value(envelope["event"].clone()).expect("the map wrote it");
            let generation = mapped.generation.parse().expect("the map wrote a number");
            let event = (mapped.partition, mapped.sequence_number);
            used.entry(event).or_default().push(generation);
        }
    }
    assert_eq!(used.len(), sent.len());
    for (event, generations) in &used {
        assert_eq!(generations.len() as u64, 2 * RECORDS, "{event:?}");
        let distinct: BTreeSet<_> = generations.iter().collect();
        assert_eq!(distinct.len(), 1, "{event:?} is mapped by {generations:?}");
        assert!(
            generations[0] >= sent[event],
            "{event:?} is mapped by {}",
            generations[0]
        );
    }
    let distinct: BTreeSet<_> = used.values().map(|generations| generations[0]).collect();
    assert!(
        distinct.len() as i64 > SWAPS / 2,
        "only {} maps were used",
        distinct.len()
    );

    let metrics = &stage.bridge().metrics;
    assert_eq!(total(&metrics.config_reloads_total, &["applied"]) as i64, SWAPS);
    let revisions: Vec<String> = metrics
        .mapping_revision_info
        .collect()
        .iter()
        .flat_map(|family| family.get_metric())
        .flat_map(|sample| {
            sample
                .get_label()
                .iter()
                .filter(|label| label.name() == "revision")
        })
        .map(|label| label.value().to_owned())
        .collect();
    let last = SWAPS + 1;
    assert_eq!(revisions.len(), 2, "{revisions:?}");
    assert!(
        revisions
            .iter()
            .all(|revision| revision.ends_with(&format!("@{last}"))),
        "{revisions:?}"
    );
    stage.close().await;
}

/// Scenario: the routes of two consumer groups change at the same time, so that another group takes a kind.
/// Guarantees: what is sent after it goes where the new routes say, in both groups, and what no route of the new set
/// takes becomes one dead letter.
#[tokio::test]
async fn routes_of_all_groups_change_together() {
    let alerts = TargetPlan::splunk("alerts").kinds(&["alert", "unknown"]);
    let own = TargetPlan::splunk("own").kinds(&["assessment"]).group("apart");
    let mut stage = Stage::open(Plan::new(1, [alerts, own])).await;
    stage.send(0, list(vec![alert(1), assessment(2), unknown(3)]));
    stage.settled().await;
    assert_eq!(
        (stage.oracle.confirmed("alerts"), stage.oracle.confirmed("own")),
        (2, 1)
    );

    stage.plan.targets[0].kinds = &["assessment"];
    stage.plan.targets[1].kinds = &["alert"];
    stage.write_configuration();
    reload(&mut stage, 2).await;
    let plan = stage.plan.clone();
    stage.oracle.reroute(&plan);
    stage.send(0, list(vec![alert(4), alert(5), assessment(6), unknown(7)]));
    stage.settled().await;
    assert_eq!(
        (stage.oracle.confirmed("alerts"), stage.oracle.confirmed("own")),
        (3, 3)
    );
    let [letter] = &stage.oracle.dead_letters[..] else {
        panic!("{:?}", stage.oracle.dead_letters);
    };
    assert_eq!(letter.reason, "unrouted_unknown");
    stage.stop().await;
}

/// Scenario: a map is broken, the configuration asks for what needs a restart, then both are mended.
/// Guarantees: each time all stays as it was, is counted and told by `/readyz` without making it unready; afterwards
/// the notice is gone.
#[tokio::test]
async fn what_cannot_be_taken_over_changes_nothing() {
    let target = TargetPlan {
        mapping: "left",
        ..TargetPlan::splunk("one")
    };
    let mut stage = Stage::set_up(Plan::new(1, [target])).await;
    write_maps(&stage, 1);
    stage.start().await;
    stage.send_alerts(1);
    stage.settled().await;

    std::fs::write(
        stage.path("mappings/left/alert.yaml"),
        "format: 1\nname: left/alert\nfeilds: {}\n",
    )
    .expect("the directory is ours");
    refused(&mut stage, "invalid", "alert.yaml:3").await;

    write_maps(&stage, 2);
    stage.plan.window_events = 999;
    stage.plan.targets[0].batch_records = 3;
    stage.write_configuration();
    refused(
        &mut stage,
        "needs_restart",
        "`window.events` changed, which needs a restart",
    )
    .await;
    assert_eq!(stage.bridge().metrics.config_edition.get(), 1);
    stage.send_alerts(1);
    stage.settled().await;

    stage.plan.window_events = 1000;
    stage.write_configuration();
    reload(&mut stage, 2).await;
    stage
        .until("the end of the notice", |stage| {
            stage.bridge().readiness.report().notices.is_empty()
        })
        .await;
    assert_eq!(stage.bridge().metrics.config_last_reload_successful.get(), 1);
    stage.send_alerts(1);
    stage.close().await;
}

/// Asks for a reload and waits until `edition` is in use, and counted, which comes after.
async fn reload(stage: &mut Stage, edition: i64) {
    stage.bridge().asked.notify_one();
    stage
        .until("the next edition", |stage| {
            let metrics = &stage.bridge().metrics;
            let applied = total(&metrics.config_reloads_total, &["applied"]) as i64;
            metrics.config_edition.get() == edition && applied == edition - 1
        })
        .await;
}

/// Asks for a reload that ends with `result`, and finds `text` in the notices.
async fn refused(stage: &mut Stage, result: &str, text: &str) {
    stage.bridge().asked.notify_one();
    // The notice is the last thing that changes.
    stage
        .until("the notice", |stage| {
            let notices = stage.bridge().readiness.report().notices;
            notices.iter().any(|notice| notice.contains(text))
        })
        .await;
    let report = stage.bridge().readiness.report();
    assert!(report.is_ready, "{report:?}");
    let metrics = &stage.bridge().metrics;
    assert_eq!(total(&metrics.config_reloads_total, &[result]), 1);
    assert_eq!(metrics.config_last_reload_successful.get(), 0);
}

/// Two sets whose maps say which generation they are.
fn write_maps(stage: &Stage, generation: i64) {
    for set in ["left", "right"] {
        let folder = stage.path("mappings").join(set);
        std::fs::create_dir_all(&folder).expect("the directory is ours");
        let text = format!(
            "format: 1\nname: {set}/alert\nrevision: {generation}\nrecord: alert\noutput: json\nfields:\n  \
             generation: \"{generation}\"\n  partition: $hub.partition\n  sequence_number: $hub.sequence_number\n"
        );
        std::fs::write(folder.join("alert.yaml"), text).expect("the directory is ours");
    }
}
