//! Exit codes, and how a failure is printed: once, with its causes, in one place.

use std::fmt::Write as _;
use std::io::IsTerminal;
use std::process::ExitCode;

use tokio::task::JoinError;

use crate::checkpoint::{self, blob};
use crate::config::Diagnostics;
use crate::telemetry::log;

/// Why a verb failed; each variant is one exit code.
#[derive(Debug)]
pub enum Failure {
    /// What was tried does not do what it should, such as a test of a mapping, or is not done to its end: 1.
    Check(anyhow::Error),
    /// The configuration or a mapping is wrong: 64.
    Configuration(Diagnostics),
    /// The command line, or what it names, is wrong: 64.
    Usage(anyhow::Error),
    /// A peer cannot be reached or refuses: 69.
    Peer(anyhow::Error),
    /// Our own bug, or a machine that gives no threads or sockets: 70.
    Internal(anyhow::Error),
    /// State that cannot be read, is foreign, or is locked by another process: 74.
    State(anyhow::Error),
}

impl Failure {
    /// The exit code, after the tradition of `sysexits.h`.
    pub fn code(&self) -> u8 {
        match self {
            Failure::Check(_) => 1,
            Failure::Configuration(_) | Failure::Usage(_) => 64,
            Failure::Peer(_) => 69,
            Failure::Internal(_) => 70,
            Failure::State(_) => 74,
        }
    }

    /// What became of a task that did not come to its end by itself; `what` says which one.
    pub fn of_task(what: &'static str) -> impl Fn(JoinError) -> Self {
        move |error| Failure::Internal(anyhow::Error::new(error).context(what))
    }

    /// The failure as it is printed.
    pub fn render(&self, is_terminal: bool) -> String {
        match self {
            Failure::Configuration(diagnostics) => diagnostics.render(is_terminal),
            Failure::Check(error)
            | Failure::Usage(error)
            | Failure::Peer(error)
            | Failure::Internal(error)
            | Failure::State(error) => {
                let mut text = format!("error: {error}\n");
                for cause in error.chain().skip(1) {
                    writeln!(text, "  caused by: {cause}").expect("writing to a String cannot fail");
                }
                if let Some(store) = error
                    .chain()
                    .find_map(|cause| cause.downcast_ref::<checkpoint::Error>())
                {
                    writeln!(text, "hint: {}", store.hint()).expect("writing to a String cannot fail");
                }
                text
            }
        }
    }
}

impl From<Diagnostics> for Failure {
    fn from(diagnostics: Diagnostics) -> Self {
        Failure::Configuration(diagnostics)
    }
}

/// A blob store is a peer; what stands in it, and a directory, is state.
impl From<checkpoint::Error> for Failure {
    fn from(error: checkpoint::Error) -> Self {
        match &error {
            checkpoint::Error::Blob(blob::Error::Invalid { .. }) => Failure::State(error.into()),
            checkpoint::Error::Blob(_) => Failure::Peer(error.into()),
            _ => Failure::State(error.into()),
        }
    }
}

/// Prints a failure, after the log, and gives the exit code. Where nobody reads, only the code.
pub fn report(result: Result<(), Failure>) -> ExitCode {
    match result {
        Ok(()) => {
            log::finish();
            ExitCode::SUCCESS
        }
        Err(failure) => {
            log::last_words(&failure.render(std::io::stderr().is_terminal()));
            ExitCode::from(failure.code())
        }
    }
}

/// Prints clap's message; help and version are no failure.
pub fn usage(error: &clap::Error) -> ExitCode {
    let printed = error.print();
    if error.use_stderr() || printed.is_err() {
        ExitCode::from(64)
    } else {
        ExitCode::SUCCESS
    }
}
