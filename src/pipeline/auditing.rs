//! The audit, between the configuration and the checkpointers.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::audit::Recorder;
use crate::checkpoint::file::Scope;
use crate::cli::exit::Failure;
use crate::config::Configuration;

/// Opens the files that the sums of each consumer group are recorded in. Blocks.
pub(super) fn open(configuration: &Configuration) -> Result<BTreeMap<Arc<str>, Recorder>, Failure> {
    let hub = &configuration.hub;
    let mut recorders = BTreeMap::new();
    for group in configuration.groups() {
        let scope = Scope {
            namespace: &hub.hub.namespace,
            port: hub.own_port(),
            hub: &hub.hub.name,
            consumer_group: &group,
        };
        let directory = scope.path_in(&configuration.state_directory);
        let directory = directory.map_err(|error| Failure::State(error.into()))?;
        let recorder = Recorder::open(&directory, Arc::clone(&group));
        let recorder = recorder.map_err(|error| Failure::State(error.into()))?;
        recorders.insert(group, recorder);
    }
    Ok(recorders)
}
