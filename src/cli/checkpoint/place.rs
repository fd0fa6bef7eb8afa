//! Which consumer groups are meant, and where their checkpoints are.

use std::collections::BTreeMap;
use std::sync::Arc;

use anyhow::anyhow;

use crate::checkpoint::file::Scope;
use crate::checkpoint::{Checkpoint, Error, FileStore, FileView, Store};
use crate::cli::exit::Failure;
use crate::config::Configuration;
use crate::event::{PartitionId, Timestamp};
use crate::eventhub::settings::PORT_TLS;

/// A checkpoint, and what its store knows of it.
#[derive(Debug, Clone)]
pub(super) struct Kept {
    pub(super) checkpoint: Checkpoint,
    /// When it was stored.
    pub(super) stored_at: Option<Timestamp>,
    /// Who owns the partition, where instances share the store.
    pub(super) owner: Option<String>,
}

/// The checkpoints of a consumer group, looked at without disturbing whoever is at work with them.
pub(super) struct View(FileView);

/// The checkpoints of a consumer group, which nothing else can work with meanwhile.
pub(super) struct Taken(Store);

/// The groups that were asked for: those of the configuration, or the one of this name.
pub(super) fn groups(configuration: &Configuration, name: Option<&str>) -> Result<Vec<Arc<str>>, Failure> {
    let all = configuration.groups();
    let Some(name) = name else {
        return Ok(all.into_iter().collect());
    };
    // Event Hubs compares their names without case, and so does the path of the store.
    match all.iter().find(|group| group.eq_ignore_ascii_case(name)) {
        Some(group) => Ok(vec![Arc::clone(group)]),
        None => {
            let known: Vec<_> = all.iter().map(|group| format!("`{group}`")).collect();
            Err(Failure::Usage(anyhow!(
                "no target of this configuration reads consumer group `{name}`; it has {}",
                known.join(", ")
            )))
        }
    }
}

/// The one group that was asked for, which may be left out where there is only one.
pub(super) fn group(configuration: &Configuration, name: Option<&str>) -> Result<Arc<str>, Failure> {
    let mut groups = groups(configuration, name)?;
    match (groups.pop(), groups.len()) {
        (Some(group), 0) => Ok(group),
        _ => Err(Failure::Usage(anyhow!(
            "this configuration reads several consumer groups; name one with `--consumer-group`"
        ))),
    }
}

impl View {
    /// Looks at a group.
    pub(super) fn open(configuration: &Configuration, group: &str) -> Result<Self, Failure> {
        let view = FileView::new(&configuration.checkpoint_directory, scope(configuration, group));
        view.map(Self).map_err(state)
    }

    /// Where it is, in words.
    pub(super) fn describe(&self) -> String {
        format!("directory {}", self.0.directory().display())
    }

    /// Everything that stands there.
    pub(super) async fn load_all(&self) -> Result<BTreeMap<PartitionId, Kept>, Failure> {
        let kept = |(partition, checkpoint)| {
            let kept = Kept {
                checkpoint,
                stored_at: self.0.stored_at(&partition),
                owner: None,
            };
            (partition, kept)
        };
        let all = self.0.load_all().map_err(state)?;
        Ok(all.into_iter().map(kept).collect())
    }

    /// What stands there of one partition.
    pub(super) async fn load(&self, partition: &PartitionId) -> Result<Option<Checkpoint>, Error> {
        self.0.load(partition)
    }
}

impl Taken {
    /// Takes the store of a group.
    pub(super) async fn take(configuration: &Configuration, group: &str) -> Result<Self, Failure> {
        let store = FileStore::open(&configuration.checkpoint_directory, scope(configuration, group));
        store.map(Store::File).map(Self).map_err(state)
    }

    /// Stores these checkpoints, in their order. What was stored before a failure stays.
    pub(super) async fn store_all<'c>(
        &self,
        checkpoints: impl IntoIterator<Item = (&'c PartitionId, &'c Checkpoint)>,
    ) -> Result<(), Failure> {
        for (partition, checkpoint) in checkpoints {
            self.0.store(partition, checkpoint).await.map_err(state)?;
        }
        Ok(())
    }
}

fn scope<'s>(configuration: &'s Configuration, group: &'s str) -> Scope<'s> {
    let hub = &configuration.hub;
    Scope {
        namespace: &hub.hub.namespace,
        port: (hub.port != PORT_TLS).then_some(hub.port),
        hub: &hub.hub.name,
        consumer_group: group,
    }
}

/// The failure of a store.
pub(super) fn state(error: Error) -> Failure {
    Failure::State(error.into())
}
