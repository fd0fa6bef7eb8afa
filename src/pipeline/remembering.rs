//! What the targets last delivered, between the configuration and the stages that ask and tell.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::acknowledge::Window;
use crate::cli::exit::Failure;
use crate::config::target::Snapshots;
use crate::config::{Configuration, TargetConfiguration};
use crate::event::Timestamp;
use crate::route::last_delivered::{Keeper, Remembering};
use crate::route::{ChangesOnly, SnapshotRule};
use crate::telemetry::Metrics;

/// Opens what the targets that compare snapshots last delivered, and locks it. `settled_until` has the enqueued time of
/// the newest checkpoint of each consumer group.
pub(super) fn open(
    configuration: &Configuration,
    settled_until: &BTreeMap<Arc<str>, Option<Timestamp>>,
    metrics: &Metrics,
) -> Result<Arc<Keeper>, Failure> {
    let comparing = configuration
        .targets
        .iter()
        .filter(|target| target.snapshots == Snapshots::ChangesOnly);
    let remembering: Vec<_> = comparing
        .map(|target| Remembering {
            name: Arc::clone(&target.name),
            settled_until: settled_until[&target.consumer_group],
        })
        .collect();
    let directory = &configuration.state_directory;
    Keeper::open(directory, &remembering, configuration.state_items, metrics)
        .map(Arc::new)
        .map_err(|error| Failure::State(error.into()))
}

/// What a target gets of the snapshots. Every edition of the configuration asks the same memory.
pub(super) fn rule(target: &TargetConfiguration, last_delivered: &Keeper) -> SnapshotRule {
    match target.snapshots {
        Snapshots::Pass => SnapshotRule::Pass,
        Snapshots::Drop => SnapshotRule::Drop,
        Snapshots::ChangesOnly => SnapshotRule::ChangesOnly(ChangesOnly {
            last_delivered: Arc::clone(last_delivered.target(&target.name).expect(
                "every target that compares has a memory, and which ones do changes only with a restart",
            )),
            score_change_at_least: target.score_change_at_least,
        }),
    }
}

/// Books what the targets of a consumer group remember in the window of that group.
pub(super) fn book_in(
    configuration: &Configuration,
    group: &str,
    last_delivered: &Keeper,
    window: &Arc<Window>,
) {
    let targets = configuration
        .targets
        .iter()
        .filter(|target| &*target.consumer_group == group);
    for memory in targets.filter_map(|target| last_delivered.target(&target.name)) {
        memory.book_in(window);
    }
}
