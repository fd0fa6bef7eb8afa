//! From the file as written to the settings the program trusts.

use std::collections::BTreeMap;
use std::ops::Range;
use std::path::PathBuf;
use std::sync::Arc;

use secrecy::ExposeSecret;

use super::configuration::{Configuration, Intervals, TargetConfiguration, TargetSettings};
use super::diagnostic::{Diagnostic, Diagnostics, SourceFile};
use super::event_hub::EventHub;
use super::file::File;
use super::target::Target;
use super::tls;
use super::yaml::{Node, Spanned};
use crate::deliver::splunk_hec;
use crate::event::{Hub, Timestamp};
use crate::eventhub::HubSettings;
use crate::eventhub::connection_string::ConnectionString;
use crate::eventhub::settings::{Address, CALL_TIMEOUT, PORT_PLAIN, PORT_TLS, TOKEN_LIFETIME};
use crate::map::{MappingSet, Mappings};
use crate::route::Route;

/// The fewest events and bytes a window can work with.
const MIN_WINDOW_EVENTS: usize = 16;
const MIN_WINDOW_BYTES: usize = 64 << 10;

/// Checks what the types of the file cannot say. On success there may be warnings.
pub fn check(
    file: &SourceFile,
    root: &Node,
    written: &File,
) -> Result<(Configuration, Diagnostics), Diagnostics> {
    let mut check = Check {
        file,
        diagnostics: Diagnostics::default(),
    };
    let mappings = check.mappings(written.mappings_directory.as_ref());
    let hub = check.hub(&written.event_hub);
    check.start(&written.event_hub);
    check.window(written);
    let targets = mappings.map(|mappings| check.targets(root, written, &mappings));
    let Check { diagnostics, .. } = check;
    let (Some(hub), Some(targets)) = (hub, targets) else {
        return Err(diagnostics);
    };
    if diagnostics.has_errors() {
        return Err(diagnostics);
    }
    let configuration = Configuration {
        default_group: Arc::clone(&hub.consumer_group),
        hub,
        start: written.event_hub.start.clone(),
        checkpoint_directory: written.checkpoint.file.directory.clone(),
        dead_letter: written.dead_letter.clone(),
        window_events: *written.window.events,
        window_bytes: written.window.bytes.get(),
        grace_period: written.grace_period.get(),
        retention: written.event_hub.retention.map(|retention| retention.get()),
        http: written.http.listen,
        log: written.log,
        intervals: Intervals::default(),
        targets,
    };
    Ok((configuration, diagnostics))
}

struct Check<'f> {
    file: &'f SourceFile,
    diagnostics: Diagnostics,
}

