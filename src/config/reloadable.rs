//! Which options a running bridge takes over from a changed file, and what changed between two files.

use std::collections::BTreeSet;
use std::path::PathBuf;

use super::diagnostic::{Diagnostic, Diagnostics};
use super::options::{OptionValue, Options};

/// What becomes of an option that differs when the configuration is read again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Class {
    /// It is taken over.
    Live,
    /// It is taken over, and so is what it refers to: a secret in a file or in the environment.
    Secret,
    /// It is taken over, and so is the content of the file that it names.
    File,
    /// It is taken over, and so are the mappings in the folder that it names.
    Mappings,
    /// The whole reload is refused: it needs a restart.
    Restart,
}

use Class::{File, Live, Mappings, Restart, Secret};

/// Every option. A test fails when one is missing here; at run time a missing one would need a restart.
const CLASSES: [(&str, Class); 187] = [
    ("event_hub.connection_string", Secret),
    ("event_hub.namespace", Restart),
    ("event_hub.name", Restart),
    ("event_hub.consumer_group", Restart),
    ("event_hub.start", Restart),
    ("event_hub.on_invalid_checkpoint", Restart),
    ("event_hub.retention", Restart),
    ("event_hub.expect_event_every", Restart),
    ("event_hub.address", Restart),
    ("event_hub.transport", Restart),
    ("event_hub.tls.ca_file", File),
    ("credential.client_secret.tenant_id", Live),
    ("credential.client_secret.client_id", Live),
    ("credential.client_secret.secret", Secret),
    ("credential.client_certificate.tenant_id", Live),
    ("credential.client_certificate.client_id", Live),
    ("credential.client_certificate.certificate_file", File),
    ("credential.client_certificate.key_file", File),
    ("credential.managed_identity.client_id", Live),
    ("credential.managed_identity.object_id", Live),
    ("credential.managed_identity.resource_id", Live),
    ("credential.workload_identity.tenant_id", Live),
    ("credential.workload_identity.client_id", Live),
    // Its content is read for every request anyway.
    ("credential.workload_identity.token_file", Live),
    ("credential.azure_cli.tenant_id", Live),
    ("credential.azure_cli.subscription", Live),
    ("credential.tls.ca_file", File),
    ("cloud", Restart),
    ("proxy.url", Live),
    ("proxy.username", Live),
    ("proxy.password", Secret),
    ("proxy.no_proxy", Live),
    ("checkpoint.file.directory", Restart),
    ("checkpoint.blob.container_url", Restart),
    ("checkpoint.blob.shared_access_signature", Secret),
    ("checkpoint.blob.connection_string", Secret),
    ("checkpoint.blob.container", Restart),
    ("checkpoint.blob.strategy", Restart),
    ("checkpoint.blob.interval", Restart),
    ("checkpoint.blob.expiry", Restart),
    ("checkpoint.blob.tls.ca_file", File),
    ("state.directory", Restart),
    ("state.items", Restart),
    ("dead_letter.file.directory", Restart),
    ("dead_letter.file.limit", Restart),
    ("dead_letter.file.age", Restart),
    ("dead_letter.forward_to", Restart),
    ("dead_letter.unrouted_unknown", Restart),
    ("window.events", Restart),
    ("window.bytes", Restart),
    ("grace_period", Restart),
    ("worker_threads", Restart),
    ("mappings_directory", Mappings),
    ("mapping_salt", Secret),
    ("reload.watch", Restart),
    ("http.listen", Restart),
    ("log.format", Restart),
    ("log.level", Restart),
    ("targets.<name>.splunk_hec.endpoints", Restart),
    ("targets.<name>.splunk_hec.token", Secret),
    ("targets.<name>.splunk_hec.acknowledgement", Restart),
    ("targets.<name>.splunk_hec.acknowledgement_timeout", Restart),
    ("targets.<name>.splunk_hec.index", Restart),
    ("targets.<name>.splunk_hec.source", Restart),
    ("targets.<name>.splunk_hec.sourcetype", Restart),
    ("targets.<name>.splunk_hec.host", Restart),
    ("targets.<name>.splunk_hec.time", Restart),
    ("targets.<name>.splunk_hec.batch.bytes", Live),
    ("targets.<name>.splunk_hec.batch.records", Live),
    ("targets.<name>.splunk_hec.batch.linger", Live),
    ("targets.<name>.splunk_hec.compression", Restart),
    ("targets.<name>.splunk_hec.workers", Restart),
    ("targets.<name>.splunk_hec.tls.ca_file", File),
    ("targets.<name>.splunk_hec.tls.verify", Restart),
    ("targets.<name>.http.endpoint", Restart),
    ("targets.<name>.http.method", Restart),
    ("targets.<name>.http.format", Restart),
    ("targets.<name>.http.refused_statuses", Restart),
    ("targets.<name>.http.authentication.basic.username", Live),
    ("targets.<name>.http.authentication.basic.password", Secret),
    ("targets.<name>.http.authentication.bearer", Secret),
    ("targets.<name>.http.authentication.api_key", Secret),
    ("targets.<name>.http.headers.<name>", Secret),
    ("targets.<name>.http.batch.bytes", Live),
    ("targets.<name>.http.batch.records", Live),
    ("targets.<name>.http.batch.linger", Live),
    ("targets.<name>.http.compression", Restart),
    ("targets.<name>.http.workers", Restart),
    ("targets.<name>.http.tls.ca_file", File),
    (
        "targets.<name>.http.tls.client_certificate.certificate_file",
        File,
    ),
    ("targets.<name>.http.tls.client_certificate.key_file", File),
    ("targets.<name>.http.tls.verify", Restart),
    ("targets.<name>.elasticsearch.endpoints", Restart),
    ("targets.<name>.elasticsearch.index", Restart),
    ("targets.<name>.elasticsearch.authentication.basic.username", Live),
    (
        "targets.<name>.elasticsearch.authentication.basic.password",
        Secret,
    ),
    ("targets.<name>.elasticsearch.authentication.bearer", Secret),
    ("targets.<name>.elasticsearch.authentication.api_key", Secret),
    ("targets.<name>.elasticsearch.headers.<name>", Secret),
    ("targets.<name>.elasticsearch.batch.bytes", Live),
    ("targets.<name>.elasticsearch.batch.records", Live),
    ("targets.<name>.elasticsearch.batch.linger", Live),
    ("targets.<name>.elasticsearch.compression", Restart),
    ("targets.<name>.elasticsearch.workers", Restart),
    ("targets.<name>.elasticsearch.tls.ca_file", File),
    (
        "targets.<name>.elasticsearch.tls.client_certificate.certificate_file",
        File,
    ),
    (
        "targets.<name>.elasticsearch.tls.client_certificate.key_file",
        File,
    ),
    ("targets.<name>.elasticsearch.tls.verify", Restart),
    ("targets.<name>.azure_monitor.endpoint", Restart),
    ("targets.<name>.azure_monitor.rule", Restart),
    ("targets.<name>.azure_monitor.stream", Restart),
    ("targets.<name>.azure_monitor.token", Secret),
    ("targets.<name>.azure_monitor.batch.bytes", Live),
    ("targets.<name>.azure_monitor.batch.records", Live),
    ("targets.<name>.azure_monitor.batch.linger", Live),
    ("targets.<name>.azure_monitor.compression", Restart),
    ("targets.<name>.azure_monitor.workers", Restart),
    ("targets.<name>.azure_monitor.tls.ca_file", File),
    (
        "targets.<name>.azure_monitor.tls.client_certificate.certificate_file",
        File,
    ),
    (
        "targets.<name>.azure_monitor.tls.client_certificate.key_file",
        File,
    ),
    ("targets.<name>.azure_monitor.tls.verify", Restart),
    ("targets.<name>.syslog.address", Restart),
    ("targets.<name>.syslog.transport", Restart),
    ("targets.<name>.syslog.format", Restart),
    ("targets.<name>.syslog.framing", Restart),
    ("targets.<name>.syslog.facility", Restart),
    ("targets.<name>.syslog.hostname", Restart),
    ("targets.<name>.syslog.app_name", Restart),
    ("targets.<name>.syslog.time_zone", Restart),
    ("targets.<name>.syslog.message_limit", Restart),
    ("targets.<name>.syslog.oversize", Restart),
    ("targets.<name>.syslog.settle_window", Restart),
    ("targets.<name>.syslog.allow_loss", Restart),
    ("targets.<name>.syslog.tls.ca_file", File),
    (
        "targets.<name>.syslog.tls.client_certificate.certificate_file",
        File,
    ),
    ("targets.<name>.syslog.tls.client_certificate.key_file", File),
    ("targets.<name>.syslog.tls.server_name", Restart),
    ("targets.<name>.syslog.tls.fingerprints", Restart),
    ("targets.<name>.syslog.tls.verify", Restart),
    ("targets.<name>.relp.address", Restart),
    ("targets.<name>.relp.format", Restart),
    ("targets.<name>.relp.facility", Restart),
    ("targets.<name>.relp.hostname", Restart),
    ("targets.<name>.relp.app_name", Restart),
    ("targets.<name>.relp.time_zone", Restart),
    ("targets.<name>.relp.message_limit", Restart),
    ("targets.<name>.relp.oversize", Restart),
    ("targets.<name>.relp.window", Restart),
    ("targets.<name>.relp.answer_timeout", Restart),
    ("targets.<name>.relp.tls.ca_file", File),
    (
        "targets.<name>.relp.tls.client_certificate.certificate_file",
        File,
    ),
    ("targets.<name>.relp.tls.client_certificate.key_file", File),
    ("targets.<name>.relp.tls.server_name", Restart),
    ("targets.<name>.relp.tls.fingerprints", Restart),
    ("targets.<name>.relp.tls.verify", Restart),
    ("targets.<name>.kafka.brokers", Restart),
    ("targets.<name>.kafka.topic", Restart),
    ("targets.<name>.kafka.key", Restart),
    ("targets.<name>.kafka.compression", Restart),
    ("targets.<name>.kafka.exactly_once", Restart),
    ("targets.<name>.kafka.position_topic", Restart),
    ("targets.<name>.kafka.transaction.bytes", Restart),
    ("targets.<name>.kafka.transaction.records", Restart),
    ("targets.<name>.kafka.transaction.linger", Restart),
    ("targets.<name>.kafka.tombstones", Restart),
    ("targets.<name>.kafka.message_limit", Restart),
    ("targets.<name>.kafka.sasl.mechanism", Restart),
    ("targets.<name>.kafka.sasl.username", Restart),
    ("targets.<name>.kafka.sasl.password", Restart),
    ("targets.<name>.kafka.sasl.token", Restart),
    ("targets.<name>.kafka.tls.ca_file", Restart),
    (
        "targets.<name>.kafka.tls.client_certificate.certificate_file",
        Restart,
    ),
    ("targets.<name>.kafka.tls.client_certificate.key_file", Restart),
    ("targets.<name>.kafka.tls.verify", Restart),
    ("targets.<name>.kafka.librdkafka.<name>", Restart),
    ("targets.<name>.file.path", Restart),
    ("targets.<name>.file.rotate.bytes", Restart),
    ("targets.<name>.file.rotate.keep", Restart),
    ("targets.<name>.mapping", Live),
    ("targets.<name>.route", Live),
    ("targets.<name>.snapshots", Restart),
    ("targets.<name>.score_change_at_least", Restart),
    ("targets.<name>.on_map_error", Live),
    ("targets.<name>.rate.records", Restart),
    ("targets.<name>.rate.per", Restart),
    ("targets.<name>.given_up", Restart),
    ("targets.<name>.consumer_group", Restart),
];

