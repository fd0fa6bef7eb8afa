//! Requests to the blob store, on the HTTP client that everything else uses.

use std::time::Duration;

use async_trait::async_trait;
use azure_core::error::{Error as AzureError, ErrorKind};
use azure_core::http::headers::Headers;
use azure_core::http::{AsyncRawResponse, Body, HttpClient, Method, Request};

use super::settings::Settings;
use crate::deliver::http_request;

/// How long one answer may take. Renewals of an ownership have to be through long before it expires.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(3);
/// Checkpoints of a few partitions at once, and renewals beside them.
const IDLE_CONNECTIONS: usize = 4;

/// The way of all requests.
#[derive(Debug)]
pub(super) struct Transport {
    http: reqwest::Client,
}

/// A request was made in a way that is not foreseen.
#[derive(Debug, thiserror::Error)]
#[error("a request to the blob store cannot be sent")]
struct Unforeseen;

impl Transport {
    pub(super) fn new(settings: &Settings) -> Self {
        Self {
            http: http_request::client(&settings.tls, IDLE_CONNECTIONS, settings.proxy.as_ref()),
        }
    }
}

#[async_trait]
impl HttpClient for Transport {
    async fn execute_request(&self, request: &Request) -> azure_core::Result<AsyncRawResponse> {
        let Body::Bytes(body) = request.body() else {
            return Err(AzureError::new(ErrorKind::Other, Unforeseen));
        };
        let method = match request.method() {
            Method::Get => reqwest::Method::GET,
            Method::Head => reqwest::Method::HEAD,
            Method::Put => reqwest::Method::PUT,
            _ => return Err(AzureError::new(ErrorKind::Other, Unforeseen)),
        };
        // The length of an empty body is among the headers; nobody below says it, and the service asks for it.
        let mut builder = self
            .http
            .request(method, request.url().clone())
            .body(body.clone());
        for (name, value) in request.headers().iter() {
            builder = builder.header(name.as_str(), value.as_str());
        }
        let response = http_request::exchange(builder.timeout(ANSWER_TIMEOUT))
            .await
            .map_err(|error| AzureError::new(ErrorKind::Io, error))?;
        let mut headers = Headers::new();
        for (name, value) in &response.headers {
            // What is no text is none of the headers that anybody here reads.
            if let Ok(value) = value.to_str() {
                headers.insert(name.as_str().to_owned(), value.to_owned());
            }
        }
        Ok(AsyncRawResponse::from_bytes(
            response.status.into(),
            headers,
            response.body,
        ))
    }
}
