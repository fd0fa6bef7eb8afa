//! `check`: every mistake of the configuration; with `--connect` also every peer, tried harmlessly.

mod display; // lines for people
mod json; // lines for programs
mod subjects; // what is tried

use futures_util::StreamExt;

use super::ConfigArguments;
use super::exit::Failure;
use super::load;
use crate::config::Configuration;
use crate::finding::Finding;

/// What to check.
#[derive(Debug, clap::Args)]
pub struct CheckArguments {
    /// Where the configuration is.
    #[command(flatten)]
    pub config: ConfigArguments,
    /// Also try the hub, the checkpoint store and every target, step by step. Nothing is written to a target, and an active
    /// reader is not disturbed.
    #[arg(long)]
    pub connect: bool,
    /// Print one JSON object for each thing tried, and nothing else.
    #[arg(long, requires = "connect")]
    pub json: bool,
}

/// Prints what was found; fails with 64 for a mistake in the files and 69 for a peer that would refuse.
pub fn run(arguments: &CheckArguments) -> Result<(), Failure> {
    let configuration = load::configuration(&arguments.config.config)?;
    if !arguments.json {
        println!("{}: no mistakes", arguments.config.config.display());
        print_targets(&configuration);
    }
    if !arguments.connect {
        return Ok(());
    }
    let print = if arguments.json {
        json::print
    } else {
        display::print
    };
    let (tried, failed) = load::block_on(connect(&configuration, print))?;
    match failed {
        0 => Ok(()),
        _ => Err(Failure::Peer(anyhow::anyhow!(
            "{failed} of {tried} checks failed"
        ))),
    }
}

fn print_targets(configuration: &Configuration) {
    for target in &configuration.targets {
        println!(
            "  target {}: mapping {}, consumer group {}{}",
            target.name,
            target.mapping.name(),
            target.consumer_group,
            if target.is_given_up { ", given up" } else { "" }
        );
    }
}

/// Tries everything at once and prints it in order. Gives the number of things that were tried, and of those that failed.
async fn connect(configuration: &Configuration, print: fn(&str, &Finding)) -> (usize, usize) {
    let (mut tried, mut failed) = (0, 0);
    let mut subjects = subjects::all(configuration);
    while let Some((what, findings)) = subjects.next().await {
        for finding in &findings {
            tried += 1;
            failed += usize::from(finding.failure().is_some());
            print(&what, finding);
        }
    }
    (tried, failed)
}
