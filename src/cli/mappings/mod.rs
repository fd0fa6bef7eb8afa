//! `mappings`: the maps there are, to look at and to start an override from.

mod export; // shipped files, copied
mod list; // tables

use std::path::PathBuf;

use anyhow::anyhow;

use super::exit::Failure;
use super::load::MappingArguments;
use super::output;
use crate::config::diagnostic::nearest;
use crate::map::{MapInfo, Mappings};
use crate::mapping_test::sample;

/// What to do with the maps.
#[derive(Debug, clap::Subcommand)]
pub enum MappingsArguments {
    /// Print every map: kind, schema, revision, and whether it is embedded or one of your own.
    List(MappingArguments),
    /// Print the file of a map.
    Show(ShowArguments),
    /// Copy shipped maps and their tests into a folder, to start an override from.
    Export(ExportArguments),
    /// Print the names of the sample records in the program; tests and `preview` can name them.
    Samples,
}

/// Which map to print.
#[derive(Debug, clap::Args)]
pub struct ShowArguments {
    /// Its name, such as `ecs/alert`.
    #[arg(value_name = "SET/MAP")]
    pub map: String,
    /// Which mappings there are.
    #[command(flatten)]
    pub mappings: MappingArguments,
}

/// What to copy, and where to.
#[derive(Debug, clap::Args)]
pub struct ExportArguments {
    /// A set or a map, such as `ecs` or `ecs/alert`; without it everything that is shipped.
    #[arg(value_name = "SET[/MAP]")]
    pub what: Option<String>,
    /// The folder; it is made if need be. Files go to `DIR/<set>/`.
    #[arg(long, value_name = "DIR")]
    pub to: PathBuf,
    /// Write a short map that extends the shipped one, instead of a copy: later versions of it are then followed.
    #[arg(long)]
    pub extends: bool,
    /// Replace files that are there.
    #[arg(long)]
    pub force: bool,
}

/// Does it.
pub fn run(arguments: &MappingsArguments) -> Result<(), Failure> {
    match arguments {
        MappingsArguments::List(arguments) => output::text(&list::maps(&arguments.load()?)),
        MappingsArguments::Show(arguments) => {
            let mappings = arguments.mappings.load()?;
            output::text(&find(&arguments.map, &mappings)?.source.text)
        }
        MappingsArguments::Export(arguments) => export::run(arguments),
        MappingsArguments::Samples => output::text(&(sample::names().join("\n") + "\n")),
    }
}

/// The map called `name`, or a failure that suggests one.
fn find<'m>(name: &str, mappings: &'m Mappings) -> Result<&'m MapInfo, Failure> {
    mappings.map(name).ok_or_else(|| {
        let near = nearest(name, mappings.maps().map(|map| map.name.as_str()));
        let hint = match near {
            Some(near) => format!("; did you mean `{near}`?"),
            None => "; `hub2siem mappings list` shows all".to_owned(),
        };
        Failure::Usage(anyhow!("there is no map `{name}`{hint}"))
    })
}
