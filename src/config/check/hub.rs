//! Checks the `event_hub` section: how the hub is reached and with whose right, TLS, names.

use std::ops::Range;
use std::sync::Arc;

use secrecy::ExposeSecret;

use super::Check;
use crate::config::SecretReference;
use crate::config::diagnostic::Diagnostic;
use crate::config::event_hub::EventHub;
use crate::config::tls;
use crate::config::yaml::Spanned;
use crate::credential::TokenSource;
use crate::durable::retry::chain;
use crate::event::Hub;
use crate::eventhub::connection_string::ConnectionString;
use crate::eventhub::settings::{Address, CALL_TIMEOUT, TOKEN_LIFETIME, Transport};
use crate::eventhub::{Credential, HubSettings};

/// How the hub is reached, and with whose right.
struct Access {
    hub: Hub,
    port: Option<u16>,
    is_plain: bool,
    credential: Credential,
}

impl Check<'_> {
    /// `section` is where `event_hub` stands; `credential` is `None` if it cannot be used, which was said already.
    pub(super) fn hub(
        &mut self,
        written: &EventHub,
        section: Range<usize>,
        credential: Option<Option<&TokenSource>>,
    ) -> Option<HubSettings> {
        let access = match (&written.connection_string, &written.namespace) {
            (Some(reference), None) => self.by_connection_string(written, reference),
            (None, Some(namespace)) => self.by_namespace(written, namespace, &section, credential),
            (Some(_), Some(namespace)) => {
                let message = "`event_hub` has both `connection_string` and `namespace`".to_owned();
                let help = "keep `connection_string`, or keep `namespace` with the top-level `credential`; there is no order in which both would be tried";
                let span = namespace.span.clone();
                self.error(span, "config::credential", message, "needs exactly one", help);
                None
            }
            (None, None) => {
                let message = "`event_hub` has neither `connection_string` nor `namespace`".to_owned();
                let help = "give `connection_string: { env: NAME }`, or `namespace: contoso.servicebus.windows.net` and a top-level `credential`";
                let span = section.clone();
                self.error_masked(span, "config::credential", message, "needs exactly one", help);
                None
            }
        };
        let address = self.address(written.address.as_ref());
        self.address_port(written, address.as_ref());
        let Access {
            hub,
            port,
            is_plain,
            credential,
        } = access?;
        let tls = self.tls(written, section, is_plain)?;
        self.expectation(written);
        Some(HubSettings {
            hub,
            consumer_group: Arc::from(written.consumer_group.value.as_str()),
            address: address?,
            port: port.unwrap_or(written.transport.port(is_plain)),
            transport: written.transport,
            proxy: self.proxy.clone().into(),
            tls: tls.into(),
            credential: credential.into(),
            receiver_name: receiver_name(),
            on_invalid_checkpoint: written.on_invalid_checkpoint,
            token_lifetime: TOKEN_LIFETIME,
            call_timeout: CALL_TIMEOUT,
        })
    }

    fn expectation(&mut self, written: &EventHub) {
        let Some(expected) = &written.expect_event_every else {
            return;
        };
        if expected.get().is_zero() {
            let message = "`expect_event_every` is no time at all".to_owned();
            let help =
                "name the longest quiet time that is normal, such as `24h`; without it nothing is expected";
            self.error(
                expected.span.clone(),
                "config::invalid_value",
                message,
                "zero",
                help,
            );
        }
    }

    fn by_connection_string(
        &mut self,
        written: &EventHub,
        reference: &Spanned<SecretReference>,
    ) -> Option<Access> {
        let span = reference.span.clone();
        let label = "read from here";
        let text = match reference.read() {
            Ok(text) => text,
            Err(error) => {
                let help = "set it, or name where the connection string really is";
                self.error(span, "config::secret", chain(&error), label, help);
                return None;
            }
        };
        let invalid = "config::connection_string";
        let connection = match ConnectionString::parse(text.expose_secret()) {
            Ok(connection) => connection,
            Err(error) => {
                let message = format!("the connection string is invalid: {error}");
                let help = "copy the connection string of the policy again from the portal";
                self.error(span, invalid, message, label, help);
                return None;
            }
        };
        let name = match connection.hub(written.name.as_ref().map(|name| name.value.as_str())) {
            Ok(name) => name,
            Err(error) => {
                let span = written.name.as_ref().map_or(span, |name| name.span.clone());
                self.error(span, invalid, error.to_string(), "this hub", "");
                return None;
            }
        };
        if connection.is_exposed() {
            let message = "the connection string turns TLS off for a host that is not on this machine or a private name".to_owned();
            self.diagnostics.push(
                Diagnostic::new("config::tls_off", message)
                    .at(self.file, span, "has `UseDevelopmentEmulator=true`")
                    .help("remove `UseDevelopmentEmulator=true` unless this is a test")
                    .warning(),
            );
        }
        Some(Access {
            hub: Hub {
                namespace: connection.host.to_lowercase().into(),
                name: name.into(),
            },
            port: connection.port,
            is_plain: connection.is_emulator,
            credential: connection.credential,
        })
    }

    fn by_namespace(
        &mut self,
        written: &EventHub,
        namespace: &Spanned<String>,
        section: &Range<usize>,
        credential: Option<Option<&TokenSource>>,
    ) -> Option<Access> {
        let host = namespace.to_lowercase();
        let is_plain = |character: char| character.is_ascii_alphanumeric() || "-.".contains(character);
        let is_host = host.contains('.') && host.chars().all(is_plain) && !host.starts_with('.');
        if !is_host {
            let message = format!("`{}` is no host name of a namespace", namespace.value);
            let help =
                "write the whole name without scheme and port, such as `contoso.servicebus.windows.net`";
            let span = namespace.span.clone();
            self.error(span, "config::invalid_value", message, "this name", help);
        }
        if written.name.is_none() {
            let message = "no hub is named; set `event_hub.name`".to_owned();
            self.error(
                section.clone(),
                "config::missing_option",
                message,
                "in this section",
                "",
            );
        }
        let source = match credential {
            Some(Some(source)) => Some(source),
            Some(None) => {
                let message = "`event_hub.namespace` needs a `credential`, and there is none".to_owned();
                let help = "add the top-level section `credential` with one of `client_secret`, `client_certificate`, `managed_identity`, `workload_identity`, `azure_cli`; or use `connection_string`";
                let span = namespace.span.clone();
                self.error(
                    span,
                    "config::credential",
                    message,
                    "read with a credential",
                    help,
                );
                None
            }
            None => None,
        };
        let name = written.name.as_ref()?;
        Some(Access {
            hub: Hub {
                namespace: is_host.then_some(host)?.into(),
                name: name.value.as_str().into(),
            },
            port: None,
            is_plain: false,
            credential: Credential::Entra(source?.clone()),
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

    /// The usual port of the other transport is a change that was made by half.
    fn address_port(&mut self, written: &EventHub, address: Option<&Option<Address>>) {
        let other = match written.transport {
            Transport::Amqp => Transport::WebSocket,
            Transport::WebSocket => Transport::Amqp,
        };
        let (own, other) = (written.transport.port(false), other.port(false));
        let port = address.and_then(|address| address.as_ref()?.port);
        if let Some(written) = written.address.as_ref().filter(|_| port == Some(other)) {
            let message = format!("port {other} of `event_hub.address` is that of another transport");
            let help = format!("leave the port out for {own}, or set `event_hub.transport`");
            self.diagnostics.push(
                Diagnostic::new("config::invalid_value", message)
                    .at(self.file, written.span.clone(), "this port")
                    .help(help)
                    .warning(),
            );
        }
    }

    /// `Some(None)` where the connection string asks for plain TCP.
    fn tls(
        &mut self,
        written: &EventHub,
        section: Range<usize>,
        is_plain: bool,
    ) -> Option<Option<Arc<rustls::ClientConfig>>> {
        if is_plain {
            return Some(None);
        }
        match tls::client_config(written.tls.ca_file.as_deref()) {
            Ok(config) => Some(Some(config)),
            Err(error) => {
                self.error(
                    written.access_span(section),
                    "config::tls",
                    chain(&error),
                    "the hub read with this",
                    "check `event_hub.tls.ca_file`",
                );
                None
            }
        }
    }
}

/// Who we are to a reader that displaces us: the machine and the process.
fn receiver_name() -> Arc<str> {
    let host = std::fs::read_to_string("/proc/sys/kernel/hostname").unwrap_or_default();
    format!("hub2siem-{}-{}", host.trim(), std::process::id()).into()
}
