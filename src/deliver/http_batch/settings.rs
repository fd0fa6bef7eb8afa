//! The options as a target trusts them: addresses parsed, secrets read.

use std::collections::BTreeMap;
use std::num::NonZeroUsize;
use std::sync::Arc;
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use reqwest::header::{self, HeaderMap, HeaderName, HeaderValue};
use secrecy::{ExposeSecret, SecretString};
use url::Url;

use super::config::{Authentication, HttpTls};
use super::token::TokenSource;
use super::value::TextOrSecret;
use crate::config::{secret, tls};
use crate::deliver::batch::{Batch, Compression};
use crate::deliver::blocked::TRY_INTERVAL_MIN;
use crate::proxy;

/// Checked options of one target.
#[derive(Debug, Clone)]
pub struct Settings {
    /// Addresses of the peer, at least one.
    pub endpoints: Vec<Url>,
    /// Sent with every request; secrets are marked as sensitive.
    pub headers: HeaderMap,
    /// Where the token of each request comes from, if it is not among the headers.
    pub token: Option<TokenSource>,
    /// Most bytes of a request before compression.
    pub batch_bytes: usize,
    /// Most records of a request.
    pub batch_records: usize,
    /// How long the first record of a batch waits for others.
    pub linger: Duration,
    /// Whether requests are compressed.
    pub is_compressed: bool,
    /// Requests under way at the same time.
    pub workers: usize,
    /// Time to the first try while the peer refuses everything; no option of the file.
    pub try_interval: Duration,
    /// Whom connections trust, and what they show.
    pub tls: Arc<rustls::ClientConfig>,
    /// The proxy on the way, if there is one.
    pub proxy: Option<Arc<proxy::Settings>>,
    /// The files behind `tls` as they were read, to see whether another reading differs.
    pub tls_files: Vec<Arc<[u8]>>,
    /// Whether the peer's certificate is checked.
    pub verify: bool,
}

/// Options that the settings of every kind come from.
#[derive(Debug)]
pub struct Options<'o> {
    /// Addresses, parsed.
    pub endpoints: Vec<Url>,
    /// Who we are.
    pub authentication: &'o Authentication,
    /// Further headers.
    pub headers: &'o BTreeMap<String, TextOrSecret>,
    /// A token that is renewed by somebody else.
    pub token: Option<TokenSource>,
    /// Limits of a request.
    pub batch: &'o Batch,
    /// How requests are compressed.
    pub compression: Compression,
    /// Requests under way at the same time.
    pub workers: NonZeroUsize,
    /// How certificates are checked.
    pub tls: &'o HttpTls,
}

/// An option cannot be used as it is.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// There is no address.
    #[error("`endpoints` is empty; give at least one address such as `https://peer:9200`")]
    NoEndpoint,
    /// An address is no URL. It is not repeated: what stands in it may be secret.
    #[error("the address of the endpoint cannot be read; write it like `https://host:port/path`")]
    InvalidEndpoint {
        /// What the parser said.
        source: url::ParseError,
    },
    /// An address has something that cannot be used.
    #[error("the address of the endpoint at `{host}` {problem}")]
    UnusableEndpoint {
        /// Its host.
        host: String,
        /// What is wrong with it.
        problem: &'static str,
    },
    /// A secret cannot be read.
    #[error("failed to read `{option}`")]
    Secret {
        /// Name of the option.
        option: String,
        /// Why.
        source: secret::Error,
    },
    /// A secret stands in the file.
    #[error("`headers.{name}` is a secret; {}", secret::WRITTEN_OUT)]
    WrittenOut {
        /// Name of the header.
        name: String,
    },
    /// A name or a value that no header can have.
    #[error("`{option}` cannot be a header: {problem}")]
    InvalidHeader {
        /// Name of the option.
        option: String,
        /// What is wrong with it.
        problem: &'static str,
    },
    /// More than one way to say who we are.
    #[error("`authentication` has {count} forms; give one of `basic`, `bearer`, `api_key`")]
    Authentication {
        /// How many were given.
        count: usize,
    },
    /// A text has a placeholder that does not exist.
    #[error(
        "`{option}` has the unknown placeholder `{{{placeholder}}}`; there are `{{kind}}`, `{{namespace}}` and `{{hub}}`"
    )]
    UnknownPlaceholder {
        /// Name of the option.
        option: &'static str,
        /// The name between the braces.
        placeholder: String,
    },
    /// A name that the peer does not allow.
    #[error("`{option}` is `{name}`, {problem}")]
    InvalidName {
        /// Name of the option.
        option: &'static str,
        /// The name.
        name: String,
        /// What is wrong with it.
        problem: &'static str,
    },
    /// Two options that do not go together.
    #[error("{0}")]
    Combination(&'static str),
    /// Certificates cannot be used.
    #[error(transparent)]
    Tls(#[from] tls::Error),
    /// A limit is out of its range.
    #[error("`{option}` must be {range}")]
    Range {
        /// Name of the option.
        option: &'static str,
        /// What is allowed.
        range: &'static str,
    },
}

/// More than this only adds connections for the peer to keep.
const MAX_WORKERS: usize = 64;

/// Headers whose value is a secret whoever the peer is.
const SECRET_HEADERS: [&str; 6] = [
    "authorization",
    "proxy-authorization",
    "cookie",
    "x-api-key",
    "api-key",
    "x-auth-token",
];

/// Headers that every request gets from elsewhere.
const OWN_HEADERS: [&str; 5] = [
    "content-length",
    "content-encoding",
    "transfer-encoding",
    "host",
    "connection",
];

impl Settings {
    /// Checks the options and reads the secrets.
    pub fn new(options: Options<'_>) -> Result<Self, Error> {
        let Options {
            endpoints,
            authentication,
            headers,
            token,
            batch,
            compression,
            workers,
            tls,
        } = options;
        if endpoints.is_empty() {
            return Err(Error::NoEndpoint);
        }
        if batch.bytes.get() == 0 {
            return Err(Error::Range {
                option: "batch.bytes",
                range: "more than 0",
            });
        }
        if workers.get() > MAX_WORKERS {
            return Err(Error::Range {
                option: "workers",
                range: "at most 64",
            });
        }
        Ok(Self {
            tls: client_config(&endpoints, tls)?,
            tls_files: self::tls::contents(tls.ca_file.as_deref(), own(tls)),
            proxy: None,
            verify: tls.verify,
            endpoints,
            headers: header_map(authentication, headers)?,
            token,
            batch_bytes: batch.bytes.get(),
            batch_records: batch.records.get() as usize,
            linger: batch.linger.get(),
            is_compressed: compression == Compression::Gzip,
            workers: workers.get(),
            try_interval: TRY_INTERVAL_MIN,
        })
    }

    /// Where the requests go, and the place of the proxy on their way.
    pub fn way(&mut self) -> (&[Url], &mut Option<Arc<proxy::Settings>>) {
        (&self.endpoints, &mut self.proxy)
    }
}

/// An address that paths are added to; what must not stand in it is `is_base`'s path, query and fragment.
pub fn endpoint(text: &str, is_base: bool) -> Result<Url, Error> {
    let mut url = Url::parse(text).map_err(|source| Error::InvalidEndpoint { source })?;
    let problem = if !matches!(url.scheme(), "http" | "https") {
        Some("is neither `http` nor `https`")
    } else if !url.username().is_empty() || url.password().is_some() {
        Some("has a user name or a password; they belong to `authentication`")
    } else if url.fragment().is_some() {
        Some("has a fragment")
    } else if is_base && url.query().is_some() {
        Some("has a query")
    } else {
        None
    };
    if let Some(problem) = problem {
        let host = url.host_str().unwrap_or_default().to_owned();
        return Err(Error::UnusableEndpoint { host, problem });
    }
    if is_base && !url.path().ends_with('/') {
        let path = format!("{}/", url.path());
        url.set_path(&path);
    }
    Ok(url)
}

fn own(options: &HttpTls) -> Option<tls::Own<'_>> {
    options.client_certificate.as_ref().map(|files| tls::Own {
        certificate: &files.certificate_file,
        key: &files.key_file,
    })
}

