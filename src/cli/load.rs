//! What several verbs begin with: the configuration, the TLS provider, the runtime.

use std::future::Future;
use std::path::Path;
use std::time::Duration;

use anyhow::Context;

use super::exit::Failure;
use crate::config::{Configuration, Diagnostics};

/// Reads and checks the configuration at `path`, and its mappings. Warnings are printed.
pub fn configuration(path: &Path) -> Result<Configuration, Failure> {
    let (configuration, warnings) = crate::config::load(path)?;
    print_warnings(&warnings);
    Ok(configuration)
}

/// Prints what can be used but should be looked at.
pub fn print_warnings(warnings: &Diagnostics) {
    if !warnings.0.is_empty() {
        eprint!(
            "{}",
            warnings.render(std::io::IsTerminal::is_terminal(&std::io::stderr()))
        );
    }
}

/// How long blocking work may take to end after everything else has.
const SHUTDOWN_TIMEOUT: Duration = Duration::from_secs(1);

/// Runs `future` on a runtime with every core.
pub fn block_on<T>(future: impl Future<Output = T>) -> Result<T, Failure> {
    let provider = rustls::crypto::aws_lc_rs::default_provider();
    // An error only says that a provider is installed already, and there is no other one in the program.
    drop(provider.install_default());
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .context("failed to start the runtime")
        .map_err(Failure::Internal)?;
    let result = runtime.block_on(future);
    // A thread that is stuck in a write to a full pipe must not keep the process.
    runtime.shutdown_timeout(SHUTDOWN_TIMEOUT);
    Ok(result)
}
