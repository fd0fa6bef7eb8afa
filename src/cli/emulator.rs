//! `emulator`: the stand-ins that demo, tests and benchmarks run against, in a process of their own.

use super::exit::Failure;
use super::load::block_on;
use crate::emulator::event_hub::command as event_hub;
use crate::emulator::splunk_hec;

/// Which stand-in to run.
#[derive(Debug, clap::Subcommand)]
pub enum EmulatorArguments {
    /// An event hub: AMQP 1.0 with `$cbs` and `$management`, sends and receives; also the official clients can use it.
    EventHub(event_hub::Arguments),
    /// A Splunk HTTP Event Collector with indexer acknowledgement.
    SplunkHec(splunk_hec::Command),
}

/// Runs until SIGTERM or Ctrl-C.
pub fn run(arguments: EmulatorArguments) -> Result<(), Failure> {
    block_on(async {
        match arguments {
            EmulatorArguments::EventHub(arguments) => event_hub::run(arguments).await,
            EmulatorArguments::SplunkHec(arguments) => splunk_hec::run(arguments).await.map_err(Into::into),
        }
    })?
    .map_err(Failure::Internal)
}
