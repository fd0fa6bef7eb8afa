//! The options as the target trusts them: addresses parsed, token read, texts expanded.

use std::num::NonZeroUsize;
use std::sync::Arc;
use std::time::Duration;

use secrecy::SecretString;
use url::Url;

use super::config::{Acknowledgement, SplunkHec, Time};
use crate::config::{secret, tls};
use crate::deliver::batch::Compression;
use crate::deliver::blocked::TRY_INTERVAL_MIN;
use crate::deliver::value::TextByKind;
use crate::proxy;

/// Checked options of one target.
#[derive(Debug, Clone)]
pub struct Settings {
    /// Addresses of the collector, at least one; the path ends with `/`.
    pub endpoints: Vec<Url>,
    token: SecretString,
    /// Whether a record is settled by the indexer's acknowledgement only.
    pub is_acknowledgement_required: bool,
    /// Age at which an unacknowledged batch is sent again.
    pub acknowledgement_timeout: Duration,
    /// Index by kind; `None` where the token decides.
    pub index: Option<TextByKind>,
    /// `source` by kind.
    pub source: TextByKind,
    /// `sourcetype` by kind.
    pub sourcetype: TextByKind,
    /// `host` by kind.
    pub host: TextByKind,
    /// What becomes `_time`.
    pub time: Time,
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
    /// The authorities' file as it was read, to see whether another reading differs.
    pub authorities: Option<Arc<[u8]>>,
    /// Whom connections trust.
    pub tls: Arc<rustls::ClientConfig>,
    /// The proxy on the way, if there is one.
    pub proxy: Option<Arc<proxy::Settings>>,
    /// Whether the peer's certificate is checked.
    pub verify: bool,
}

