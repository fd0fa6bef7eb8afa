//! `checkpoint import`.

mod arguments; // where from, and under which names
mod raw; // what a source says
mod exported; // a source: our own export
mod storage; // another consumer's container
mod blobs; // a source: its blobs
mod verify; // compared with the hub
mod plan; // what is done with each partition
mod show; // a row of that in words
mod planned; // all of it

use std::sync::Arc;

use self::planned::Planned;
use super::group;
use super::hub::Hub;
use super::taken::Taken;
use crate::cli::exit::Failure;
use crate::cli::{load, output};
use crate::config::Configuration;

pub use self::arguments::ImportArguments;

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
    let planned = Planned::new(configuration, group, arguments, hub.as_ref()).await;
    if let Some(hub) = hub {
        hub.close().await;
    }
    let planned = planned?;
    planned.say(arguments.json)?;
    warn_of_kafka(configuration, group);
    planned.refuse(arguments.skip_unusable, || {
        arguments.expected(configuration, group)
    })?;
    let Some(taken) = taken else {
        return note(arguments, "dry run: nothing was changed");
    };
    let imports = planned.imports();
    let count = imports.len();
    let imports = imports
        .iter()
        .map(|(partition, checkpoint)| (*partition, checkpoint));
    taken.store_all(imports).await?;
    note(arguments, &format!("{count} positions imported"))
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
