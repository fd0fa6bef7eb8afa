//! What several verbs begin with: the configuration, the TLS provider, the runtime.

use std::future::Future;
use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, anyhow};
use secrecy::SecretString;

use super::exit::Failure;
use crate::config::{Configuration, Diagnostics};
use crate::map::{MappingOptions, Mappings, Salt};

/// Reads and checks the configuration at `path`, and its mappings. Warnings are printed.
pub fn configuration(path: &Path) -> Result<Configuration, Failure> {
    let (configuration, warnings) = crate::config::load(path)?;
    print_warnings(&warnings);
    Ok(configuration)
}

/// Which mappings to work with: the embedded ones, and those of a folder laid over them.
#[derive(Debug, clap::Args)]
pub struct MappingArguments {
    /// A folder of mappings that add to the embedded ones and override those of the same name; by default the
    /// configuration's `mappings_directory`.
    #[arg(long, value_name = "DIR")]
    pub mappings: Option<PathBuf>,
    /// The configuration file; by default `./hub2siem.yaml`, if it is there.
    #[arg(long, value_name = "PATH", env = "HUB2SIEM_CONFIG")]
    pub config: Option<PathBuf>,
}

/// Where the configuration is unless the command line says otherwise.
pub const DEFAULT_CONFIG: &str = "./hub2siem.yaml";

impl MappingArguments {
    /// The folder to lay over the embedded mappings.
    pub fn directory(&self) -> Result<Option<PathBuf>, Failure> {
        if self.mappings.is_some() {
            return Ok(self.mappings.clone());
        }
        let default = Path::new(DEFAULT_CONFIG);
        match &self.config {
            Some(config) => Ok(crate::config::mappings_directory(config)?),
            None if default.exists() => Ok(crate::config::mappings_directory(default)?),
            None => Ok(None),
        }
    }

    /// The mappings. Warnings are printed.
    pub fn load(&self) -> Result<Mappings, Failure> {
        mappings(self.directory()?.as_deref())
    }
}

/// A consumer group to read the hub through beside the bridge. Those of the configuration belong to it: Event Hubs
/// compares their names without case.
pub fn spare_group(group: &str, configuration: &Configuration) -> Result<Arc<str>, Failure> {
    let groups = configuration.groups();
    let is_taken = groups.iter().any(|known| known.eq_ignore_ascii_case(group));
    match is_taken {
        true => Err(Failure::Usage(anyhow!(
            "consumer group `{group}` is read by this configuration; make one of its own for this in the hub"
        ))),
        false => Ok(Arc::from(group)),
    }
}

/// What `sha256` mixes in where nothing is sent: tests give the same result everywhere, need no secret, and what they
/// print cannot be compared with what the bridge sends.
const PUBLIC_SALT: &str = "hub2siem test and preview";

/// The embedded mappings with those of `directory` laid over them. Warnings are printed.
pub fn mappings(directory: Option<&Path>) -> Result<Mappings, Failure> {
    let options = MappingOptions {
        directory,
        salt: Some(Salt::new(&SecretString::from(PUBLIC_SALT))),
    };
    let mappings = Mappings::load_with(options)?;
    print_warnings(mappings.warnings());
    Ok(mappings)
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
    block_on_threads(None, future)
}

/// Runs `future` on a runtime with so many threads; `None`: one for each core. Work that blocks has threads of its own.
pub fn block_on_threads<T>(
    worker_threads: Option<NonZeroUsize>,
    future: impl Future<Output = T>,
) -> Result<T, Failure> {
    let provider = rustls::crypto::aws_lc_rs::default_provider();
    // An error only says that a provider is installed already, and there is no other one in the program.
    drop(provider.install_default());
    let mut builder = tokio::runtime::Builder::new_multi_thread();
    if let Some(worker_threads) = worker_threads {
        builder.worker_threads(worker_threads.get());
    }
    let runtime = builder
        .enable_all()
        .build()
        .context("failed to start the runtime")
        .map_err(Failure::Internal)?;
    let result = runtime.block_on(future);
    // A thread that is stuck in a write to a full pipe must not keep the process.
    runtime.shutdown_timeout(SHUTDOWN_TIMEOUT);
    Ok(result)
}

#[cfg(test)]
mod tests {
    use tokio::runtime::Handle;

    use super::*;

    const REST: &str = "checkpoint: { file: { directory: state } }\ndead_letter: { file: { directory: dead-letters } }\n\
        targets: { out: { file: { path: '-' }, mapping: native } }\n";
    const CONNECTION: &str =
        "Endpoint=sb://contoso.servicebus.windows.net/;SharedAccessKeyName=k;SharedAccessKey=c2VjcmV0";

    /// Scenario: configurations that say how many threads there are, and one that does not.
    /// Guarantees: the runtime has so many, else one; none at all is refused, and so are more than any machine can use.
    #[test]
    fn the_runtime_has_as_many_threads_as_configured() {
        let directory = tempfile::tempdir().expect("a temporary directory");
        let connection = directory.path().join("connection");
        std::fs::write(&connection, CONNECTION).expect("it is writable");
        let hub = format!(
            "event_hub: {{ connection_string: {{ file: '{}' }}, name: defender }}\n",
            connection.display()
        );
        let path = directory.path().join("hub2siem.yaml");
        let load = |option: &str| {
            std::fs::write(&path, format!("{option}{hub}{REST}")).expect("it is writable");
            configuration(&path)
        };
        for (option, expected) in [("", 1), ("worker_threads: 3\n", 3)] {
            let threads = load(option).expect("it can be used").worker_threads;
            let count = block_on_threads(Some(threads), async { Handle::current().metrics().num_workers() });
            assert_eq!(count.expect("there are threads to be had"), expected, "{option}");
        }
        for option in ["worker_threads: 0\n", "worker_threads: 257\n"] {
            let refused = load(option).expect_err("it cannot be used");
            assert!(matches!(refused, Failure::Configuration(_)), "{refused:?}");
        }
    }
}
