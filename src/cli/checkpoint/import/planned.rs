//! Everything that is known before something is written, and the decisions that follow.

use std::collections::BTreeMap;

use anyhow::anyhow;

use super::ImportArguments;
use super::plan::{Decision, Found, Partition};
use super::raw::{Item, Raw};
use super::{show, verify};
use crate::checkpoint::Checkpoint;
use crate::cli::checkpoint::hub::Hub;
use crate::cli::checkpoint::view::View;
use crate::cli::exit::Failure;
use crate::cli::output;
use crate::config::Configuration;
use crate::event::PartitionId;

/// An import that is worked out.
pub(super) struct Planned {
    plan: Vec<(Partition, Decision)>,
    /// What cannot be read and tells no partition: place, and what is wrong.
    strays: Vec<(String, String)>,
    warnings: Vec<String>,
}

impl Planned {
    /// Reads the source and the own store, and asks the hub, if there is one.
    pub(super) async fn new(
        configuration: &Configuration,
        group: &str,
        arguments: &ImportArguments,
        hub: Option<&Hub>,
    ) -> Result<Self, Failure> {
        let mut existing = View::open(configuration, group)?.load_all().await?;
        let Raw {
            partitions: mut items,
            strays,
            mut warnings,
        } = arguments
            .read(configuration, group, hub.map(|hub| &*hub.partitions))
            .await?;
        let mut plan = Vec::new();
        for partition in partitions(hub, &items, &mut warnings) {
            let found = match items.remove(&partition) {
                Some(item) => verify::verify(hub, &partition, item).await?,
                None => Found::Nothing,
            };
            let partition = Partition {
                existing: existing.remove(&partition).map(|kept| kept.checkpoint),
                partition,
                found,
            };
            let decision = partition.decide(hub.map(|hub| hub.created_at), arguments.overwrite);
            plan.push((partition, decision));
        }
        Ok(Self {
            plan,
            strays,
            warnings,
        })
    }

    /// Prints the plan, and on standard error what should be known of it.
    pub(super) fn say(&self, is_json: bool) -> Result<(), Failure> {
        match is_json {
            true => {
                for (partition, decision) in &self.plan {
                    output::line(&show::json(partition, *decision))?;
                }
            }
            false => output::text(&show::text(&self.plan))?,
        }
        for (place, detail) in &self.strays {
            eprintln!("warning: {place} cannot be read: {detail}");
        }
        for warning in &self.warnings {
            eprintln!("warning: {warning}");
        }
        for (partition, _) in &self.plan {
            if let Found::Position(position) = &partition.found {
                for note in &position.notes {
                    eprintln!("warning: partition {}: {note}", partition.partition);
                }
            }
        }
        Ok(())
    }

    /// Nothing is written where something is there that cannot be used, or where nothing is there at all; `expected` says
    /// what was looked for.
    pub(super) fn refuse(
        &self,
        skip_unusable: bool,
        expected: impl FnOnce() -> String,
    ) -> Result<(), Failure> {
        let decisions = self.plan.iter().map(|(_, decision)| decision);
        let unusable = decisions.filter(|decision| matches!(decision, Decision::Unusable(_)));
        let unusable = self.strays.len() + unusable.count();
        if unusable > 0 && !skip_unusable {
            return Err(Failure::State(anyhow!(
                "{unusable} positions cannot be used, and nothing was written; `--skip-unusable` leaves them out"
            )));
        }
        let mut decisions = self.plan.iter().map(|(_, decision)| decision);
        match unusable == 0 && decisions.all(|decision| *decision == Decision::Nothing) {
            true => Err(Failure::Usage(anyhow!("no position was found; {}", expected()))),
            false => Ok(()),
        }
    }

    /// What is to be stored. What comes again by going back is wanted by all targets.
    pub(super) fn imports(&self) -> Vec<(&PartitionId, Checkpoint)> {
        let plan = self.plan.iter();
        let imports = plan.filter_map(|(partition, decision)| match (&partition.found, decision) {
            (Found::Position(position), Decision::Import { back }) => {
                let mut checkpoint = position.checkpoint.clone();
                if *back > 0 {
                    checkpoint.targets.clear();
                }
                Some((&partition.partition, checkpoint))
            }
            _ => None,
        });
        imports.collect()
    }
}

/// The partitions of the hub; those that were found, where it was not asked.
fn partitions(
    hub: Option<&Hub>,
    items: &BTreeMap<PartitionId, Item>,
    warnings: &mut Vec<String>,
) -> Vec<PartitionId> {
    let Some(hub) = hub else {
        warnings.push("the hub was not asked: whether it has these positions is not known".to_owned());
        return items.keys().cloned().collect();
    };
    let others = items
        .iter()
        .filter(|(partition, _)| !hub.partitions.contains(partition));
    for (partition, item) in others {
        warnings.push(format!(
            "the hub has no partition `{partition}`; {} is left out",
            item.place
        ));
    }
    hub.partitions.clone()
}
