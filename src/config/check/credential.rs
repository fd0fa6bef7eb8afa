//! Checks `credential` and `cloud`: one identity, usable here, and used by something.

use super::Check;
use crate::config::file::File;
use crate::credential::settings::{Error, Settings};
use crate::credential::{Cloud, TokenSource};
use crate::durable::retry::chain;

const CODE: &str = "config::credential";

impl Check<'_> {
    /// `Some(None)` where there is no credential; `None` where there is one that cannot be used.
    pub(super) fn credential(&mut self, written: &File) -> Option<Option<TokenSource>> {
        let cloud = match Cloud::new(&written.cloud) {
            Ok(cloud) => Some(cloud),
            Err(error) => {
                let span = written.cloud.span.clone();
                let help = "write `public`, `us_gov`, `china`, or the addresses of another cloud";
                self.error(span, "config::invalid_value", chain(&error), "this cloud", help);
                None
            }
        };
        let Some(credential) = &written.credential else {
            return cloud.map(|_| None);
        };
        match Settings::new(credential, cloud?) {
            Ok(mut settings) => {
                settings.proxy = self.proxy.clone();
                Some(Some(TokenSource::new(settings)))
            }
            Err(error) => {
                let (code, help) = match &error {
                    Error::Kinds { count: 0 } => (
                        CODE,
                        "for the identity of this machine write `managed_identity: {}`",
                    ),
                    Error::Kinds { .. } | Error::Identities { .. } => (
                        CODE,
                        "there is no order in which several would be tried; keep one",
                    ),
                    Error::Secret { .. } => ("config::secret", "set it, or name where the secret really is"),
                    Error::Tls(_) => ("config::tls", "check `credential.tls.ca_file`"),
                    Error::InvalidId { .. } => (
                        CODE,
                        "copy the id from the portal: Microsoft Entra ID, App registrations, Overview",
                    ),
                    _ => (CODE, ""),
                };
                let span = credential.span.clone();
                self.error_masked(span, code, chain(&error), "in this section", help);
                None
            }
        }
    }

    /// A credential that nothing uses is a misunderstanding: of the hub, or of which target has its own token.
    pub(super) fn credential_use(&mut self, written: &File) {
        let Some(credential) = &written.credential else {
            return;
        };
        let mut targets = written.targets.values();
        let store = written.checkpoint.blob.as_ref();
        let is_used = written.event_hub.namespace.is_some()
            || store.is_some_and(|it| it.container_url.is_some() && it.shared_access_signature.is_none())
            || targets.any(|target| target.azure_monitor.as_ref().is_some_and(|it| it.token.is_none()));
        if !is_used {
            let message = "nothing uses `credential`: the hub is read with a connection string, and neither `checkpoint.blob` nor an `azure_monitor` target needs it".to_owned();
            let help = "name the hub by `event_hub.namespace` in place of `connection_string`, or remove `credential`";
            self.error_masked(credential.span.clone(), CODE, message, "without effect", help);
        }
    }
}

#[cfg(test)]
mod tests;
