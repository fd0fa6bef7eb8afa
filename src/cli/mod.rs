//! The command line: one file for each verb.

use std::path::PathBuf;

use clap::{Parser, Subcommand};

pub mod audit;
pub mod check;
pub mod checkpoint;
pub mod dead_letters;
pub mod demo;
mod display;
pub mod emulator;
pub mod exit;
pub mod health;
pub mod load;
pub mod mappings;
pub mod output;
pub mod preview;
pub mod replay;
pub mod run;
pub mod schema;
pub mod test;

use exit::Failure;

/// Brings Microsoft Defender for Cloud's continuous export from an Azure event hub to your SIEM, without losing an item.
#[derive(Debug, Parser)]
#[command(version, max_term_width = 100, after_long_help = EXAMPLES)]
pub struct Arguments {
    /// What to do.
    #[command(subcommand)]
    pub verb: Verb,
}

const EXAMPLES: &str = "\
Examples:
  hub2siem demo                              see it work, without Azure and without Splunk
  hub2siem check --config bridge.yaml        find every mistake of a configuration, offline
  hub2siem check --connect                   try the hub and the targets, harmlessly
  hub2siem run --config bridge.yaml          run the bridge until SIGTERM
  hub2siem preview --mapping ecs --input alert.json --explain
                                             see what a mapping makes of a record, and why
  hub2siem mappings export ecs/alert --to ./mappings --extends
                                             start an override
  hub2siem test ./mappings                   run the tests of your own mappings
  hub2siem dead-letters list --reason map_error
                                             what was refused for good, and why
  hub2siem dead-letters replay --of soc-splunk
                                             send it again, once the cause is mended
  hub2siem replay --partition all --from 6h --target soc-splunk --consumer-group replay
                                             send the last six hours once more, beside the running bridge
  hub2siem checkpoint import --from functions --container-url https://… --dry-run
                                             what would be taken over from an Azure Function
  hub2siem audit --since 2026-02-01          prove that nothing was lost since then
  hub2siem schema config > hub2siem.schema.json   completion and checks in an editor";

/// The verbs.
#[derive(Debug, Subcommand)]
pub enum Verb {
    /// Run the bridge until SIGTERM or Ctrl-C; a second signal ends at once.
    Run(ConfigArguments),
    /// Find every mistake in the configuration and the mappings; with --connect also try each peer, harmlessly.
    Check(check::CheckArguments),
    /// Run everything in one process: a hub, a sender, the bridge and a receiver. Needs no configuration.
    Demo(demo::DemoArguments),
    /// Print what a mapping makes of records at hand, or of events in the hub; nothing is sent anywhere.
    Preview(Box<preview::PreviewArguments>),
    /// Run the tests of mappings: your own and the embedded ones, without a hub and without a SIEM.
    Test(test::TestArguments),
    /// List, show and export the mappings there are.
    #[command(subcommand)]
    Mappings(mappings::MappingsArguments),
    /// List, show and export what was refused for good, send it again, and remove what is done with.
    #[command(subcommand)]
    DeadLetters(Box<dead_letters::DeadLettersArguments>),
    /// Print a JSON Schema, for completion and checks in an editor.
    Schema(schema::SchemaArguments),
    /// Read a range of the hub once more for one target, beside the running bridge.
    Replay(Box<replay::ReplayArguments>),
    /// List, move, export and import the stored positions.
    #[command(subcommand)]
    Checkpoint(Box<checkpoint::CheckpointArguments>),
    /// Show what became of every event and record, from totals that survive a kill, and whether they add up.
    Audit(audit::AuditArguments),
    /// Ask the running bridge whether it is ready; for images without curl.
    Health(ConfigArguments),
    /// Run a stand-in for the event hub or for Splunk, for tests and demonstrations.
    #[command(subcommand)]
    Emulator(emulator::EmulatorArguments),
}

/// Where the configuration is.
#[derive(Debug, clap::Args)]
pub struct ConfigArguments {
    /// The configuration file.
    #[arg(
        long,
        value_name = "PATH",
        default_value = load::DEFAULT_CONFIG,
        env = "HUB2SIEM_CONFIG"
    )]
    pub config: PathBuf,
}

/// Runs one verb to its end.
pub fn run(arguments: Arguments) -> Result<(), Failure> {
    match arguments.verb {
        Verb::Run(arguments) => run::run(&arguments.config),
        Verb::Check(arguments) => check::run(&arguments),
        Verb::Demo(arguments) => demo::run(&arguments),
        Verb::Preview(arguments) => preview::run(&arguments),
        Verb::Mappings(arguments) => mappings::run(&arguments),
        Verb::Test(arguments) => test::run(&arguments),
        Verb::DeadLetters(arguments) => dead_letters::run(*arguments),
        Verb::Schema(arguments) => schema::run(&arguments),
        Verb::Replay(arguments) => replay::run(*arguments),
        Verb::Checkpoint(arguments) => checkpoint::run(*arguments),
        Verb::Audit(arguments) => audit::run(&arguments),
        Verb::Health(arguments) => health::run(&arguments.config),
        Verb::Emulator(arguments) => emulator::run(arguments),
    }
}
