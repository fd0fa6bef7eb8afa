//! Checks `proxy`, and that whatever it leads to can be reached through it.

use std::sync::Arc;

use super::Check;
use crate::config::configuration::TargetSettings;
use crate::config::file::File;
use crate::config::target::Target;
use crate::config::yaml::{Node, Spanned};
use crate::durable::retry::chain;
use crate::proxy::Settings;
use crate::proxy::settings::Error;

const CODE: &str = "config::proxy";

impl Check<'_> {
    /// For everything that is checked later.
    pub(super) fn proxy(&mut self, written: &File) {
        let Some(proxy) = &written.proxy else { return };
        match Settings::new(proxy) {
            Ok(settings) => self.proxy = Some(Arc::new(settings)),
            Err(error) => {
                let (code, help) = match &error {
                    Error::Password { .. } => {
                        ("config::secret", "set it, or name where the password really is")
                    }
                    _ => (CODE, "docs/network.md shows every form"),
                };
                // The URL may hold a password.
                let span = proxy.span.clone();
                self.error_masked(span, code, chain(&error), "in this section", help);
            }
        }
    }

    /// The same settings, on their way through the proxy.
    pub(super) fn lead_through(
        &mut self,
        settings: Option<TargetSettings>,
        target: &Spanned<Target>,
        node: Option<&Node>,
    ) -> Option<TargetSettings> {
        let mut settings = settings?;
        let Err(url) = settings.lead_through(self.proxy.as_ref()) else {
            return Some(settings);
        };
        let message = format!(
            "`{}` has no TLS, and would be reached by the proxy",
            url.origin().ascii_serialization()
        );
        let help = "write `https://`; or name the host in `proxy.no_proxy`, so that it is reached directly. Without TLS the proxy reads every record and the token, and its own errors look like refusals of the target";
        let span = node.map_or(target.span.clone(), |node| node.span.clone());
        self.error_masked(span, CODE, message, "in this target", help);
        None
    }
}

#[cfg(test)]
mod tests;
