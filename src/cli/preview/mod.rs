//! `preview`: what a mapping makes of records at hand, or of those in the hub, without sending anything anywhere.

mod choice; // which maps
mod hub; // live events
mod input; // files and standard input
mod notes; // what is told about a record
mod records; // one event, rendered

use std::time::Duration;

use anyhow::anyhow;

use super::exit::Failure;
use super::load::MappingArguments;
use crate::mapping_test::carrier;
use choice::Choice;
use records::Preview;

/// What to render, with which maps, and what to tell about it.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Standard output has one rendered record a line and nothing else; whatever is told about them goes to standard error.
Records of a file count as taken in at 2026-01-01T00:00:00Z, so that two previews can be compared.
Exit code 1 if a record could not be rendered, 64 for a wrong command line or mapping, 69 if the hub refuses.

Examples:
  hub2siem preview --mapping ecs --input alert.json
  hub2siem preview --mapping ecs/alert --input sample:alert/wire.json --explain
  hub2siem preview --mapping ocsf --hub --consumer-group look --events 20 --unmapped")]
pub struct PreviewArguments {
    /// The set, `ecs`; or with it a kind or one of its maps, `ecs/alert`: other records are then left out.
    #[arg(long, value_name = "SET|SET/KIND")]
    pub mapping: String,
    /// A file whose content is the body of an event, or many after one another; `-` is standard input, a folder stands
    /// for all `.json` files in it, `sample:kind/name.json` for a sample in the program. May be repeated.
    #[arg(long, value_name = "FILE|-", required_unless_present = "hub")]
    pub input: Vec<String>,
    /// Which mappings there are.
    #[command(flatten)]
    pub mappings: MappingArguments,
    /// Tell where each target field comes from, and why a field is absent.
    #[arg(long)]
    pub explain: bool,
    /// Tell what the map does not take of a record.
    #[arg(long)]
    pub unmapped: bool,
    /// Read the newest events of the hub in the configuration, then those that arrive. No position is stored, and no
    /// reader is displaced.
    #[arg(long, conflicts_with = "input", requires = "consumer_group")]
    pub hub: bool,
    /// The consumer group to read the hub through; one that no target of the configuration uses.
    #[arg(long, value_name = "NAME", requires = "hub")]
    pub consumer_group: Option<String>,
    /// End after so many events of the hub.
    #[arg(long, value_name = "COUNT", default_value = "10", requires = "hub")]
    pub events: std::num::NonZeroUsize,
    /// End after so much time, whatever has come, such as `30s` or `5m`.
    #[arg(long, value_name = "DURATION", default_value = "30s", value_parser = duration, requires = "hub")]
    pub timeout: Duration,
}

/// Prints rendered records; fails with 1 if one could not be rendered.
pub fn run(arguments: &PreviewArguments) -> Result<(), Failure> {
    let mappings = arguments.mappings.load()?;
    let choice = Choice::new(&arguments.mapping, &mappings)?;
    let mut preview = Preview::new(&mappings, choice, arguments.explain, arguments.unmapped);
    if arguments.hub {
        hub::run(arguments, &mut preview)?;
    } else {
        for body in input::bodies(&arguments.input)? {
            let (hub, event) = carrier(body.content);
            preview.event(&hub, &event, &body.name)?;
        }
    }
    match preview.failed() {
        0 => Ok(()),
        failed => Err(Failure::Check(anyhow!("{failed} records could not be rendered"))),
    }
}

fn duration(text: &str) -> Result<Duration, String> {
    crate::config::Duration::parse(text)
        .map(crate::config::Duration::get)
        .ok_or_else(|| "write a whole number with its unit, such as `30s` or `5m`".to_owned())
}