fn client_config(endpoints: &[Url], options: &HttpTls) -> Result<Arc<rustls::ClientConfig>, tls::Error> {
    let own = own(options);
    let is_encrypted = endpoints.iter().any(|url| url.scheme() == "https");
    match (is_encrypted, options.verify) {
        (true, true) => tls::client_config_showing(own, options.ca_file.as_deref()),
        (true, false) => tls::unverified_client_config_showing(own),
        (false, _) => tls::distrusting_client_config(),
    }
}

fn header_map(
    authentication: &Authentication,
    headers: &BTreeMap<String, TextOrSecret>,
) -> Result<HeaderMap, Error> {
    let mut map = HeaderMap::new();
    for (name, value) in headers {
        let option = || format!("headers.{name}");
        let invalid = |problem| Error::InvalidHeader {
            option: option(),
            problem,
        };
        let key =
            HeaderName::try_from(name).map_err(|_| invalid("it has a character that no name may have"))?;
        if OWN_HEADERS.contains(&key.as_str()) {
            return Err(invalid("every request gets its own"));
        }
        if matches!(value, TextOrSecret::Text(_)) && SECRET_HEADERS.contains(&key.as_str()) {
            return Err(Error::WrittenOut { name: name.clone() });
        }
        let text = value.read().map_err(|source| Error::Secret {
            option: option(),
            source,
        })?;
        map.insert(key, sensitive(&text, option)?);
    }
    if let Some(value) = authorization(authentication)? {
        if map.contains_key(header::AUTHORIZATION) {
            return Err(Error::Combination(
                "`authentication` and `headers.authorization` say the same; give one of them",
            ));
        }
        map.insert(header::AUTHORIZATION, value);
    }
    Ok(map)
}

fn authorization(authentication: &Authentication) -> Result<Option<HeaderValue>, Error> {
    let Authentication {
        basic,
        bearer,
        api_key,
    } = authentication;
    let count = [basic.is_some(), bearer.is_some(), api_key.is_some()];
    let count = count.into_iter().filter(|is_given| *is_given).count();
    if count > 1 {
        return Err(Error::Authentication { count });
    }
    let read = |option: &str, reference: &crate::config::SecretReference| {
        reference.read().map_err(|source| Error::Secret {
            option: format!("authentication.{option}"),
            source,
        })
    };
    let (option, text) = if let Some(basic) = basic {
        let password = read("basic.password", &basic.password)?;
        let pair = format!("{}:{}", basic.username, password.expose_secret());
        ("basic", format!("Basic {}", STANDARD.encode(pair)))
    } else if let Some(token) = bearer {
        (
            "bearer",
            format!("Bearer {}", read("bearer", token)?.expose_secret()),
        )
    } else if let Some(key) = api_key {
        (
            "api_key",
            format!("ApiKey {}", read("api_key", key)?.expose_secret()),
        )
    } else {
        return Ok(None);
    };
    sensitive(&SecretString::from(text), || format!("authentication.{option}")).map(Some)
}

/// A header value that no log shows.
fn sensitive(text: &SecretString, option: impl Fn() -> String) -> Result<HeaderValue, Error> {
    let mut value = HeaderValue::try_from(text.expose_secret()).map_err(|_| Error::InvalidHeader {
        option: option(),
        problem: "its value has a character that no value may have",
    })?;
    value.set_sensitive(true);
    Ok(value)
}
