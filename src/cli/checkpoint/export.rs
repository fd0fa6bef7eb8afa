//! `checkpoint export`.

use std::path::PathBuf;

use anyhow::Context;

use super::group::{groups, namespace};
use super::view::View;
use crate::checkpoint::exported::{Exported, FORMAT};
use crate::cli::exit::Failure;
use crate::cli::{ConfigArguments, load, output};
use crate::durable::replace::replace;

/// What to export, and where to.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
A line is {\"format\":1,\"namespace\":…,\"hub\":…,\"consumer_group\":…,\"partition\":…,\"checkpoint\":{…}},
where `checkpoint` is what a file of the store says. It takes no lock and disturbs nobody.
Exit code 0; 64 for a wrong command line or configuration; 69 if the storage account cannot be
reached or refuses; 74 if a checkpoint cannot be read, or the file cannot be written.")]
pub struct ExportArguments {
    /// Where the configuration is.
    #[command(flatten)]
    pub config: ConfigArguments,
    /// Only this consumer group.
    #[arg(long, value_name = "NAME")]
    pub consumer_group: Option<String>,
    /// Write this file in place of standard output; one that is there is replaced as a whole.
    #[arg(long, value_name = "FILE")]
    pub output: Option<PathBuf>,
}

/// Writes a line for each partition of each group.
pub(super) fn run(arguments: &ExportArguments) -> Result<(), Failure> {
    let configuration = load::configuration(&arguments.config.config)?;
    let groups = groups(&configuration, arguments.consumer_group.as_deref())?;
    let hub = &configuration.hub.hub;
    let lines = load::block_on(async {
        let mut lines = Vec::new();
        for group in groups {
            for (partition, kept) in View::open(&configuration, &group)?.load_all().await? {
                lines.push(Exported {
                    format: FORMAT,
                    namespace: namespace(&configuration),
                    hub: hub.name.to_string(),
                    consumer_group: group.to_string(),
                    partition,
                    checkpoint: kept.checkpoint,
                });
            }
        }
        Ok::<_, Failure>(lines)
    })??;
    let lines = lines
        .iter()
        .map(|line| serde_json::to_vec(line).expect("a checkpoint is JSON"));
    let Some(path) = &arguments.output else {
        return lines.into_iter().try_for_each(|line| output::line(&line));
    };
    let content: Vec<u8> = lines.flat_map(|line| [line, b"\n".to_vec()].concat()).collect();
    replace(path, &content)
        .with_context(|| format!("failed to write `{}`", path.display()))
        .map_err(Failure::State)
}
