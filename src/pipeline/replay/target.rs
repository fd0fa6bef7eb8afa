//! The target that something is sent to once more.

use anyhow::anyhow;

use crate::cli::exit::Failure;
use crate::config::{Configuration, TargetConfiguration, TargetSettings};
use crate::deliver::file::output::{Error as OutputError, Output};
use crate::durable::line_file;

/// The target of that name, ready to be sent to.
pub(in crate::pipeline) fn target(
    configuration: &Configuration,
    name: &str,
) -> Result<TargetConfiguration, Failure> {
    let mut targets = configuration.targets.iter();
    let Some(target) = targets.find(|target| &*target.name == name) else {
        let names: Vec<_> = configuration.targets.iter().map(|target| &*target.name).collect();
        return Err(Failure::Usage(anyhow!(
            "the configuration has no target `{name}`; it has {}",
            names.join(", ")
        )));
    };
    match target.is_given_up {
        true => Err(Failure::Usage(anyhow!(
            "target `{name}` is given up: its `given_up` must go before it gets anything"
        ))),
        false => Ok(target.clone()),
    }
}

/// A file that the running bridge writes cannot be written here as well; waiting for it would be waiting for ever.
pub(in crate::pipeline) fn check_file(target: &TargetConfiguration) -> Result<(), Failure> {
    let TargetSettings::File(settings) = &target.settings else {
        return Ok(());
    };
    match Output::new(settings).open() {
        Err(OutputError::File(error @ line_file::Error::Locked { .. })) => Err(Failure::State(
            anyhow::Error::from(error).context(format!(
                "target `{}` is at work in the bridge; replay with a configuration in which its `path` is another one",
                target.name
            )),
        )),
        // Whatever else there is, its worker says and waits for.
        _ => Ok(()),
    }
}
