//! Requests to those who give tokens: the authority, and the metadata service of the machine.
//!
//! The Azure crate tries again by itself, for up to 72 s, what it thinks worth it. Here every failure leaves it as an error
//! that it does not try again, so that one place decides about waits.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use azure_core::error::{Error as AzureError, ErrorKind};
use azure_core::http::headers::Headers;
use azure_core::http::{AsyncRawResponse, Body, HttpClient, Method, Request};
use reqwest::header;
use serde::Deserialize;
use url::Url;

use super::clock_skew::ClockSkew;
use crate::deliver::http_request::{self, Response};
use crate::event::Timestamp;

/// How long one answer may take.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(30);
/// The fixed address of the metadata service.
const METADATA_HOST: &str = "169.254.169.254";
/// More of a text says nothing new.
const MAX_TEXT_CHARACTERS: usize = 300;

/// The way of all requests.
#[derive(Debug)]
pub(super) struct Transport {
    http: reqwest::Client,
    metadata: Option<Url>,
    skew: Arc<ClockSkew>,
}

/// An answer that is no token.
#[derive(Debug, thiserror::Error)]
#[error("{text}")]
pub(super) struct Refusal {
    pub(super) status: u16,
    pub(super) retry_after: Option<Duration>,
    /// Numbers of the authority (`AADSTS…`).
    pub(super) codes: Vec<u32>,
    /// The first sentence of what was said; it names applications and tenants, no secrets.
    pub(super) text: String,
}

/// What authority, metadata service and App Service say of a refusal.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Explanation {
    error: String,
    error_description: String,
    error_codes: Vec<u32>,
    message: String,
}

/// A request was made in a way that is not foreseen.
#[derive(Debug, thiserror::Error)]
#[error("a token is asked for with a request that cannot be sent")]
struct Unforeseen;

impl Transport {
    pub(super) fn new(http: reqwest::Client, metadata: Option<Url>, skew: Arc<ClockSkew>) -> Self {
        Self { http, metadata, skew }
    }

    async fn send(&self, request: &Request) -> azure_core::Result<AsyncRawResponse> {
        let Body::Bytes(body) = request.body() else {
            return Err(final_error(Unforeseen));
        };
        let method = match request.method() {
            Method::Get => reqwest::Method::GET,
            Method::Post => reqwest::Method::POST,
            _ => return Err(final_error(Unforeseen)),
        };
        let mut builder = self.http.request(method, self.address(request.url()));
        for (name, value) in request.headers().iter() {
            builder = builder.header(name.as_str(), value.as_str());
        }
        let builder = builder.body(body.clone()).timeout(ANSWER_TIMEOUT);
        let response = http_request::exchange(builder).await.map_err(final_error)?;
        if let Some(date) = response
            .headers
            .get(header::DATE)
            .and_then(|date| date.to_str().ok())
        {
            self.skew.observe(date, Timestamp::now());
        }
        match response.status {
            200..300 => Ok(AsyncRawResponse::from_bytes(
                response.status.into(),
                Headers::new(),
                response.body,
            )),
            _ => Err(final_error(Refusal::of(&response))),
        }
    }

    fn address(&self, asked: &Url) -> Url {
        match &self.metadata {
            Some(other) if asked.host_str() == Some(METADATA_HOST) => {
                let mut url = other.clone();
                url.set_path(asked.path());
                url.set_query(asked.query());
                url
            }
            _ => asked.clone(),
        }
    }
}

impl Refusal {
    fn of(response: &Response) -> Self {
        let Explanation {
            error,
            error_description,
            error_codes,
            message,
        } = serde_json::from_slice(&response.body).unwrap_or_default();
        let said = [error_description, message, error]
            .into_iter()
            .find(|text| !text.is_empty());
        // What follows are numbers for the authority's own logs.
        let text = match said
            .as_deref()
            .map(|text| text.split(" Trace ID:").next().unwrap_or(text))
        {
            Some(text) => text.split_whitespace().collect::<Vec<_>>().join(" "),
            None => format!("HTTP status {}", response.status),
        };
        Self {
            status: response.status,
            retry_after: response.retry_after(),
            codes: error_codes,
            text: text.chars().take(MAX_TEXT_CHARACTERS).collect(),
        }
    }
}

/// An error that the Azure crate passes on as it is.
fn final_error(error: impl std::error::Error + Send + Sync + 'static) -> AzureError {
    AzureError::new(ErrorKind::Credential, error)
}

#[async_trait]
impl HttpClient for Transport {
    async fn execute_request(&self, request: &Request) -> azure_core::Result<AsyncRawResponse> {
        self.send(request).await
    }
}
