//! `snapshots: changes_only`: a target gets a snapshot of an item only if it differs from what it last got.

use rand::Rng;
use rand::rngs::StdRng;

use super::items::{Item, Parcel, list, single, version};
use super::plan::{DEFAULT_GROUP, Plan, TargetPlan};
use super::run::total;
use super::schedule::Schedule;
use super::stage::{PATIENCE, Stage};

const STEPS: usize = 10;

fn comparing(target: TargetPlan) -> TargetPlan {
    TargetPlan {
        changes_only: true,
        acknowledgement_timeout: "2s",
        ..target
    }
}

fn streamed(state: u32) -> Parcel {
    single(version(1, state, "Insert", false))
}

fn snapshot(state: u32) -> Parcel {
    single(version(1, state, "Insert", true))
}

/// Sends an event to partition 0 and waits until the checkpoint passed it.
async fn pass(stage: &mut Stage, parcel: Parcel) {
    let number = stage.send(0, parcel);
    stage
        .until("the checkpoint behind the event", |stage| {
            stage.oracle.checkpoint(DEFAULT_GROUP, 0) == Some(number)
        })
        .await;
}

fn suppressed(stage: &Stage) -> u64 {
    let metrics = &stage.bridge().metrics;
    let by_reason = total(&metrics.route_suppressed_snapshots_total, &["soc", "unchanged"]);
    assert_eq!(
        by_reason,
        total(&metrics.route_records_total, &["soc", "suppressed"])
    );
    by_reason
}

/// Scenario: an item is streamed, its snapshot comes; the bridge stops in order, or is killed; the snapshot comes again,
/// then one that differs, a Delete, and the snapshot of the item made anew.
/// Guarantees: what differs is delivered, what does not is counted, also after the restart.
#[tokio::test]
async fn what_was_delivered_is_known_after_a_restart() {
    for is_killed in [false, true] {
        let target = comparing(TargetPlan::splunk("soc"));
        let mut stage = Stage::open(Plan::new(1, [target])).await;
        pass(&mut stage, streamed(1)).await;
        pass(&mut stage, snapshot(1)).await;
        assert_eq!(suppressed(&stage), 1);
        match is_killed {
            true => stage.kill().await,
            false => stage.stop().await,
        }
        stage.start().await;
        pass(&mut stage, snapshot(1)).await;
        assert_eq!(suppressed(&stage), 1);
        assert_eq!(stage.oracle.confirmed("soc"), 1);

        pass(&mut stage, snapshot(2)).await;
        pass(&mut stage, snapshot(2)).await;
        assert_eq!(suppressed(&stage), 2);
        pass(&mut stage, single(version(1, 2, "Delete", false))).await;
        pass(&mut stage, snapshot(2)).await;
        assert_eq!(suppressed(&stage), 2);
        assert_eq!(stage.oracle.confirmed("soc"), 4);
        let remembered = &stage.bridge().metrics.route_remembered_items;
        assert_eq!(remembered.with_label_values(&["soc"]).get(), 1);
        stage.close().await;
    }
}

/// A stage whose receiver has confirmed version 1 of the item, and taken version 2 without confirming it.
async fn with_an_update_in_flight() -> Stage {
    let mut stage = Stage::open(Plan::new(1, [comparing(TargetPlan::splunk("soc"))])).await;
    pass(&mut stage, streamed(1)).await;
    stage.receiver("soc").emulator.script().never_acknowledges = true;
    stage.send(0, streamed(2));
    stage
        .until("arrival of the update", |stage| {
            stage.receiver("soc").emulator.statistics().received >= 2
        })
        .await;
    stage
}

/// Sends a snapshot of the state before the update in flight, and has everything acknowledged once it is forwarded. Waits
/// for the checkpoint: that the receiver has confirmed something says nothing of whether the bridge has heard it.
async fn forward_beside_the_update(stage: &mut Stage) {
    let number = stage.send(0, snapshot(1));
    stage
        .until("the way of the snapshot", |stage| {
            let decisions = &stage.bridge().metrics.route_records_total;
            total(decisions, &["soc", "accepted"]) == 3
        })
        .await;
    stage.receiver("soc").emulator.script().never_acknowledges = false;
    stage
        .until("the checkpoint behind the snapshot", |stage| {
            stage.oracle.checkpoint(DEFAULT_GROUP, 0) == Some(number)
        })
        .await;
    assert_eq!(stage.oracle.confirmed("soc"), 3);
    assert_eq!(suppressed(stage), 0);
}

