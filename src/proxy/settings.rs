//! The proxy as it is trusted: an address that can be used, a password that was read, exceptions that mean something.

use std::fmt;
use std::sync::Arc;

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use reqwest::header::HeaderValue;
use secrecy::{ExposeSecret, SecretString};
use url::Url;

use super::config::Proxy;
use super::exception::{Exception, is_local};
use crate::config::secret;

/// Checked options of the proxy.
pub struct Settings {
    url: Url,
    host: String,
    port: u16,
    /// Value of `Proxy-Authorization`.
    authorization: Option<SecretString>,
    exceptions: Vec<Exception>,
}

/// The proxy cannot be used as it is. Never carries the URL, which could hold a password.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The URL is none, or has more than an address.
    #[error("`proxy.url` is no address of a proxy; write `http://host:port` and nothing after it")]
    InvalidUrl,
    /// Another protocol than HTTP.
    #[error(
        "`proxy.url` begins with `{scheme}://`; only `http://` proxies can be used, what passes through them is encrypted from end to end"
    )]
    Scheme {
        /// The scheme.
        scheme: String,
    },
    /// A user name or a password in the URL.
    #[error("`proxy.url` holds a user name or a password; write `username` and `password: {{ env: NAME }}`")]
    UserInUrl,
    /// A user name without password, or a password without user name.
    #[error("`proxy.{present}` is given without `proxy.{missing}`")]
    Half {
        /// The option that is there.
        present: &'static str,
        /// The one that is not.
        missing: &'static str,
    },
    /// A user name that Basic authentication cannot carry.
    #[error("`proxy.username` is empty, or has a colon or a control character")]
    InvalidUsername,
    /// The password cannot be read.
    #[error("failed to read `proxy.password`")]
    Password {
        /// Why.
        source: secret::Error,
    },
    /// An exception that could never match.
    #[error(
        "`{entry}` in `proxy.no_proxy` is no host name, IP address or network; write them without scheme and port, such as `contoso.com` or `10.0.0.0/8`"
    )]
    Exception {
        /// The entry.
        entry: String,
    },
}

impl Settings {
    /// Checks the options and reads the password.
    pub fn new(written: &Proxy) -> Result<Self, Error> {
        let url = Url::parse(&written.url).map_err(|_| Error::InvalidUrl)?;
        if url.scheme() != "http" {
            // Without `//` it is a host and a port, or a password; neither is a scheme to name.
            let is_address = url.has_host();
            let scheme = url.scheme().to_owned();
            return Err(if is_address {
                Error::Scheme { scheme }
            } else {
                Error::InvalidUrl
            });
        }
        if !url.username().is_empty() || url.password().is_some() {
            return Err(Error::UserInUrl);
        }
        let is_bare = url.path() == "/" && url.query().is_none() && url.fragment().is_none();
        let host = url.host_str().filter(|_| is_bare).ok_or(Error::InvalidUrl)?;
        let exceptions = written.no_proxy.iter().flat_map(|texts| &texts.0).map(|entry| {
            Exception::parse(entry.trim()).ok_or_else(|| Error::Exception { entry: entry.clone() })
        });
        Ok(Self {
            host: host.trim_start_matches('[').trim_end_matches(']').to_owned(),
            port: url.port_or_known_default().ok_or(Error::InvalidUrl)?,
            authorization: authorization(written)?,
            exceptions: exceptions.collect::<Result<_, _>>()?,
            url,
        })
    }

    /// Its host, an IPv6 address without brackets.
    pub fn host(&self) -> &str {
        &self.host
    }

    /// Its port.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Whether `host` is reached by it: a name, or an address with or without brackets.
    pub fn leads_to(&self, host: &str) -> bool {
        !is_local(host) && !self.exceptions.iter().any(|exception| exception.covers(host))
    }

    /// Whether `url` cannot be reached in a safe way: without TLS the proxy answers in the peer's place, and its own
    /// errors look like refusals of the peer.
    pub fn refuses(&self, url: &Url) -> bool {
        url.scheme() == "http" && url.host_str().is_some_and(|host| self.leads_to(host))
    }

    /// Whether both do the same.
    pub fn is_same(&self, other: &Settings) -> bool {
        let secret = |settings: &Self| {
            let authorization = settings.authorization.as_ref();
            authorization.map(|value| value.expose_secret().to_owned())
        };
        self.url == other.url && self.exceptions == other.exceptions && secret(self) == secret(other)
    }

    /// The value of `Proxy-Authorization`, if it wants one.
    pub(super) fn authorization(&self) -> Option<&SecretString> {
        self.authorization.as_ref()
    }

    /// The same for an HTTP client.
    pub fn for_http(self: &Arc<Self>) -> reqwest::Proxy {
        let settings = Arc::clone(self);
        let proxy = reqwest::Proxy::custom(move |asked| {
            let host = asked.host_str()?;
            settings.leads_to(host).then(|| settings.url.clone())
        });
        match &self.authorization {
            Some(value) => {
                let value = HeaderValue::try_from(value.expose_secret());
                let mut value = value.expect("base64 is a value of a header");
                value.set_sensitive(true);
                proxy.custom_http_auth(value)
            }
            None => proxy,
        }
    }
}

/// Whether both are the same way out, or both none.
pub fn is_same(one: Option<&Arc<Settings>>, other: Option<&Arc<Settings>>) -> bool {
    match (one, other) {
        (Some(one), Some(other)) => one.is_same(other),
        (one, other) => one.is_none() && other.is_none(),
    }
}

fn authorization(written: &Proxy) -> Result<Option<SecretString>, Error> {
    let half = |present, missing| Err(Error::Half { present, missing });
    match (&written.username, &written.password) {
        (None, None) => Ok(None),
        (Some(_), None) => half("username", "password"),
        (None, Some(_)) => half("password", "username"),
        (Some(username), Some(password)) => {
            if username.is_empty() || username.contains(':') || username.contains(char::is_control) {
                return Err(Error::InvalidUsername);
            }
            let password = password.read().map_err(|source| Error::Password { source })?;
            let pair = format!("{username}:{}", password.expose_secret());
            let value = format!("Basic {}", BASE64_STANDARD.encode(pair));
            Ok(Some(SecretString::from(value)))
        }
    }
}

impl fmt::Display for Settings {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let is_v6 = self.host.contains(':');
        let (open, close) = if is_v6 { ("[", "]") } else { ("", "") };
        write!(formatter, "{open}{}{close}:{}", self.host, self.port)
    }
}

/// Only its address: the rest may be secret.
impl fmt::Debug for Settings {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "Proxy({self})")
    }
}

#[cfg(test)]
mod tests;
