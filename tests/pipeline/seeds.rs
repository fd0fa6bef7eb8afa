//! Runs of many faults in a row.

use super::plan::{Plan, TargetPlan};
use super::schedule::Schedule;
use super::stage::Stage;

/// Further seeds to run, such as that of a failed run: numbers with commas between them.
const SEEDS_VARIABLE: &str = "HUB2SIEM_SEED";

const STEPS: usize = 12;

/// Scenario: twelve faults in a row, each drawn from the seed: the hub's, the receivers', those of the ways between, and
/// ends of the bridge in order or not; two targets share a group, one has its own; events of every shape.
/// Guarantees: all five invariants, with every checkpoint looked at on the way.
#[tokio::test]
async fn known_seeds_hold() {
    let further = std::env::var(SEEDS_VARIABLE).unwrap_or_default();
    let further = further
        .split(',')
        .filter(|text| !text.trim().is_empty())
        .map(|text| text.trim().parse().expect("a seed is a number"));
    let seeds: Vec<u64> = [1, 2, 3, 4, 5, 6, 7, 8].into_iter().chain(further).collect();
    futures_util::future::join_all(seeds.into_iter().map(run)).await;
}

async fn run(seed: u64) {
    let mut schedule = Schedule::new(seed);
    let targets = [
        TargetPlan {
            drops_snapshots: true,
            acknowledgement_timeout: "2s",
            ..TargetPlan::splunk("soc").kinds(&["alert", "assessment"])
        },
        TargetPlan::file("archive").kinds(&["alert", "assessment", "secure_score"]),
        TargetPlan {
            acknowledgement_timeout: "2s",
            ..TargetPlan::splunk("own")
                .kinds(&["assessment", "secure_score"])
                .group("apart")
        },
    ];
    let mut stage = Stage::open(Plan {
        window_events: 60,
        window_bytes: "1MiB",
        ..Plan::new(3, targets)
    })
    .await;
    stage.name = format!("seed {seed}");
    for step in 0..STEPS {
        schedule.step(step, &mut stage).await;
    }
    eprintln!("seed {seed}: the faults are over");
    stage.close().await;
    eprintln!("seed {seed}: all is well");
}
