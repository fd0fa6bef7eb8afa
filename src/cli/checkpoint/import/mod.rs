//! `checkpoint import`.

mod arguments; // where from, and under which names
mod raw; // what a source says
mod exported; // a source: our own export
mod storage; // another consumer's container
mod blobs; // a source: its blobs
mod verify; // compared with the hub
mod plan; // what is done with each partition
mod show; // the plan in words

use std::sync::Arc;

use anyhow::anyhow;

use self::plan::{Decision, Found, Partition};
use self::raw::Raw;
use super::group;
use super::hub::Hub;
use super::taken::Taken;
use super::view::View;
use crate::cli::exit::Failure;
use crate::cli::{load, output};
use crate::config::Configuration;
use crate::event::Timestamp;

pub use self::arguments::ImportArguments;

/// Everything that is known before something is written.
struct Planned {
    plan: Vec<(Partition, Decision)>,
    /// What cannot be read and tells no partition: place, and what is wrong.
    strays: Vec<(String, String)>,
    warnings: Vec<String>,
}

/// Plans, says the plan, and carries it out unless that was not wanted, or something cannot be used.
pub(super) fn run(arguments: ImportArguments) -> Result<(), Failure> {
    arguments.check()?;
    let configuration = load::configuration(&arguments.config.config)?;
    let group = group::group(&configuration, arguments.consumer_group.as_deref())?;
    load::block_on(import(&configuration, &group, &arguments))?
}

async fn import(
    configuration: &Configuration,
    group: &Arc<str>,
    arguments: &ImportArguments,
) -> Result<(), Failure> {
    // Taken first: what is decided below must not change meanwhile.
    let taken = match arguments.dry_run {
        true => None,
        false => Some(Taken::take(configuration, group, arguments.despite_owner).await?),
    };
    let hub = match arguments.offline {
        true => None,
        false => Some(Hub::connect(configuration, group).await?),
    };
    let planned = plan(configuration, group, arguments, hub.as_ref()).await;
    if let Some(hub) = hub {
        hub.close().await;
    }
    let planned = planned?;
    planned.say(arguments)?;
    warn_of_kafka(configuration, group);
    planned.refuse(configuration, group, arguments)?;
    let Some(taken) = taken else {
        return note(arguments, "dry run: nothing was changed");
    };
    let imports =
        planned
            .plan
            .iter()
            .filter_map(|(partition, decision)| match (&partition.found, decision) {
                (Found::Position(position), Decision::Import { .. }) => {
                    Some((&partition.partition, &position.checkpoint))
                }
                _ => None,
            });
    let imports: Vec<_> = imports.collect();
    let count = imports.len();
    taken.store_all(imports).await?;
    note(arguments, &format!("{count} positions imported"))
}

async fn plan(
    configuration: &Configuration,
    group: &Arc<str>,
    arguments: &ImportArguments,
    hub: Option<&Hub>,
) -> Result<Planned, Failure> {
    let mut existing = View::open(configuration, group)?.load_all().await?;
    let partitions = hub.map(|hub| &*hub.partitions);
    let Raw {
        partitions: mut items,
        strays,
        mut warnings,
    } = arguments.read(configuration, group, partitions).await?;
    let known: Vec<_> = match hub {
        Some(hub) => {
            for (partition, item) in items
                .iter()
                .filter(|(partition, _)| !hub.partitions.contains(partition))
            {
                warnings.push(format!(
                    "the hub has no partition `{partition}`; {} is left out",
                    item.place
                ));
            }
            hub.partitions.clone()
        }
        None => {
            warnings.push("the hub was not asked: whether it has these positions is not known".to_owned());
            items.keys().cloned().collect()
        }
    };
    let mut plan = Vec::new();
    for partition in known {
        let found = match items.remove(&partition) {
            Some(item) => verify::verify(hub, &partition, item).await?,
            None => Found::Nothing,
        };
        let existing = existing.remove(&partition).map(|kept| kept.checkpoint);
        let partition = Partition {
            partition,
            found,
            existing,
        };
        let made: Option<Timestamp> = hub.map(|hub| hub.created_at);
        let decision = partition.decide(made, arguments.overwrite);
        plan.push((partition, decision));
    }
    Ok(Planned {
        plan,
        strays,
        warnings,
    })
}

impl Planned {
    fn say(&self, arguments: &ImportArguments) -> Result<(), Failure> {
        match arguments.json {
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

    /// Nothing is written where something is there that cannot be used, or where nothing is there at all.
    fn refuse(
        &self,
        configuration: &Configuration,
        group: &str,
        arguments: &ImportArguments,
    ) -> Result<(), Failure> {
        let unusable = self.strays.len()
            + self
                .plan
                .iter()
                .filter(|(_, decision)| matches!(decision, Decision::Unusable(_)))
                .count();
        if unusable > 0 && !arguments.skip_unusable {
            return Err(Failure::State(anyhow!(
                "{unusable} positions cannot be used, and nothing was written; `--skip-unusable` leaves them out"
            )));
        }
        let is_empty = self
            .plan
            .iter()
            .all(|(_, decision)| *decision == Decision::Nothing);
        match is_empty && unusable == 0 {
            true => Err(Failure::Usage(anyhow!(
                "no position was found; {}",
                arguments.expected(configuration, group)
            ))),
            false => Ok(()),
        }
    }
}

/// Where a target keeps the positions together with its records, those count as long as they are further.
fn warn_of_kafka(configuration: &Configuration, group: &Arc<str>) {
    let mut targets = configuration.targets.iter();
    if let Some(target) = targets.find(|target| target.consumer_group == *group && target.keeps_positions()) {
        eprintln!(
            "warning: target `{}` keeps the positions of the group in Kafka, beside its records; a position that is \
             imported counts only where Kafka has none, or where it is further",
            target.name
        );
    }
}

/// A line for people.
fn note(arguments: &ImportArguments, text: &str) -> Result<(), Failure> {
    match arguments.json {
        true => {
            eprintln!("{text}");
            Ok(())
        }
        false => output::text(text),
    }
}
