//! Checks `checkpoint`: exactly one store, and what the store that instances share asks of the rest.

use std::ops::Range;

use super::Check;
use crate::checkpoint::blob;
use crate::checkpoint::blob::config::BlobCheckpoint;
use crate::checkpoint::blob::connection_string::ConnectionString;
use crate::checkpoint::blob::settings::{Access, Signature};
use crate::config::SecretReference;
use crate::config::configuration::{CheckpointSettings, TargetConfiguration};
use crate::config::diagnostic::Diagnostic;
use crate::config::file::{Checkpoint, File};
use crate::config::target::Snapshots;
use crate::config::tls;
use crate::config::yaml::{Node, Spanned};
use crate::credential::TokenSource;
use crate::durable::retry::chain;
use secrecy::ExposeSecret;
use url::Url;

const CODE: &str = "config::checkpoint";
const TWO_WAYS: &str = "write `container_url: https://ACCOUNT.blob.core.windows.net/CONTAINER`, or `connection_string: { env: NAME }` and `container: NAME`";

/// An ownership has to outlive one renewal that fails.
const MIN_INTERVALS: u32 = 2;
/// Below, the storage account is asked all the time; the service counts in seconds.
const MIN_INTERVAL_SECONDS: u64 = 1;

impl Check<'_> {
    /// `credential` is `None` if there is one that cannot be used, which was said already.
    pub(super) fn checkpoint(
        &mut self,
        root: &Node,
        written: &File,
        credential: Option<Option<&TokenSource>>,
    ) -> Option<CheckpointSettings> {
        let section = root.get("checkpoint").map_or(0..0, |node| node.span.clone());
        let Checkpoint { file, blob } = &written.checkpoint;
        match (file, blob) {
            (Some(file), None) => Some(CheckpointSettings::File {
                directory: file.directory.clone(),
            }),
            (None, Some(blob)) => {
                if written.state.directory.is_none() {
                    let message = "`checkpoint.blob` needs a `state.directory`: there is no checkpoint directory that it could share".to_owned();
                    let help = "add `state: { directory: ./state }`; each instance has its own";
                    self.error_masked(section.clone(), CODE, message, "in a container", help);
                }
                let settings = self.blob(blob, &section, credential)?;
                Some(CheckpointSettings::Blob(Box::new(settings)))
            }
            (file, _) => {
                let found = if file.is_some() {
                    "both `file` and `blob`"
                } else {
                    "neither `file` nor `blob`"
                };
                let message = format!("`checkpoint` has {found}");
                let help = "write `file: { directory: ./state }` for one process, or `blob` for several";
                self.error_masked(section, CODE, message, "needs exactly one", help);
                None
            }
        }
    }

    /// What instances that share the partitions cannot do.
    pub(super) fn shared_checkpoint(
        &mut self,
        checkpoint: &CheckpointSettings,
        targets: &[TargetConfiguration],
        written: &File,
        nodes: Option<&Node>,
    ) {
        if !matches!(checkpoint, CheckpointSettings::Blob(_)) {
            return;
        }
        let comparing = targets
            .iter()
            .filter(|target| target.snapshots == Snapshots::ChangesOnly);
        for target in comparing {
            let option = nodes.and_then(|nodes| nodes.get(&target.name)?.get("snapshots"));
            let span = option.map_or_else(
                || written.targets[&*target.name].span.clone(),
                |node| node.span.clone(),
            );
            let message = format!(
                "`snapshots: changes_only` of target `{}` and `checkpoint.blob` do not go together: an item's updates spread \
                 over the partitions, and so over the instances, and none of them knows what was last delivered",
                target.name
            );
            let help = "write `snapshots: pass`, or read with one process and `checkpoint.file`";
            self.error(span, CODE, message, "needs all partitions", help);
        }
    }

    fn blob(
        &mut self,
        written: &BlobCheckpoint,
        section: &Range<usize>,
        credential: Option<Option<&TokenSource>>,
    ) -> Option<blob::Settings> {
        let place = match (&written.container_url, &written.connection_string) {
            (Some(url), None) => self.by_url(written, url, credential),
            (None, Some(reference)) => self.by_account(written, reference, section),
            (url, _) => {
                let found = if url.is_some() {
                    "both `container_url` and"
                } else {
                    "neither `container_url` nor"
                };
                let message = format!("`checkpoint.blob` has {found} `connection_string`");
                self.error_masked(section.clone(), CODE, message, "needs exactly one", TWO_WAYS);
                None
            }
        };
        let is_timely = self.times(written);
        let tls = tls::client_config(written.tls.ca_file.as_deref()).map_err(|error| {
            let help = "check `checkpoint.blob.tls.ca_file`";
            self.error_masked(
                section.clone(),
                "config::tls",
                chain(&error),
                "the store read with this",
                help,
            );
        });
        let (container, access) = place?;
        if self.proxy.as_ref().is_some_and(|proxy| proxy.refuses(&container)) {
            let message = "the blob store has no TLS, and would be reached by the proxy".to_owned();
            let help = "write `https`; or name the host in `proxy.no_proxy`, so that it is reached directly";
            self.error_masked(section.clone(), "config::proxy", message, "in this section", help);
            return None;
        }
        is_timely.then_some(blob::Settings {
            container,
            access,
            tls: tls.ok()?,
            proxy: self.proxy.clone(),
            strategy: written.strategy,
            interval: written.interval.get(),
            expiry: written.expiry.get(),
        })
    }

    fn by_url(
        &mut self,
        written: &BlobCheckpoint,
        text: &Spanned<String>,
        credential: Option<Option<&TokenSource>>,
    ) -> Option<(Url, Access)> {
        if let Some(container) = &written.container {
            let message = "`container_url` names the container already".to_owned();
            let help = "remove `container`";
            self.error(container.span.clone(), CODE, message, "without effect", help);
        }
        let url = self.container_url(text)?;
        if let Some(reference) = &written.shared_access_signature {
            let secret = self.secret(reference)?;
            let Some(signature) = Signature::new(secret.expose_secret()) else {
                let message = "the shared access signature has no `sig=`".to_owned();
                let help = "copy the SAS token from the portal, which begins with `sv=` or `sp=`";
                self.error(reference.span.clone(), CODE, message, "read from here", help);
                return None;
            };
            self.warn_plain(&url, text.span.clone());
            return Some((url, Access::Signature(signature)));
        }
        if url.scheme() != "https" {
            let message = format!("`{url}` is not HTTPS, and a token would cross the network in plain text");
            let help = "write `https://`";
            self.error(text.span.clone(), CODE, message, "this address", help);
            return None;
        }
        match credential? {
            Some(source) => Some((url, Access::Entra(source.clone()))),
            None => {
                let message = "`checkpoint.blob.container_url` needs a `credential` or a `shared_access_signature`, and there is none".to_owned();
                let help = "add the top-level section `credential`, or `shared_access_signature: { env: NAME }`, or use `connection_string`";
                self.error(
                    text.span.clone(),
                    "config::credential",
                    message,
                    "opened with a credential",
                    help,
                );
                None
            }
        }
    }

    fn by_account(
        &mut self,
        written: &BlobCheckpoint,
        reference: &Spanned<SecretReference>,
        section: &Range<usize>,
    ) -> Option<(Url, Access)> {
        if let Some(signature) = &written.shared_access_signature {
            let message = "`shared_access_signature` belongs to `container_url`".to_owned();
            let help = "remove it: the connection string says what it lets in with";
            self.error(signature.span.clone(), CODE, message, "without effect", help);
        }
        let Some(container) = &written.container else {
            let message = "no container is named; set `checkpoint.blob.container`".to_owned();
            self.error_masked(
                section.clone(),
                "config::missing_option",
                message,
                "in this section",
                "",
            );
            return None;
        };
        if !is_container_name(container) {
            let message = format!("`{}` cannot be the name of a container", container.value);
            let help = "3 to 63 lower-case letters, digits and single hyphens";
            self.error(container.span.clone(), CODE, message, "this name", help);
            return None;
        }
        let text = self.secret(reference)?;
        let span = reference.span.clone();
        let account = match ConnectionString::parse(text.expose_secret()) {
            Ok(account) => account,
            Err(error) => {
                let message = format!("the connection string of the storage account is invalid: {error}");
                let help = "copy it again from the portal: the storage account, Access keys";
                self.error(span, "config::connection_string", message, "read from here", help);
                return None;
            }
        };
        let mut url = account.endpoint;
        url.path_segments_mut().ok()?.pop_if_empty().push(container);
        self.warn_plain(&url, span);
        Some((url, account.access))
    }

    fn secret(&mut self, reference: &Spanned<SecretReference>) -> Option<secrecy::SecretString> {
        match reference.read() {
            Ok(secret) => Some(secret),
            Err(error) => {
                let help = "set it, or name where the secret really is";
                self.error(
                    reference.span.clone(),
                    "config::secret",
                    chain(&error),
                    "read from here",
                    help,
                );
                None
            }
        }
    }

    fn container_url(&mut self, written: &Spanned<String>) -> Option<Url> {
        let span = written.span.clone();
        let url = Url::parse(&written.value).ok();
        // Where the account stands in the path, as with Azurite, the container is the second part.
        let url = url.filter(|url| {
            let name = url
                .path()
                .trim_end_matches('/')
                .rsplit('/')
                .next()
                .unwrap_or_default();
            matches!(url.scheme(), "http" | "https") && url.has_host() && is_container_name(name)
        });
        let Some(mut url) = url else {
            let message = "`checkpoint.blob.container_url` is no address of a container".to_owned();
            let help = "write it like `https://contoso.blob.core.windows.net/checkpoints`";
            self.error_masked(span, CODE, message, "this value", help);
            return None;
        };
        if url.query().is_some() || !url.username().is_empty() || url.password().is_some() {
            let message = "`checkpoint.blob.container_url` has more than an address".to_owned();
            let help = "put the part after `?` into an environment variable or a file, and name that as `shared_access_signature`";
            self.error_masked(span, "config::secret", message, "may hold a secret", help);
            return None;
        }
        url.set_fragment(None);
        let path = url.path().trim_end_matches('/').to_owned();
        url.set_path(&path);
        Some(url)
    }

    /// A key only signs, but a signature in an address is the secret itself, and positions can be changed on the way.
    fn warn_plain(&mut self, url: &Url, span: Range<usize>) {
        let is_here = matches!(url.host_str(), Some("127.0.0.1" | "localhost" | "[::1]"));
        if url.scheme() == "https" || is_here {
            return;
        }
        let message = "the blob store is reached without TLS, on a host that is not this machine".to_owned();
        self.diagnostics.push(
            Diagnostic::new("config::tls_off", message)
                .at(self.file, span, "says `http`")
                .help("write `https`, unless this is a test")
                .warning(),
        );
    }

    fn times(&mut self, written: &BlobCheckpoint) -> bool {
        let (interval, expiry) = (&written.interval, &written.expiry);
        if interval.get().as_secs() < MIN_INTERVAL_SECONDS {
            let message = format!("an interval of {} is too short", interval.value);
            self.error(interval.span.clone(), CODE, message, "at least 1s", "");
            return false;
        }
        if expiry.get() < interval.get() * MIN_INTERVALS {
            let message = format!(
                "an expiry of {} with an interval of {}: one renewal that fails would lose every partition",
                expiry.value, interval.value
            );
            let help = "make `expiry` at least twice `interval`, better three times or more";
            let span = if expiry.span.is_empty() {
                &interval.span
            } else {
                &expiry.span
            };
            self.error(span.clone(), CODE, message, "too close", help);
            return false;
        }
        true
    }
}

/// Rules of the service, without its names that begin with `$`.
fn is_container_name(name: &str) -> bool {
    let is_known = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
    (3..=63).contains(&name.len())
        && name.bytes().all(is_known)
        && !name.starts_with('-')
        && !name.ends_with('-')
        && !name.contains("--")
}

#[cfg(test)]
mod tests;
