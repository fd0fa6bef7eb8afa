//! The options as the target trusts them, and the try of `check --connect`.

use std::collections::BTreeMap;

use super::config::AzureMonitor;
use super::protocol::{self, Ingestion};
use crate::credential::{self, Audience};
use crate::deliver::batch::Batch;
use crate::deliver::http_batch::check::{self, Try};
use crate::deliver::http_batch::config::Authentication;
use crate::deliver::http_batch::settings::{Error, Options, endpoint};
use crate::deliver::http_batch::token::TokenSource;
use crate::deliver::http_batch::{self, Protocol, Reply};
use crate::deliver::value::TextByKind;
use crate::finding::{Finding, Problem};

/// Checked options of one target.
#[derive(Debug, Clone)]
pub struct Settings {
    /// What is common to all kinds with batches by HTTP.
    pub sending: http_batch::Settings,
    /// Immutable id of the data collection rule.
    pub rule: String,
    /// Where to write, by kind of record; every kind has a text.
    pub stream: TextByKind,
}

/// A call may have no more before compression.
const MAX_BATCH_BYTES: usize = 1 << 20;

impl Settings {
    /// Checks the options and tries to read the token, or takes `credential` to get tokens from.
    pub fn new(options: &AzureMonitor, credential: Option<&credential::TokenSource>) -> Result<Self, Error> {
        check_name("rule", &options.rule)?;
        if !options.rule.starts_with("dcr-") {
            return Err(Error::InvalidName {
                option: "rule",
                name: options.rule.clone(),
                problem: "and the immutable id of a data collection rule begins with `dcr-`",
            });
        }
        if !options.stream.is_complete() {
            return Err(Error::Combination(
                "`stream` has no text for some kinds; add `otherwise`",
            ));
        }
        if let Some(name) = options.stream.unknown_placeholder() {
            return Err(Error::UnknownPlaceholder {
                option: "stream",
                placeholder: name.to_owned(),
            });
        }
        options
            .stream
            .texts()
            .try_for_each(|name| check_name("stream", name))?;
        if options.batch.bytes.get() > MAX_BATCH_BYTES {
            return Err(Error::Range {
                option: "batch.bytes",
                range: "at most 1MiB, because a call may have no more",
            });
        }
        let token = token(options, credential)?;
        Ok(Self {
            sending: http_batch::Settings::new(Options {
                endpoints: vec![endpoint(&options.endpoint, true)?],
                authentication: &Authentication::default(),
                headers: &BTreeMap::new(),
                token: Some(token),
                batch: &Batch {
                    bytes: options.batch.bytes,
                    records: options.batch.records,
                    linger: options.batch.linger,
                },
                compression: options.compression,
                workers: options.workers,
                tls: &options.tls,
            })?,
            rule: options.rule.clone(),
            stream: options.stream.clone(),
        })
    }

    /// Gets its tokens from `current` from now on, if they come from a credential at all.
    pub fn share_credential(&mut self, current: &credential::TokenSource) {
        if let Some(TokenSource::Credential(source, _)) = &mut self.sending.token {
            source.clone_from(current);
        }
    }
}

fn token(options: &AzureMonitor, credential: Option<&credential::TokenSource>) -> Result<TokenSource, Error> {
    match (&options.token, credential) {
        (Some(reference), _) => match reference.read() {
            Ok(_) => Ok(TokenSource::Renewed(reference.clone())),
            Err(source) => Err(Error::Secret {
                option: "token".to_owned(),
                source,
            }),
        },
        (None, Some(source)) => Ok(TokenSource::Credential(source.clone(), Audience::AzureMonitor)),
        (None, None) => Err(Error::Combination(
            "there is neither a `token` here nor a top-level `credential`; give one of them",
        )),
    }
}

/// Names become a part of a path.
fn check_name(option: &'static str, name: &str) -> Result<(), Error> {
    let is_plain = |character: char| character.is_ascii_alphanumeric() || "-_.{}".contains(character);
    match !name.is_empty() && name.chars().all(is_plain) {
        true => Ok(()),
        false => Err(Error::InvalidName {
            option,
            name: name.to_owned(),
            problem: "and such names have letters, digits, `-`, `_` and `.` only",
        }),
    }
}

/// Sends a call without records to each stream: it passes token, rule and rights, and writes nothing.
pub async fn check(settings: &Settings, hub: &crate::event::Hub) -> Vec<Finding> {
    let ingestion = Ingestion::new(settings, hub);
    let request = Try {
        method: reqwest::Method::POST,
        body: b"[]",
        content_type: protocol::CONTENT_TYPE,
    };
    let base = &settings.sending.endpoints[0];
    let streams = ingestion.lanes().iter().enumerate();
    let places = streams.map(|(lane, stream)| (format!("stream {stream}"), ingestion.url(base, lane)));
    check::check(&settings.sending, places, &request, judge).await
}

fn judge(reply: &Reply) -> Result<&'static str, Problem> {
    const TAKEN: &str = "takes the token, and knows rule and stream";
    let error = protocol::describe_error(reply);
    let fix = match reply.status {
        // Whether a call without records is taken or refused is not documented; it came through either way.
        204 => return Ok(TAKEN),
        400 if error.as_ref().is_some_and(|text| !text.contains("Stream")) => return Ok(TAKEN),
        400 | 404 => "compare `rule` and `stream` with those of the data collection rule",
        401 => {
            "see that the token is for Azure Monitor (audience `https://monitor.azure.com`) and not expired"
        }
        403 => {
            "give the identity the role Monitoring Metrics Publisher on the data collection rule; it takes up to 30 minutes"
        }
        _ => "wait until the service is healthy, and check the address",
    };
    Err(Problem::new(error.unwrap_or_else(|| reply.describe()), fix))
}