/// The class of an option by its path in the reference.
pub fn class(pattern: &str) -> Class {
    let known = CLASSES.iter().find(|(known, _)| *known == pattern);
    known.map_or(Restart, |(_, class)| *class)
}

/// Files and folders besides the configuration file whose content a reload takes over.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Sources {
    /// Secrets and certificates.
    pub files: Vec<PathBuf>,
    /// Folders of mappings.
    pub mappings: Vec<PathBuf>,
}

impl Sources {
    /// What the options of a configuration file refer to.
    pub fn of(options: &Options) -> Self {
        let mut sources = Self::default();
        for (_, value) in options.values() {
            match class(&value.pattern) {
                Secret => sources.files.extend(secret_file(value)),
                File => sources.files.push(PathBuf::from(&value.text)),
                Mappings => sources.mappings.push(PathBuf::from(&value.text)),
                Live | Restart => {}
            }
        }
        sources
    }

    /// Adds what is not there already.
    pub fn add(&mut self, other: Sources) {
        let Sources { files, mappings } = other;
        for (paths, others) in [(&mut self.files, files), (&mut self.mappings, mappings)] {
            let new: Vec<_> = others.into_iter().filter(|path| !paths.contains(path)).collect();
            paths.extend(new);
        }
    }
}

/// The file of a secret that is not in the environment.
fn secret_file(value: &OptionValue) -> Option<PathBuf> {
    let reference: serde_json::Value = serde_json::from_str(&value.text).ok()?;
    reference["file"].as_str().map(PathBuf::from)
}

