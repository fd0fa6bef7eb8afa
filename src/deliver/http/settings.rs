//! The options as the target trusts them, and the try of `check --connect`.

use secrecy::ExposeSecret;

use super::config::{Format, Http, Method};
use crate::deliver::http_batch::check::{self, Try};
use crate::deliver::http_batch::settings::{Error, Options, endpoint};
use crate::deliver::http_batch::{self, Reply, Verdict};
use crate::finding::{Finding, Problem};

/// Checked options of one target.
#[derive(Debug, Clone)]
pub struct Settings {
    /// What is common to all kinds with batches by HTTP.
    pub sending: http_batch::Settings,
    /// The method of a request.
    pub method: Method,
    /// How records stand in a request.
    pub format: Format,
    /// Statuses that refuse a record.
    pub refused_statuses: Vec<u16>,
}

/// These say something else than "this record is wrong", whoever the peer is.
const RESERVED_STATUSES: [u16; 8] = [401, 403, 407, 408, 413, 415, 425, 429];

impl Settings {
    /// Checks the options and reads the secrets.
    pub fn new(options: &Http) -> Result<Self, Error> {
        let is_possible = |status: &u16| (400..500).contains(status) && !RESERVED_STATUSES.contains(status);
        if !options.refused_statuses.iter().all(is_possible) {
            return Err(Error::Range {
                option: "refused_statuses",
                range: "statuses from 400 to 499 without 401, 403, 407, 408, 413, 415, 425 and 429, whose meaning is fixed",
            });
        }
        let address = options.endpoint.read().map_err(|source| Error::Secret {
            option: "endpoint".to_owned(),
            source,
        })?;
        let mut sending = http_batch::Settings::new(Options {
            endpoints: vec![endpoint(address.expose_secret(), false)?],
            authentication: &options.authentication,
            headers: &options.headers,
            token: None,
            batch: &options.batch,
            compression: options.compression,
            workers: options.workers,
            tls: &options.tls,
        })?;
        if options.format == Format::Single {
            sending.batch_records = 1;
        }
        Ok(Self {
            sending,
            method: options.method,
            format: options.format,
            refused_statuses: options.refused_statuses.clone(),
        })
    }
}

const REACHED: &str = "can be reached; whether it takes records cannot be tried without one";

/// Asks by `HEAD`, which changes nothing. Any answer but a refusal of who we are will do: most webhooks know no `HEAD`.
pub async fn check(settings: &Settings) -> Vec<Finding> {
    let request = Try {
        method: reqwest::Method::HEAD,
        body: b"",
        content_type: "application/json",
    };
    let urls = settings.sending.endpoints.iter();
    let places = urls.map(|url| (check::origin(url), url.clone()));
    check::check(&settings.sending, places, &request, judge).await
}

fn judge(reply: &Reply) -> Result<&'static str, Problem> {
    let fix = match reply.status {
        // Some peers refuse every `HEAD` with 403.
        401 | 407 => "mend `authentication` or `headers`",
        501 => return Ok(REACHED),
        _ if reply.by_status() == Some(Verdict::Unavailable) => "wait until the peer is healthy",
        _ => return Ok(REACHED),
    };
    Err(Problem::new(reply.describe(), fix))
}
