//! Puts a new configuration in the place of the one in use.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use tokio::sync::{mpsc, watch};

use crate::checkpoint::BlobStore;
use crate::config::reloadable::{Changes, needs_restart};
use crate::config::{CheckpointSettings, Configuration, Diagnostics};
use crate::event::Rendered;
use crate::eventhub::HubSettings;
use crate::pipeline::bridge;
use crate::pipeline::edition::Edition;
use crate::pipeline::workers::Live;
use crate::proxy;
use crate::route::last_delivered::Keeper;
use crate::telemetry::Metrics;

/// Everything of a running bridge that a reload replaces, and the configuration that is in use.
pub struct Exchange {
    current: Configuration,
    editions: watch::Sender<Arc<Edition>>,
    /// The ways to the targets' workers, for the readers of the next edition.
    records: BTreeMap<Arc<str>, mpsc::Sender<Rendered>>,
    /// Where a target's workers hear of new settings.
    settings: BTreeMap<Arc<str>, Live>,
    /// The checkpoints that other instances share, one store for each consumer group.
    stores: Vec<BlobStore>,
    /// What the targets last delivered; every edition asks the same.
    last_delivered: Arc<Keeper>,
    metrics: Arc<Metrics>,
}

/// What a new configuration meant for the running bridge.
#[derive(Debug, PartialEq, Eq)]
pub enum Exchanged {
    /// It is in use.
    Applied {
        /// Number of the edition.
        edition: u64,
        /// Options and files that differ.
        changed: Vec<String>,
    },
    /// It says what is in use already.
    Unchanged,
}

impl Exchange {
    /// The first edition of `current`, which its readers get from [`Exchange::editions`].
    pub fn new(
        current: Configuration,
        records: BTreeMap<Arc<str>, mpsc::Sender<Rendered>>,
        settings: BTreeMap<Arc<str>, Live>,
        stores: Vec<BlobStore>,
        last_delivered: Arc<Keeper>,
        metrics: Arc<Metrics>,
    ) -> Self {
        let groups = bridge::dispatches(&current, &records, &last_delivered, &metrics);
        let edition = Arc::new(Edition { number: 1, groups });
        metrics.config_edition.set(1);
        if let Some(credential) = &current.credential {
            credential.measure(&metrics);
        }
        metrics.config_last_reload_successful.set(1);
        show_revisions(&metrics, &BTreeSet::new(), &revisions(&current));
        Self {
            current,
            editions: watch::Sender::new(edition),
            records,
            settings,
            stores,
            last_delivered,
            metrics,
        }
    }

    /// The configuration in use.
    pub fn current(&self) -> &Configuration {
        &self.current
    }

    /// Where readers see the newest edition.
    pub fn editions(&self) -> watch::Receiver<Arc<Edition>> {
        self.editions.subscribe()
    }

    /// Puts `new` in the place of what is in use. Nothing changes if it differs in what a running bridge cannot take
    /// over; the diagnostics then name every such option.
    pub fn apply(&mut self, new: Configuration) -> Result<Exchanged, Diagnostics> {
        let Changes { live, mut refused } = Changes::between(&self.current.options, &new.options);
        if !is_same_hub(&self.current.hub, &new.hub) && refused.0.is_empty() {
            refused.push(needs_restart("event_hub.connection_string", "names another hub"));
        }
        let containers = [&self.current, &new].map(|it| it.checkpoint.blob().map(|blob| &blob.container));
        if containers[0] != containers[1] && refused.0.is_empty() {
            refused.push(needs_restart(
                "checkpoint.blob.connection_string",
                "names another account",
            ));
        }
        if !refused.0.is_empty() {
            return Err(refused);
        }
        let files = self.current.fingerprint.differing(&new.fingerprint);
        let files = files.into_iter().map(|path| path.display().to_string());
        let mut changed: Vec<String> = live.into_iter().chain(files).collect();
        // Two kinds of it may have no option that differs.
        if changed.is_empty() && !is_same_credential(&self.current, &new) {
            changed.push("credential".to_owned());
        }
        if changed.is_empty() {
            return Ok(Exchanged::Unchanged);
        }
        Ok(Exchanged::Applied {
            edition: self.replace(new),
            changed,
        })
    }

