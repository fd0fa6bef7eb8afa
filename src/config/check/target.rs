//! Checks the `targets` section: one kind each, names that can be labels, mappings and routes that exist.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;

use governor::Quota;

use super::Check;
use crate::config::configuration::{TargetConfiguration, TargetSettings};
use crate::config::diagnostic::Diagnostic;
use crate::config::file::File;
use crate::config::target::{OnMapError, Target};
use crate::config::yaml::{Node, Spanned};
use crate::credential::TokenSource;
use crate::deliver::rate::Rate;
use crate::deliver::{azure_monitor, elasticsearch, http, kafka, relp, splunk_hec, syslog};
use crate::durable::retry::chain;
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

    fn kind(&mut self, name: &str, target: &Spanned<Target>, node: Option<&Node>) -> Option<TargetSettings> {
        let span = |key: &str| {
            node.and_then(|node| node.get(key))
                .map_or(target.span.clone(), |node| node.span.clone())
        };
        let azure_monitor = |options| self::azure_monitor(options, self.credential.as_ref());
        let kinds = [
            ("splunk_hec", target.splunk_hec.as_ref().map(splunk_hec)),
            ("http", target.http.as_ref().map(http)),
            ("elasticsearch", target.elasticsearch.as_ref().map(elasticsearch)),
            ("azure_monitor", target.azure_monitor.as_ref().map(azure_monitor)),
            ("syslog", target.syslog.as_ref().map(syslog)),
            ("relp", target.relp.as_ref().map(relp)),
            ("kafka", target.kafka.as_ref().map(kafka)),
            (
                "file",
                target
                    .file
                    .clone()
                    .map(|settings| Ok(TargetSettings::File(settings))),
            ),
        ];
        let names = kinds.each_ref().map(|(key, _)| format!("`{key}`")).join(", ");
        let given = kinds
            .into_iter()
            .filter_map(|(key, settings)| Some((key, settings?)));
        let mut given: Vec<_> = given.collect();
        let (1, Some((key, settings))) = (given.len(), given.pop()) else {
            let count = given.len() + usize::from(!given.is_empty());
            let message = format!("target `{name}` has {count} target kinds");
            self.error(
                target.span.clone(),
                "config::target_kind",
                message,
                "needs exactly one",
                &format!("give exactly one of {names}"),
            );
            return None;
        };
        match settings {
            Ok(settings) => Some(settings),
            Err(message) => {
                // The section holds addresses, which may hold passwords; the message says which option is meant.
                let diagnostic = Diagnostic::new("config::invalid_value", message);
                let diagnostic = diagnostic.at(self.file, span(key), "in this section").masked();
                self.diagnostics.push(diagnostic);
                None
            }
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

fn splunk_hec(options: &splunk_hec::SplunkHec) -> Result<TargetSettings, String> {
    let settings = splunk_hec::Settings::new(options).map_err(|error| chain(&error))?;
    Ok(TargetSettings::SplunkHec(Box::new(settings)))
}

fn http(options: &http::Http) -> Result<TargetSettings, String> {
    let settings = http::Settings::new(options).map_err(|error| chain(&error))?;
    Ok(TargetSettings::Http(Box::new(settings)))
}

fn elasticsearch(options: &elasticsearch::Elasticsearch) -> Result<TargetSettings, String> {
    let settings = elasticsearch::Settings::new(options).map_err(|error| chain(&error))?;
    Ok(TargetSettings::Elasticsearch(Box::new(settings)))
}

/// `credential` is `None` if there is one that cannot be used.
fn azure_monitor(
    options: &azure_monitor::AzureMonitor,
    credential: Option<&Option<TokenSource>>,
) -> Result<TargetSettings, String> {
    if credential.is_none() && options.token.is_none() {
        return Err("its tokens come from `credential`, which cannot be used as it is".to_owned());
    }
    let credential = credential.and_then(Option::as_ref);
    let settings = azure_monitor::Settings::new(options, credential).map_err(|error| chain(&error))?;
    Ok(TargetSettings::AzureMonitor(Box::new(settings)))
}

fn syslog(options: &syslog::Syslog) -> Result<TargetSettings, String> {
    let settings = syslog::Settings::new(options).map_err(|error| chain(&error))?;
    Ok(TargetSettings::Syslog(Box::new(settings)))
}

fn relp(options: &relp::Relp) -> Result<TargetSettings, String> {
    let settings = relp::Settings::new(options).map_err(|error| chain(&error))?;
    Ok(TargetSettings::Relp(Box::new(settings)))
}

fn kafka(options: &kafka::Kafka) -> Result<TargetSettings, String> {
    let settings = kafka::Settings::new(options).map_err(|error| chain(&error))?;
    Ok(TargetSettings::Kafka(Box::new(settings)))
}

#[cfg(test)]
mod tests {
    use crate::config::configuration::load_text;
    use crate::config::diagnostic::SourceFile;

    const MAP: &str = "format: 1\nname: own/unknown\nrevision: 1\nrecord: unknown\noutput: leef\n\
        header: { vendor: M, product: D, version: \"1\", event_id: e }\nattributes: { cat: .a }\n";

    /// Scenario: a target of a text set with options that fit it and some that do not. Guarantees: `native` is refused,
    /// because its receiver cannot read JSON, and so are lines where only JSON can stand, a rate that lets nothing pass,
    /// no kind or two, and `exactly_once` where it cannot hold; nothing else is.
    #[test]
    fn options_must_fit_the_target() {
        let directory = tempfile::tempdir().expect("a directory can be made");
        std::fs::write(directory.path().join("own.yaml"), MAP).expect("a file can be written");
        let connection = directory.path().join("connection");
        let text =
            "Endpoint=sb://contoso.servicebus.windows.net/;SharedAccessKeyName=k;SharedAccessKey=c2VjcmV0";
        std::fs::write(&connection, text).expect("a file can be written");
        let exact = "kafka: { brokers: 'k:1', topic: mdc, exactly_once: true }";
        let (file, text, none) = ("file: { path: '-' }", Some("config::text_mapping"), "");
        for (kind, option, refused) in [
            (file, "on_map_error: dead_letter", None),
            (file, "on_map_error: native", Some("config::native_text")),
            (file, "rate: { records: 2000, per: 1s }", None),
            (
                file,
                "rate: { records: 0, per: 1s }",
                Some("config::invalid_value"),
            ),
            (
                file,
                "rate: { records: 5, per: 0s }",
                Some("config::invalid_value"),
            ),
            ("http: { endpoint: 'http://h' }", none, None),
            ("http: { endpoint: 'http://h', format: single }", none, None),
            ("http: { endpoint: 'http://h', format: json_array }", none, text),
            ("elasticsearch: { endpoints: 'http://h', index: mdc }", none, text),
            (
                "syslog: { address: 'h:6514', transport: tcp, oversize: truncate }",
                none,
                None,
            ),
            (
                "syslog: { address: 'h:514', transport: udp }",
                none,
                Some("config::invalid_value"),
            ),
            ("snapshots: pass", none, Some("config::target_kind")),
            (
                file,
                "http: { endpoint: 'http://h' }",
                Some("config::target_kind"),
            ),
            (exact, none, None),
            (exact, "snapshots: changes_only", Some("config::exactly_once")),
            (
                exact,
                "consumer_group: soc\n  other: { file: { path: '-' }, mapping: own, consumer_group: soc }",
                Some("config::exactly_once"),
            ),
            (
                exact,
                "consumer_group: soc\n  other: { file: { path: '-' }, mapping: own }",
                None,
            ),
        ] {
            let folder = directory.path().display();
            let text = format!(
                "event_hub: {{ connection_string: {{ file: '{}' }}, name: defender }}\n\
                 checkpoint: {{ file: {{ directory: '{folder}/state' }} }}\n\
                 dead_letter: {{ file: {{ directory: '{folder}/dead' }} }}\n\
                 mappings_directory: '{folder}'\n\
                 targets:\n  soc:\n    {kind}\n    mapping: own\n    {option}\n",
                connection.display()
            );
            let file = SourceFile {
                name: "hub2siem.yaml".into(),
                text: text.into(),
            };
            let codes: Vec<_> = match load_text(&file) {
                Ok(_) => Vec::new(),
                Err(problems) => problems.0.iter().map(|problem| problem.code).collect(),
            };
            assert_eq!(codes, Vec::from_iter(refused), "{kind} {option}");
        }
    }
}