/// What differs between two configuration files.
#[derive(Debug, Default)]
pub struct Changes {
    /// Paths of options that are taken over.
    pub live: Vec<String>,
    /// One problem for each option that needs a restart.
    pub refused: Diagnostics,
}

impl Changes {
    /// What `after` says otherwise than `before`.
    pub fn between(before: &Options, after: &Options) -> Self {
        let mut changes = Self::default();
        let added = after
            .names()
            .keys()
            .filter(|name| !before.names().contains_key(*name));
        let removed = before
            .names()
            .keys()
            .filter(|name| !after.names().contains_key(*name));
        let named: Vec<&String> = added.chain(removed).collect();
        for name in &named {
            let verb = if after.names().contains_key(*name) {
                "was added"
            } else {
                "was removed"
            };
            let mut diagnostic = needs_restart(name, verb);
            if let Some(span) = after.names().get(*name) {
                diagnostic = diagnostic.at(&after.file, span.clone(), "this one");
            }
            changes.refused.push(diagnostic);
        }
        let is_within = |path: &str| {
            let mut names = named.iter().filter_map(|name| path.strip_prefix(name.as_str()));
            names.any(|rest| rest.is_empty() || rest.starts_with('.'))
        };
        let paths = before.values().chain(after.values()).map(|(path, _)| path);
        let paths: BTreeSet<&str> = paths.filter(|path| !is_within(path)).collect();
        for path in paths {
            changes.option(path, before.get(path), after);
        }
        changes
    }

    fn option(&mut self, path: &str, before: Option<&OptionValue>, after: &Options) {
        let now = after.get(path);
        if before.map(|value| &value.text) == now.map(|value| &value.text) {
            return;
        }
        let Some(value) = now.or(before) else { return };
        if class(&value.pattern) != Restart {
            self.live.push(path.to_owned());
            return;
        }
        let mut diagnostic = needs_restart(path, "changed");
        if let Some(span) = now.and_then(|value| value.span.clone()) {
            diagnostic = diagnostic.at(&after.file, span, "differs from what is running");
            // An address can hold a password.
            if value.text.contains('@') {
                diagnostic = diagnostic.masked();
            }
        }
        self.refused.push(diagnostic);
    }
}

/// A change that a running bridge does not take over.
pub fn needs_restart(path: &str, verb: &str) -> Diagnostic {
    Diagnostic::new("config::needs_restart", format!("`{path}` {verb}, which needs a restart"))
        .help("restart the bridge, or undo this change; until then no other change of the files is taken over either")
}

#[cfg(test)]
mod tests;
