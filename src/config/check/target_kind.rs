//! Checks that a target has exactly one kind, and the options of that kind.

use std::error::Error;

use super::Check;
use crate::config::configuration::TargetSettings;
use crate::config::diagnostic::Diagnostic;
use crate::config::target::Target;
use crate::config::yaml::{Node, Spanned};
use crate::credential::TokenSource;
use crate::deliver::{azure_monitor, elasticsearch, http, kafka, relp, splunk_hec, syslog};
use crate::durable::retry::chain;

impl Check<'_> {
    /// The settings of the one kind that is given.
    pub(super) fn kind(
        &mut self,
        name: &str,
        target: &Spanned<Target>,
        node: Option<&Node>,
    ) -> Option<TargetSettings> {
        let span = |key: &str| {
            node.and_then(|node| node.get(key))
                .map_or(target.span.clone(), |node| node.span.clone())
        };
        let credential = self.credential.as_ref();
        let kinds = [
            (
                "splunk_hec",
                target
                    .splunk_hec
                    .as_ref()
                    .map(|options| checked(splunk_hec::Settings::new(options), TargetSettings::SplunkHec)),
            ),
            (
                "http",
                target
                    .http
                    .as_ref()
                    .map(|options| checked(http::Settings::new(options), TargetSettings::Http)),
            ),
            (
                "elasticsearch",
                target.elasticsearch.as_ref().map(|options| {
                    checked(
                        elasticsearch::Settings::new(options),
                        TargetSettings::Elasticsearch,
                    )
                }),
            ),
            (
                "azure_monitor",
                target
                    .azure_monitor
                    .as_ref()
                    .map(|options| azure_monitor(options, credential)),
            ),
            (
                "syslog",
                target
                    .syslog
                    .as_ref()
                    .map(|options| checked(syslog::Settings::new(options), TargetSettings::Syslog)),
            ),
            (
                "relp",
                target
                    .relp
                    .as_ref()
                    .map(|options| checked(relp::Settings::new(options), TargetSettings::Relp)),
            ),
            (
                "kafka",
                target
                    .kafka
                    .as_ref()
                    .map(|options| checked(kafka::Settings::new(options), TargetSettings::Kafka)),
            ),
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
}

/// The settings of a kind, or what is wrong with its options.
fn checked<S, E: Error + 'static>(
    settings: Result<S, E>,
    kind: fn(Box<S>) -> TargetSettings,
) -> Result<TargetSettings, String> {
    let settings = settings.map_err(|error| chain(&error))?;
    Ok(kind(Box::new(settings)))
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
    let settings = azure_monitor::Settings::new(options, credential);
    checked(settings, TargetSettings::AzureMonitor)
}