/// Scenario: an update is taken and not acknowledged; a snapshot of the state before it comes.
/// Guarantees: the snapshot is delivered: nobody knows yet what the target has.
#[tokio::test]
async fn while_an_update_is_in_flight_snapshots_are_forwarded() {
    let mut stage = with_an_update_in_flight().await;
    forward_beside_the_update(&mut stage).await;
    pass(&mut stage, snapshot(1)).await;
    assert_eq!(suppressed(&stage), 1);
    stage.close().await;
}

/// Scenario: an update is taken and not acknowledged; changed files are taken over; a snapshot of the state before the
/// update comes, then all is acknowledged, and the snapshot comes once more.
/// Guarantees: the new edition of the configuration knows of the update and, in the end, of what was delivered.
#[tokio::test]
async fn a_reload_keeps_the_memory() {
    let mut stage = with_an_update_in_flight().await;
    stage.plan.targets[0].batch_records += 1;
    stage.write_configuration();
    stage.bridge().asked.notify_one();
    stage
        .until("the new edition", |stage| {
            stage.bridge().metrics.config_edition.get() == 2
        })
        .await;
    forward_beside_the_update(&mut stage).await;
    pass(&mut stage, snapshot(1)).await;
    assert_eq!(suppressed(&stage), 1);
    stage.close().await;
}

/// Scenario: the bridge is started while another process has what was last delivered open.
/// Guarantees: exit code 74, and the file is named.
#[tokio::test]
async fn a_memory_in_use_is_refused() {
    let stage = Stage::set_up(Plan::new(1, [comparing(TargetPlan::splunk("soc"))])).await;
    stage.write_configuration();
    let configuration = stage.path("bridge.yaml");
    std::fs::create_dir(stage.path("state")).expect("the directory is ours");
    let file = stage.path("state/last-delivered.redb");
    let in_use = redb::Database::create(&file).expect("it can be made");
    let output = tokio::process::Command::new(env!("CARGO_BIN_EXE_hub2siem"))
        .args(["run", "--config"])
        .arg(&configuration)
        .kill_on_drop(true)
        .output();
    let output = tokio::time::timeout(PATIENCE, output).await;
    let output = output.expect("it ends at once").expect("it can be started");
    let text = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(74), "{text}");
    assert!(text.contains("last-delivered.redb"), "{text}");
    drop(in_use);
    stage.hub.shutdown().await;
}

/// Scenario: ten faults in a row, as in the runs of all kinds of events; here a few items change to and fro, are deleted
/// and made anew, and most of what comes are their snapshots.
/// Guarantees: no snapshot is suppressed that differs from what its target last delivered, whatever was killed or refused
/// in between; the other invariants; and that snapshots were suppressed at all.
#[tokio::test]
async fn known_seeds_hold() {
    let suppressed = futures_util::future::join_all([21, 22, 23, 24, 25, 26].map(run)).await;
    assert!(
        suppressed.iter().all(|count| *count > 10),
        "suppressed: {suppressed:?}"
    );
}

/// Returns how many snapshots were suppressed.
async fn run(seed: u64) -> usize {
    let mut schedule = Schedule::new(seed).sending(versions);
    let targets = [
        comparing(TargetPlan::splunk("soc")),
        comparing(TargetPlan::file("archive")),
        comparing(TargetPlan::splunk("own").group("apart")),
    ];
    let mut stage = Stage::open(Plan {
        window_events: 60,
        window_bytes: "1MiB",
        ..Plan::new(3, targets)
    })
    .await;
    stage.name = format!("changes only, seed {seed}");
    for step in 0..STEPS {
        schedule.step(step, &mut stage).await;
    }
    let suppressed = stage.oracle.suppressed("archive");
    stage.close().await;
    suppressed
}

/// One record, or several of which some may be of the same item. An item has one partition.
fn versions(random: &mut StdRng, _: &mut u64, partition: u32) -> Parcel {
    let mut any = || -> Item {
        let number = u64::from(partition) * 10 + random.random_range(0..4);
        let is_snapshot = random.random_bool(0.7);
        let action = match random.random_bool(0.1) {
            true => "Delete",
            false => "Insert",
        };
        version(number, random.random_range(0..2), action, is_snapshot)
    };
    let first = any();
    let more = vec![first.clone(), any(), any()];
    match random.random_bool(0.7) {
        true => single(first),
        false => list(more),
    }
}
