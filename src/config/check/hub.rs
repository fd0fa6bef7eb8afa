//! Checks the `event_hub` section: the connection string is read and taken apart, TLS is set up.

use std::sync::Arc;

use secrecy::ExposeSecret;

use super::Check;
use crate::config::diagnostic::Diagnostic;
use crate::config::event_hub::EventHub;
use crate::config::tls;
use crate::config::yaml::Spanned;
use crate::durable::retry::chain;
use crate::event::Hub;
use crate::eventhub::HubSettings;
use crate::eventhub::connection_string::ConnectionString;
use crate::eventhub::settings::{Address, CALL_TIMEOUT, PORT_PLAIN, PORT_TLS, TOKEN_LIFETIME};

impl Check<'_> {
    pub(super) fn hub(&mut self, written: &EventHub) -> Option<HubSettings> {
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
            tls: tls.into(),
            credential: connection.credential.into(),
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
}

/// Who we are to a reader that displaces us: the machine and the process.
fn receiver_name() -> Arc<str> {
    let host = std::fs::read_to_string("/proc/sys/kernel/hostname").unwrap_or_default();
    format!("hub2siem-{}-{}", host.trim(), std::process::id()).into()
}
