//! Checks that positions in Kafka stand for one target only.

use super::Check;
use crate::config::configuration::{TargetConfiguration, TargetSettings};
use crate::config::file::File;
use crate::config::target::Snapshots;
use crate::config::yaml::Node;

impl Check<'_> {
    /// Where positions move together with the records of one target, no other target can hold them back, and nothing that
    /// is noted beside the cluster.
    pub(super) fn exactly_once(
        &mut self,
        targets: &[TargetConfiguration],
        written: &File,
        nodes: Option<&Node>,
    ) {
        for target in targets {
            let is_exact = matches!(&target.settings, TargetSettings::Kafka(settings) if settings.exactly_once.is_some());
            if !is_exact {
                continue;
            }
            let node = nodes.and_then(|nodes| nodes.get(&target.name));
            let option = node.and_then(|node| node.get("kafka")?.get("exactly_once"));
            let span = option.map_or_else(
                || written.targets[&*target.name].span.clone(),
                |node| node.span.clone(),
            );
            if target.snapshots == Snapshots::ChangesOnly {
                let message = format!(
                    "`exactly_once` and `snapshots: changes_only` of target `{}` do not go together: what was last \
                     delivered is noted beside the cluster, and a kill would leave it behind",
                    target.name
                );
                let help = "write `snapshots: pass`, and let readers compare by the key and the header `is_snapshot`";
                self.error(
                    span.clone(),
                    "config::exactly_once",
                    message,
                    "not with `changes_only`",
                    help,
                );
            }
            let shares = |other: &&TargetConfiguration| {
                other.name != target.name && other.consumer_group == target.consumer_group
            };
            let Some(other) = targets.iter().find(shares) else {
                continue;
            };
            let message = format!(
                "`exactly_once` of target `{}` needs a consumer group of its own, and `{}` reads `{}` too",
                target.name, other.name, target.consumer_group
            );
            let help = format!("make a consumer group and add `consumer_group: {}`", target.name);
            self.error(
                span,
                "config::exactly_once",
                message,
                "not with a shared group",
                &help,
            );
        }
    }
}
