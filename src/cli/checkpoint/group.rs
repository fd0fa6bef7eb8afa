//! Which consumer groups are meant.

use std::sync::Arc;

use anyhow::anyhow;

use crate::checkpoint::file::Scope;
use crate::cli::exit::Failure;
use crate::config::Configuration;

/// The groups that were asked for: those of the configuration, or the one of this name.
pub(super) fn groups(configuration: &Configuration, name: Option<&str>) -> Result<Vec<Arc<str>>, Failure> {
    let all = configuration.groups();
    let Some(name) = name else {
        return Ok(all.into_iter().collect());
    };
    // Event Hubs compares their names without case, and so does the path of the store.
    match all.iter().find(|group| group.eq_ignore_ascii_case(name)) {
        Some(group) => Ok(vec![Arc::clone(group)]),
        None => {
            let known: Vec<_> = all.iter().map(|group| format!("`{group}`")).collect();
            Err(Failure::Usage(anyhow!(
                "no target of this configuration reads consumer group `{name}`; it has {}",
                known.join(", ")
            )))
        }
    }
}

/// The one group that was asked for, which may be left out where there is only one.
pub(super) fn group(configuration: &Configuration, name: Option<&str>) -> Result<Arc<str>, Failure> {
    let mut groups = groups(configuration, name)?;
    match (groups.pop(), groups.len()) {
        (Some(group), 0) => Ok(group),
        _ => Err(Failure::Usage(anyhow!(
            "this configuration reads several consumer groups; name one with `--consumer-group`"
        ))),
    }
}

/// The namespace as it stands in names: with its port, where that is not the default, as other consumers write it.
pub(super) fn namespace(configuration: &Configuration) -> String {
    let hub = &configuration.hub;
    match hub.own_port() {
        None => hub.hub.namespace.to_string(),
        Some(port) => format!("{}:{port}", hub.hub.namespace),
    }
}

/// Whose checkpoints those of a group are.
pub(super) fn scope<'s>(configuration: &'s Configuration, group: &'s str) -> Scope<'s> {
    let hub = &configuration.hub;
    Scope {
        namespace: &hub.hub.namespace,
        port: hub.own_port(),
        hub: &hub.hub.name,
        consumer_group: group,
    }
}