impl Check<'_> {
    fn error(&mut self, span: Range<usize>, code: &'static str, message: String, label: &str, help: &str) {
        let diagnostic = Diagnostic::new(code, message).at(self.file, span, label);
        self.diagnostics.push(if help.is_empty() {
            diagnostic
        } else {
            diagnostic.help(help)
        });
    }

    fn mappings(&mut self, directory: Option<&Spanned<PathBuf>>) -> Option<Mappings> {
        match Mappings::load(directory.map(|directory| directory.value.as_path())) {
            Ok(mappings) => {
                self.diagnostics.0.extend(mappings.warnings().0.iter().cloned());
                Some(mappings)
            }
            Err(diagnostics) => {
                self.diagnostics.0.extend(diagnostics.0);
                None
            }
        }
    }

    fn hub(&mut self, written: &EventHub) -> Option<HubSettings> {
        let secret_span = written.connection_string.span.clone();
        let text = match written.connection_string.read() {
            Ok(text) => text,
            Err(error) => {
                let help = "set it, or name where the connection string really is";
                self.error(
                    secret_span,
                    "config::secret",
                    chain(&error),
                    "read from here",
                    help,
                );
                return None;
            }
        };
        let invalid = "config::connection_string";
        let connection = match ConnectionString::parse(text.expose_secret()) {
            Ok(connection) => connection,
            Err(error) => {
                let help = "copy the connection string of the policy again from the portal";
                self.error(
                    secret_span,
                    invalid,
                    format!("the connection string is invalid: {error}"),
                    "read from here",
                    help,
                );
                return None;
            }
        };
        let name = match connection.hub(written.name.as_ref().map(|name| name.value.as_str())) {
            Ok(name) => name,
            Err(error) => {
                let span = written
                    .name
                    .as_ref()
                    .map_or(secret_span, |name| name.span.clone());
                self.error(span, invalid, error.to_string(), "this hub", "");
                return None;
            }
        };
        let address = self.address(written.address.as_ref())?;
        let tls = self.tls(written, &connection)?;
        if connection.is_exposed() {
            let message = "the connection string turns TLS off for a host that is not on this machine or a private name".to_owned();
            self.diagnostics.push(
                Diagnostic::new("config::tls_off", message)
                    .at(self.file, secret_span, "has `UseDevelopmentEmulator=true`")
                    .help("remove `UseDevelopmentEmulator=true` unless this is a test")
                    .warning(),
            );
        }
        let is_plain = tls.is_none();
        Some(HubSettings {
            hub: Hub {
                namespace: connection.host.to_lowercase().into(),
                name: name.into(),
            },
            consumer_group: Arc::from(written.consumer_group.value.as_str()),
            address,
            port: connection
                .port
                .unwrap_or(if is_plain { PORT_PLAIN } else { PORT_TLS }),
            tls,
            credential: connection.credential,
            receiver_name: receiver_name(),
            on_invalid_checkpoint: written.on_invalid_checkpoint,
            token_lifetime: TOKEN_LIFETIME,
            call_timeout: CALL_TIMEOUT,
        })
    }

    fn address(&mut self, written: Option<&Spanned<String>>) -> Option<Option<Address>> {
        let Some(written) = written else { return Some(None) };
        let address = Address::parse(&written.value);
        if address.is_none() {
            let message = format!("`{}` is no address", written.value);
            let help = "write `host` or `host:port`, without a scheme";
            self.error(
                written.span.clone(),
                "config::invalid_value",
                message,
                "this value",
                help,
            );
        }
        address.map(Some)
    }

    /// `Some(None)` where the connection string asks for plain TCP.
    fn tls(
        &mut self,
        written: &EventHub,
        connection: &ConnectionString,
    ) -> Option<Option<Arc<rustls::ClientConfig>>> {
        if connection.is_emulator {
            return Some(None);
        }
        match tls::client_config(written.tls.ca_file.as_deref()) {
            Ok(config) => Some(Some(config)),
            Err(error) => {
                let span = written.connection_string.span.clone();
                self.error(
                    span,
                    "config::tls",
                    chain(&error),
                    "the hub read with this",
                    "check `event_hub.tls.ca_file`",
                );
                None
            }
        }
    }

    fn start(&mut self, written: &EventHub) {
        if let super::event_hub::Start::EnqueuedAfter(time) = &written.start
            && Timestamp::parse(&time.value).is_none()
        {
            let message = format!("`{}` is no time", time.value);
            let help = "write RFC 3339, such as `2026-01-31T00:00:00Z`";
            self.error(
                time.span.clone(),
                "config::invalid_value",
                message,
                "this value",
                help,
            );
        }
    }

    fn window(&mut self, written: &File) {
        let events = &written.window.events;
        if events.value < MIN_WINDOW_EVENTS {
            let message = format!("a window of {} events is too small to work with", events.value);
            self.error(
                events.span.clone(),
                "config::invalid_value",
                message,
                "at least 16",
                "",
            );
        }
        let bytes = &written.window.bytes;
        if bytes.get() < MIN_WINDOW_BYTES {
            let message = format!("a window of {} is too small to work with", bytes.value);
            self.error(
                bytes.span.clone(),
                "config::invalid_value",
                message,
                "at least 64KiB",
                "",
            );
        }
    }

    fn targets(&mut self, root: &Node, written: &File, mappings: &Mappings) -> Vec<TargetConfiguration> {
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
        Some(TargetConfiguration {
            name: name.into(),
            consumer_group: group.value.as_str().into(),
            settings: settings?,
            mapping: mapping?,
            native: native?,
            route: route?,
            snapshots: target.snapshots,
            on_map_error: target.on_map_error,
        })
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
        let (settings, key) = match (&target.splunk_hec, &target.file) {
            (Some(options), None) => (
                splunk_hec::Settings::new(options)
                    .map(|settings| TargetSettings::SplunkHec(Box::new(settings)))
                    .map_err(|error| chain(&error)),
                "splunk_hec",
            ),
            (None, Some(options)) => (Ok(TargetSettings::File(options.clone())), "file"),
            (given, other) => {
                let count = usize::from(given.is_some()) + usize::from(other.is_some());
                let message = format!("target `{name}` has {count} target kinds");
                let help = "give exactly one of `splunk_hec`, `file`";
                self.error(
                    target.span.clone(),
                    "config::target_kind",
                    message,
                    "needs exactly one",
                    help,
                );
                return None;
            }
        };
        match settings {
            Ok(settings) => Some(settings),
            Err(message) => {
                self.error(span(key), "config::invalid_value", message, "in this section", "");
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

/// Who we are to a reader that displaces us: the machine and the process.
fn receiver_name() -> Arc<str> {
    let host = std::fs::read_to_string("/proc/sys/kernel/hostname").unwrap_or_default();
    format!("hub2siem-{}-{}", host.trim(), std::process::id()).into()
}

/// An error with its causes in one line.
pub fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text.push_str(": ");
        text.push_str(&error.to_string());
        cause = error.source();
    }
    text
}
