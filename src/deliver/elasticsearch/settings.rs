//! The options as the target trusts them, and the try of `check --connect`.

use url::Url;

use super::config::Elasticsearch;
use super::protocol;
use super::reply;
use crate::deliver::http_batch::check::{self, Try};
use crate::deliver::http_batch::settings::{Error, Options, endpoint};
use crate::deliver::http_batch::{self, Reply};
use crate::deliver::value::TextByKind;
use crate::finding::{Finding, Problem};

/// Checked options of one target.
#[derive(Debug, Clone)]
pub struct Settings {
    /// What is common to all kinds with batches by HTTP.
    pub sending: http_batch::Settings,
    /// Where to write, by kind of record; every kind has a text.
    pub index: TextByKind,
}

/// Longest name of an index.
const MAX_INDEX_BYTES: usize = 255;

impl Settings {
    /// Checks the options and reads the secrets.
    pub fn new(options: &Elasticsearch) -> Result<Self, Error> {
        let endpoints = options.endpoints.0.iter().map(|text| endpoint(text, true));
        let endpoints: Vec<Url> = endpoints.collect::<Result<_, _>>()?;
        check_index(&options.index)?;
        Ok(Self {
            sending: http_batch::Settings::new(Options {
                endpoints,
                authentication: &options.authentication,
                headers: &options.headers,
                token: None,
                batch: &options.batch,
                compression: options.compression,
                workers: options.workers,
                tls: &options.tls,
            })?,
            index: options.index.clone(),
        })
    }
}

fn check_index(index: &TextByKind) -> Result<(), Error> {
    if !index.is_complete() {
        return Err(Error::Combination(
            "`index` has no text for some kinds; add `otherwise`",
        ));
    }
    if let Some(name) = index.unknown_placeholder() {
        return Err(Error::UnknownPlaceholder {
            option: "index",
            placeholder: name.to_owned(),
        });
    }
    for name in index.texts() {
        let problem = if name.is_empty() || name.len() > MAX_INDEX_BYTES {
            "and names have 1 to 255 bytes"
        } else if name.starts_with(['-', '_', '+', '.']) {
            "and names begin with none of `-`, `_`, `+`, `.`"
        } else if name
            .chars()
            .any(|character| character.is_uppercase() || "\\/*?\"<>| ,#:".contains(character))
        {
            "and names have no capitals, spaces or any of `\\/*?\"<>|,#:`"
        } else {
            continue;
        };
        return Err(Error::InvalidName {
            option: "index",
            name: name.to_owned(),
            problem,
        });
    }
    Ok(())
}

/// Sends a bulk request without a record: it passes authentication and then fails for want of a body.
pub async fn check(settings: &Settings) -> Vec<Finding> {
    let request = Try {
        method: reqwest::Method::POST,
        body: b"",
        content_type: protocol::CONTENT_TYPE,
    };
    let urls = settings.sending.endpoints.iter();
    let places = urls.map(|url| (check::origin(url), protocol::bulk_url(url)));
    check::check(&settings.sending, places, &request, judge).await
}

fn judge(reply: &Reply) -> Result<&'static str, Problem> {
    const TAKEN: &str = "answers bulk requests, and takes the credentials";
    let error = reply::describe_error(reply);
    let fix = match reply.status {
        200 => return Ok(TAKEN),
        400 if error.is_some() => return Ok(TAKEN),
        401 => "compare name and password, or the encoded API key, with those in the cluster",
        403 => "give the user or key the right to create documents (`create_doc`) in the index",
        429 | 500.. => "wait until the node is healthy",
        _ => "the reply is not from Elasticsearch or OpenSearch; check host, port and path",
    };
    Err(Problem::new(error.unwrap_or_else(|| reply.describe()), fix))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(yaml: &str) -> Result<Settings, String> {
        let options: Elasticsearch = serde_saphyr::from_str(yaml).map_err(|error| error.to_string())?;
        Settings::new(&options).map_err(|error| crate::durable::retry::chain(&error))
    }

    #[test]
    fn the_smallest_form_has_the_documented_defaults() {
        let settings = check("endpoints: http://search:9200\nindex: mdc").expect("it is complete");
        let sending = settings.sending;
        assert_eq!(sending.endpoints[0].as_str(), "http://search:9200/");
        assert_eq!((sending.batch_bytes, sending.batch_records), (1 << 20, 500));
        assert!(sending.is_compressed && sending.verify && sending.workers == 2);
    }

    #[test]
    fn says_what_is_wrong() {
        let cases = [
            ("endpoints: []\nindex: mdc", "`endpoints` is empty"),
            ("endpoints: search\nindex: mdc", "cannot be read"),
            (
                "endpoints: 'ftp://search'\nindex: mdc",
                "neither `http` nor `https`",
            ),
            ("endpoints: 'http://u:p@search'\nindex: mdc", "has a user name"),
            ("endpoints: http://s\nindex: { alert: mdc }", "add `otherwise`"),
            (
                "endpoints: http://s\nindex: 'mdc-{day}'",
                "unknown placeholder `{day}`",
            ),
            ("endpoints: http://s\nindex: MDC", "no capitals"),
            ("endpoints: http://s\nindex: _mdc", "begin with none"),
            ("endpoints: http://s\nindex: 'a,b'", "no capitals, spaces"),
            ("endpoints: http://s\nindex: mdc\nworkers: 65", "at most 64"),
            (
                "endpoints: http://s\nindex: mdc\nbatch: { bytes: 0B }",
                "more than 0",
            ),
            (
                "endpoints: http://s\nindex: mdc\nheaders: { Authorization: x }",
                "is a secret",
            ),
            (
                "endpoints: http://s\nindex: mdc\nheaders: { Host: x }",
                "gets its own",
            ),
            (
                "endpoints: http://s\nindex: mdc\nheaders: { 'a b': x }",
                "no name may have",
            ),
            (
                "endpoints: http://s\nindex: mdc\nauthentication: { api_key: { env: HUB2SIEM_UNSET } }",
                "failed to read `authentication.api_key`",
            ),
            (
                "endpoints: http://s\nindex: mdc\nauthentication: { api_key: { env: A }, bearer: { env: B } }",
                "has 2 forms",
            ),
        ];
        for (yaml, expected) in cases {
            let error = check(yaml).expect_err(yaml);
            assert!(error.contains(expected), "{yaml}: {error}");
            assert!(!error.contains("u:p@"), "{error}");
        }
    }

    #[test]
    fn a_name_and_a_password_become_a_header() {
        let password = tempfile::NamedTempFile::new().expect("a temporary file can be made");
        std::fs::write(password.path(), "open sesame\n").expect("it can be written");
        let yaml = format!(
            "endpoints: http://s\nindex: mdc\nheaders: {{ X-Team: soc }}\nauthentication: {{ basic: {{ username: Aladdin, \
             password: {{ file: {:?} }} }} }}",
            password.path()
        );
        let headers = check(&yaml).expect("it is complete").sending.headers;
        assert_eq!(headers["authorization"], "Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==");
        assert_eq!(headers["x-team"], "soc");
        assert!(!format!("{headers:?}").contains("QWxh"), "a log shows no secret");
    }
}