    /// The same credential goes on with the tokens it has.
    fn keep_credential(&self, new: &mut Configuration) {
        let Some(current) = &self.current.credential else {
            return;
        };
        if is_same_credential(&self.current, new) {
            new.credential = Some(current.clone());
            new.targets
                .iter_mut()
                .for_each(|target| target.settings.share_credential(current));
            if let CheckpointSettings::Blob(settings) = &mut new.checkpoint {
                settings.share_credential(current);
            }
        }
    }

    fn replace(&mut self, mut new: Configuration) -> u64 {
        self.keep_credential(&mut new);
        // Trust first: a new credential is tried at once.
        self.current.hub.tls.replace(new.hub.tls.get());
        let way = new.hub.proxy.get();
        let is_same_way = proxy::settings::is_same(self.current.hub.proxy.get().as_ref(), way.as_ref());
        self.current.hub.proxy.replace(way);
        let credential = new.hub.credential.get();
        // Whatever waits for its next try waits for a credential; another way out is worth a try at once too.
        if !is_same_way || !self.current.hub.credential.get().is_same(&credential) {
            self.current.hub.credential.replace(credential);
        }
        if let Some(credential) = &new.credential {
            credential.measure(&self.metrics);
        }
        self.replace_stores(&new.checkpoint);
        for target in &new.targets {
            if let Some(live) = self.settings.get(&target.name) {
                live.replace(&target.settings);
            }
        }
        let number = self.editions.borrow().number + 1;
        let groups = bridge::dispatches(&new, &self.records, &self.last_delivered, &self.metrics);
        self.editions.send_replace(Arc::new(Edition { number, groups }));
        show_revisions(&self.metrics, &revisions(&self.current), &revisions(&new));
        self.metrics.config_edition.set(number as i64);
        // The running connections share the values within the first settings.
        let hub = self.current.hub.clone();
        self.current = Configuration { hub, ..new };
        number
    }
}

impl Exchange {
    fn replace_stores(&self, checkpoint: &CheckpointSettings) {
        let Some(settings) = checkpoint.blob() else { return };
        for store in &self.stores {
            if let Err(error) = store.replace(settings) {
                tracing::error!(
                    error = &error as &dyn std::error::Error,
                    hint = error.hint(),
                    "the blob store goes on with the key or signature it had"
                );
            }
        }
    }
}

fn is_same_credential(one: &Configuration, other: &Configuration) -> bool {
    match (&one.credential, &other.credential) {
        (Some(one), Some(other)) => one.is_same(other),
        (one, other) => one.is_none() && other.is_none(),
    }
}

/// Whether both read the same hub in the same way; the credential may differ.
fn is_same_hub(one: &HubSettings, other: &HubSettings) -> bool {
    let identity = |hub: &HubSettings| (hub.hub.clone(), hub.port, hub.tls.get().is_some());
    identity(one) == identity(other)
}

/// Labels of `mapping_revision_info`: target, mapping, revision.
fn revisions(configuration: &Configuration) -> BTreeSet<[Arc<str>; 3]> {
    let targets = configuration.targets.iter();
    targets
        .flat_map(|target| {
            let revisions = target.mapping.revisions();
            revisions.map(|revision| {
                [
                    Arc::clone(&target.name),
                    Arc::clone(target.mapping.name()),
                    Arc::clone(revision),
                ]
            })
        })
        .collect()
}

fn show_revisions(metrics: &Metrics, before: &BTreeSet<[Arc<str>; 3]>, after: &BTreeSet<[Arc<str>; 3]>) {
    let info = &metrics.mapping_revision_info;
    for labels in before.difference(after) {
        let removed = info.remove_label_values(&labels.each_ref().map(|label| &**label));
        debug_assert!(removed.is_ok(), "what was in use was shown");
    }
    for labels in after {
        info.with_label_values(&labels.each_ref().map(|label| &**label))
            .set(1);
    }
}