/// An option cannot be used as it is.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// `endpoints` is empty.
    #[error("`endpoints` is empty; give at least one address such as `https://splunk:8088`")]
    NoEndpoint,
    /// An address is no URL.
    #[error("endpoint `{text}` is no address; write it like `https://splunk:8088`")]
    InvalidEndpoint {
        /// As written.
        text: String,
        /// What the parser said.
        source: url::ParseError,
    },
    /// An address has something a base address cannot have.
    #[error("endpoint `{text}` {problem}; write scheme, host and port only, like `https://splunk:8088`")]
    UnusableEndpoint {
        /// As written, a password in it masked.
        text: String,
        /// What is wrong with it.
        problem: &'static str,
    },
    /// The token cannot be read.
    #[error("failed to read the token")]
    Token(#[source] secret::Error),
    /// The token has characters a header cannot have.
    #[error("the token has characters other than visible ASCII; copy it again from Splunk")]
    InvalidToken,
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
    /// Certificates cannot be used.
    #[error(transparent)]
    Tls(#[from] tls::Error),
    /// A limit is 0.
    #[error("`{option}` must be more than 0")]
    Zero {
        /// Name of the option.
        option: &'static str,
    },
    /// Too many workers.
    #[error("`workers` is {given}; at most {MAX_WORKERS} are allowed")]
    TooManyWorkers {
        /// As written.
        given: NonZeroUsize,
    },
}

/// More than this only adds channels for the peer to keep.
const MAX_WORKERS: usize = 64;

impl Settings {
    /// Checks the options and reads the token.
    pub fn new(options: &SplunkHec) -> Result<Self, Error> {
        if options.endpoints.0.is_empty() {
            return Err(Error::NoEndpoint);
        }
        let endpoints: Vec<Url> = options
            .endpoints
            .0
            .iter()
            .map(|text| endpoint(text))
            .collect::<Result<_, _>>()?;
        let is_encrypted = endpoints.iter().any(|url| url.scheme() == "https");
        let tls = match (is_encrypted, options.tls.verify) {
            (true, true) => tls::client_config(options.tls.ca_file.as_deref())?,
            (true, false) => tls::unverified_client_config()?,
            (false, _) => tls::distrusting_client_config()?,
        };
        for (option, texts) in [
            ("source", &options.source),
            ("sourcetype", &options.sourcetype),
            ("host", &options.host),
        ] {
            check_placeholders(option, texts)?;
        }
        if let Some(index) = &options.index {
            check_placeholders("index", index)?;
        }
        if options.batch.bytes.get() == 0 {
            return Err(Error::Zero {
                option: "batch.bytes",
            });
        }
        if options.acknowledgement_timeout.get().is_zero() {
            return Err(Error::Zero {
                option: "acknowledgement_timeout",
            });
        }
        if options.workers.get() > MAX_WORKERS {
            return Err(Error::TooManyWorkers {
                given: options.workers,
            });
        }
        Ok(Self {
            endpoints,
            token: token(&options.token)?,
            is_acknowledgement_required: options.acknowledgement == Acknowledgement::Required,
            acknowledgement_timeout: options.acknowledgement_timeout.get(),
            index: options.index.clone(),
            source: options.source.clone(),
            sourcetype: options.sourcetype.clone(),
            host: options.host.clone(),
            time: options.time,
            batch_bytes: options.batch.bytes.get(),
            batch_records: options.batch.records.get() as usize,
            linger: options.batch.linger.get(),
            is_compressed: options.compression == Compression::Gzip,
            workers: options.workers.get(),
            try_interval: TRY_INTERVAL_MIN,
            authorities: options
                .tls
                .ca_file
                .as_deref()
                .and_then(|path| std::fs::read(path).ok())
                .map(Arc::from),
            tls,
            proxy: None,
            verify: options.tls.verify,
        })
    }

    /// The token to send with the next request.
    pub fn token(&self) -> &SecretString {
        &self.token
    }

    /// Where the requests go, and the place of the proxy on their way.
    pub fn way(&mut self) -> (&[Url], &mut Option<Arc<proxy::Settings>>) {
        (&self.endpoints, &mut self.proxy)
    }
}

fn token(reference: &crate::config::SecretReference) -> Result<SecretString, Error> {
    use secrecy::ExposeSecret;
    let token = reference.read().map_err(Error::Token)?;
    if token.expose_secret().bytes().all(|byte| byte.is_ascii_graphic()) {
        Ok(token)
    } else {
        Err(Error::InvalidToken)
    }
}

fn endpoint(text: &str) -> Result<Url, Error> {
    let mut url = Url::parse(text).map_err(|source| Error::InvalidEndpoint {
        text: without_user(text),
        source,
    })?;
    let problem = if !matches!(url.scheme(), "http" | "https") {
        Some("is neither `http` nor `https`")
    } else if !url.username().is_empty() || url.password().is_some() {
        Some("has a user name or a password")
    } else if url.query().is_some() || url.fragment().is_some() {
        Some("has a query or a fragment")
    } else if url.path().contains("/services/collector") {
        Some("names the collector's path, which is added by itself")
    } else {
        None
    };
    if let Some(problem) = problem {
        return Err(Error::UnusableEndpoint {
            text: without_user(text),
            problem,
        });
    }
    if !url.path().ends_with('/') {
        let path = format!("{}/", url.path());
        url.set_path(&path);
    }
    Ok(url)
}

/// An address as it may be shown: what stands before an `@` or after a `?` can be a secret.
fn without_user(text: &str) -> String {
    let text = text.split(['?', '#']).next().unwrap_or_default();
    text.rsplit_once('@')
        .map_or_else(|| text.to_owned(), |(_, host)| format!("***@{host}"))
}

fn check_placeholders(option: &'static str, texts: &TextByKind) -> Result<(), Error> {
    match texts.unknown_placeholder() {
        None => Ok(()),
        Some(name) => Err(Error::UnknownPlaceholder {
            option,
            placeholder: name.to_owned(),
        }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(yaml: &str) -> Result<Settings, String> {
        let options: SplunkHec = serde_saphyr::from_str(yaml).map_err(|error| error.to_string())?;
        Settings::new(&options).map_err(|error| error.to_string())
    }

    fn with(lines: &str) -> Result<Settings, String> {
        let token = tempfile::NamedTempFile::new().expect("a temporary file can be made");
        std::fs::write(token.path(), "0000-1111\n").expect("it can be written");
        check(&format!("token: {{ file: {:?} }}\n{lines}", token.path()))
    }

    #[test]
    fn the_smallest_form_has_the_documented_defaults() {
        let settings = with("endpoints: https://splunk:8088").expect("it is complete");
        assert_eq!(settings.endpoints[0].as_str(), "https://splunk:8088/");
        assert!(settings.is_acknowledgement_required && settings.is_compressed && settings.verify);
        assert_eq!(settings.acknowledgement_timeout, Duration::from_secs(300));
        assert_eq!((settings.batch_bytes, settings.batch_records), (1 << 20, 500));
        assert_eq!((settings.linger, settings.workers), (Duration::from_secs(1), 2));
        assert!(settings.index.is_none());
    }

    #[test]
    fn takes_lists_and_texts_by_kind() {
        let settings = with(
            "endpoints: [https://a:8088, 'http://b:8088/proxy']\nacknowledgement: off\ncompression: none\n\
             index: { alert: sec_alerts, otherwise: mdc }\ntls: { verify: false }\nbatch: { records: 10 }\ntime: event",
        )
        .expect("every option is valid");
        use crate::event::Kind;
        let index = settings.index.expect("it is given");
        assert_eq!(index.get(Kind::Alert), Some("sec_alerts"));
        assert_eq!(index.get(Kind::SecureScore), Some("mdc"));
        assert_eq!(settings.endpoints[1].as_str(), "http://b:8088/proxy/");
        assert!(!settings.is_acknowledgement_required && !settings.is_compressed && !settings.verify);
        assert_eq!((settings.batch_bytes, settings.batch_records), (1 << 20, 10));
    }

    #[test]
    fn says_what_is_wrong() {
        let cases = [
            ("endpoints: []", "`endpoints` is empty"),
            ("endpoints: splunk", "is no address"),
            ("endpoints: 'ftp://splunk'", "neither `http` nor `https`"),
            ("endpoints: 'https://u:p@splunk'", "has a user name"),
            (
                "endpoints: 'https://splunk/services/collector/event'",
                "names the collector's path",
            ),
            (
                "endpoints: https://s\nsource: 'x:{region}'",
                "unknown placeholder `{region}`",
            ),
            (
                "endpoints: https://s\nindex: { alerts: x }",
                "unknown record kind `alerts`",
            ),
            (
                "endpoints: https://s\nbatch: { bytes: 0B }",
                "`batch.bytes` must be more than 0",
            ),
            ("endpoints: https://s\nworkers: 65", "at most 64"),
            ("endpoints: https://s\nendpoint: x", "endpoint"),
        ];
        for (lines, expected) in cases {
            let error = with(lines).expect_err(lines);
            assert!(error.contains(expected), "{lines}: {error}");
            assert!(!error.contains("u:p@"), "{error}");
        }
        let error = check("endpoints: https://s\ntoken: { env: HUB2SIEM_TEST_UNSET }").expect_err("no token");
        assert_eq!(error, "failed to read the token");
    }
}
