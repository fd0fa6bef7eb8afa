//! What a reply of a peer means of which nothing is known but HTTP.

use url::Url;

use super::config::{Format, Method};
use super::encode::{self, SEPARATOR_BYTES};
use super::settings::Settings;
use crate::deliver::http_batch::{Body, Protocol, Reply, Verdict};
use crate::event::{Kind, Rendered};

/// Requests to one address.
#[derive(Debug)]
pub struct Post {
    method: Method,
    format: Format,
    refused_statuses: Vec<u16>,
    lanes: [String; 1],
}

impl Post {
    /// As `settings` say.
    pub fn new(settings: &Settings) -> Self {
        Self {
            method: settings.method,
            format: settings.format,
            refused_statuses: settings.refused_statuses.clone(),
            lanes: [String::new()],
        }
    }
}

impl Protocol for Post {
    fn method(&self) -> reqwest::Method {
        match self.method {
            Method::Post => reqwest::Method::POST,
            Method::Put => reqwest::Method::PUT,
        }
    }

    fn lanes(&self) -> &[String] {
        &self.lanes
    }

    fn lane(&self, _: Kind) -> usize {
        0
    }

    fn url(&self, base: &Url, _: usize) -> Url {
        base.clone()
    }

    fn size(&self, record: &Rendered) -> usize {
        record.bytes.len() + SEPARATOR_BYTES
    }

    fn encode(&self, _: usize, records: &[Rendered]) -> Body {
        encode::encode(self.format, records)
    }

    fn judge(&self, reply: &Reply, _: usize) -> Verdict {
        if self.refused_statuses.contains(&reply.status) {
            return Verdict::Refused { text: reply.quote() };
        }
        reply.by_status().unwrap_or_else(|| reply.surprise())
    }
}

#[cfg(test)]
mod tests;
