//! One request with records.

use reqwest::Method;
use reqwest::header::{self, HeaderMap, HeaderName, HeaderValue};
use secrecy::{ExposeSecret, SecretString};
use url::Url;

use super::body::Encoded;
use super::protocol::Reply;
use super::settings::Settings;
use super::token::{self, TokenSource};
use crate::deliver::http_request::{self, ANSWER_TIMEOUT};

/// One record is one request: lets the peer see that it had it before.
const IDEMPOTENCY_KEY: HeaderName = HeaderName::from_static("idempotency-key");

/// The peer does not take the token.
const UNAUTHORIZED: u16 = 401;

/// A request ready to be sent.
#[derive(Debug)]
pub struct Request {
    http: reqwest::Client,
    method: Method,
    url: Url,
    headers: HeaderMap,
    token: Option<TokenSource>,
    body: bytes::Bytes,
}

/// A request without a whole reply.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// There is no token; nothing was sent.
    #[error(transparent)]
    Token(#[from] token::Error),
    /// The token has characters a header cannot have; nothing was sent.
    #[error("the token has characters that no header can carry")]
    InvalidToken,
    /// The request failed.
    #[error(transparent)]
    Http(#[from] http_request::Error),
}

impl Request {
    /// A request with `body` to `url`.
    pub fn new(
        http: &reqwest::Client,
        settings: &Settings,
        method: Method,
        url: Url,
        body: &Encoded,
    ) -> Self {
        let mut headers = HeaderMap::new();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(body.content_type));
        if body.is_gzip {
            headers.insert(header::CONTENT_ENCODING, HeaderValue::from_static("gzip"));
        }
        if let Some(id) = body.idempotency_key {
            let value =
                HeaderValue::from_str(id.to_hex().as_str()).expect("hexadecimal digits are a header value");
            headers.insert(IDEMPOTENCY_KEY, value);
        }
        // The operator's own come last: they may say another content type.
        for (name, value) in &settings.headers {
            headers.insert(name, value.clone());
        }
        Self {
            http: http.clone(),
            method,
            url,
            headers,
            token: settings.token.clone(),
            body: body.bytes.clone(),
        }
    }

    /// Sends it and reads the whole reply.
    pub async fn send(mut self) -> Result<Reply, Error> {
        let mut sent = None;
        if let Some(source) = &self.token {
            let token = source.token().await?;
            self.headers.insert(header::AUTHORIZATION, bearer(&token)?);
            sent = Some((source.clone(), token));
        }
        let request = self.http.request(self.method, self.url).headers(self.headers);
        let response = http_request::exchange(request.body(self.body).timeout(ANSWER_TIMEOUT)).await?;
        if let Some((source, token)) = sent
            && response.status == UNAUTHORIZED
        {
            source.refuse(&token);
        }
        Ok(Reply {
            status: response.status,
            retry_after: response.retry_after(),
            body: response.body,
        })
    }
}

fn bearer(token: &SecretString) -> Result<HeaderValue, Error> {
    let text = format!("Bearer {}", token.expose_secret());
    let mut value = HeaderValue::try_from(text).map_err(|_| Error::InvalidToken)?;
    value.set_sensitive(true);
    Ok(value)
}
