//! Checks the `targets` section: one kind each, names that can be labels, mappings and routes that exist.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;

use governor::Quota;

use super::Check;
use crate::config::configuration::{TargetConfiguration, TargetSettings};
use crate::config::file::File;
use crate::config::target::{OnMapError, Target};
use crate::config::yaml::{Node, Spanned};
use crate::deliver::rate::Rate;
use crate::map::{MappingSet, Mappings};
use crate::route::Route;

impl Check<'_> {
    pub(super) fn targets(
        &mut self,
        root: &Node,
        written: &File,
        mappings: &Mappings,
    ) -> Vec<TargetConfiguration> {
        let nodes = root.get("targets");
        if written.targets.is_empty() {
            let span = nodes.map_or(0..0, |node| node.span.clone());
            let help = "add one, such as `everything: { file: { path: \"-\" }, mapping: native }`";
            self.error(
                span,
                "config::no_target",
                "there is no target".to_owned(),
                "empty",
                help,
            );
        }
        let mut targets = Vec::new();
        let mut paths: BTreeMap<PathBuf, &str> = BTreeMap::new();
        for (name, target) in &written.targets {
            let node = nodes.and_then(|nodes| nodes.get(name));
            if let Some(checked) = self.target(name, target, node, written, mappings) {
                if let TargetSettings::File(settings) = &checked.settings
                    && let Some(other) = paths.insert(settings.path.clone(), name)
                {
                    let path = settings.path.display();
                    let message = format!("targets `{other}` and `{name}` write the same file `{path}`");
                    self.error(
                        target.span.clone(),
                        "config::same_file",
                        message,
                        "the second one",
                        "give each its own path",
                    );
                }
                targets.push(checked);
            }
        }
        self.exactly_once(&targets, written, nodes);
        targets
    }

    fn target(
        &mut self,
        name: &str,
        target: &Spanned<Target>,
        node: Option<&Node>,
        written: &File,
        mappings: &Mappings,
    ) -> Option<TargetConfiguration> {
        self.name(name, target);
        let settings = self.kind(name, target, node);
        let settings = self.lead_through(settings, target, node);
        let mapping = self.mapping(&target.mapping, mappings);
        self.text_output(mapping.as_deref(), target, node);
        self.json_form(settings.as_ref(), mapping.as_deref(), target);
        self.truncation(settings.as_ref(), mapping.as_deref(), target, node);
        let native = mappings.set("native");
        let route = match node
            .and_then(|node| node.get("route"))
            .map(|node| Route::compile(self.file, node))
        {
            None => Some(None),
            Some(Ok(route)) => Some(Some(Arc::new(route))),
            Some(Err(diagnostics)) => {
                self.diagnostics.0.extend(diagnostics.0);
                None
            }
        };
        let group = target
            .consumer_group
            .as_ref()
            .unwrap_or(&written.event_hub.consumer_group);
        self.group(group);
        let score_change_at_least = self.score_change(name, target);
        let rate = target.rate.as_ref().and_then(|rate| self.rate(rate));
        Some(TargetConfiguration {
            name: name.into(),
            consumer_group: group.value.as_str().into(),
            settings: settings?,
            mapping: mapping?,
            native: native?,
            route: route?,
            snapshots: target.snapshots,
            score_change_at_least,
            on_map_error: target.on_map_error,
            rate,
            is_given_up: target.given_up,
        })
    }

    fn rate(&mut self, rate: &Spanned<Rate>) -> Option<Quota> {
        let quota = rate.quota();
        if quota.is_none() {
            let message = "this rate lets no record pass".to_owned();
            let help = "write at least one record and a time above 0, such as `{ records: 2000, per: 1s }`";
            self.error(
                rate.span.clone(),
                "config::invalid_value",
                message,
                "must be above 0",
                help,
            );
        }
        quota
    }

    /// A receiver of CEF or LEEF cannot read JSON.
    fn text_output(&mut self, mapping: Option<&MappingSet>, target: &Spanned<Target>, node: Option<&Node>) {
        let is_text = mapping.is_some_and(|set| set.output().is_text());
        if !is_text || target.on_map_error != OnMapError::Native {
            return;
        }
        let span = node.and_then(|node| node.get("on_map_error"));
        let span = span.map_or(target.span.clone(), |node| node.span.clone());
        let message = format!(
            "`native` is JSON, and `{}` writes lines of text",
            target.mapping.value
        );
        let help = "write `dead_letter`, or leave the option out";
        self.error(
            span,
            "config::native_text",
            message,
            "does not fit the mapping",
            help,
        );
    }

    /// A line of CEF or LEEF is no document, no row and no member of an array.
    fn json_form(
        &mut self,
        settings: Option<&TargetSettings>,
        mapping: Option<&MappingSet>,
        target: &Spanned<Target>,
    ) {
        let is_text = mapping.is_some_and(|set| set.output().is_text());
        if is_text && settings.is_some_and(TargetSettings::needs_json) {
            let message = format!(
                "`{}` writes lines of text, and this target takes JSON",
                target.mapping.value
            );
            let help = "name a set that writes JSON, such as `ecs` or `log-analytics`; for `http` also `format: lines` will do";
            self.error(
                target.mapping.span.clone(),
                "config::text_mapping",
                message,
                "does not fit the target kind",
                help,
            );
        }
    }

    /// Names are labels, file names and, one day, keys of checkpoint metadata.
    fn name(&mut self, name: &str, target: &Spanned<Target>) {
        let is_plain = |character: char| character.is_ascii_alphanumeric() || "-_.".contains(character);
        if name.is_empty() || name.len() > 64 || !name.chars().all(is_plain) {
            let message = format!("`{name}` cannot be the name of a target");
            let help = "use up to 64 letters, digits, `-`, `_` and `.`";
            self.error(
                target.span.clone(),
                "config::invalid_value",
                message,
                "of this target",
                help,
            );
        }
    }

    fn group(&mut self, group: &Spanned<String>) {
        let is_plain = |character: char| character.is_ascii_alphanumeric() || "-_.$".contains(character);
        if group.is_empty() || group.len() > 50 || !group.chars().all(is_plain) {
            let message = format!("`{}` cannot be a consumer group", group.value);
            let help =
                "use the name as the portal shows it, up to 50 letters, digits, `-`, `_`, `.` or `$Default`";
            self.error(
                group.span.clone(),
                "config::invalid_value",
                message,
                "this name",
                help,
            );
        }
    }

    fn mapping(&mut self, name: &Spanned<String>, mappings: &Mappings) -> Option<Arc<MappingSet>> {
        let set = mappings.set(&name.value);
        if set.is_none() {
            let names: Vec<_> = mappings.names().collect();
            let list = format!("there are: {}", names.join(", "));
            let help = match mappings.nearest(&name.value) {
                Some(near) => format!("did you mean `{near}`? {list}"),
                None => list,
            };
            let message = format!("there is no mapping set `{}`", name.value);
            self.error(
                name.span.clone(),
                "config::unknown_mapping",
                message,
                "this set",
                &help,
            );
        }
        set
    }
}

#[cfg(test)]
mod tests;
