//! The signature of a request with the account's key.
//!
//! Source: the service's REST reference, "Authorize with Shared Key"; the Azure crate has no code for it.

use std::fmt;
use std::sync::Arc;

use async_trait::async_trait;
use azure_core::error::{Error as AzureError, ErrorKind};
use azure_core::http::headers::Headers;
use azure_core::http::policies::{Policy, PolicyResult};
use azure_core::http::{Context, Request};
use azure_core::time::{OffsetDateTime, to_rfc7231};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, KeyInit, Mac};
use secrecy::{ExposeSecret, SecretSlice};
use sha2::Sha256;
use url::Url;

/// Headers in the order in which their values are signed, after the verb. `date` stays empty: `x-ms-date` counts.
const SIGNED: [&str; 11] = [
    "content-encoding",
    "content-language",
    "content-length",
    "content-md5",
    "content-type",
    "date",
    "if-modified-since",
    "if-match",
    "if-none-match",
    "if-unmodified-since",
    "range",
];

/// Signs each try of a request.
pub(super) struct SharedKeyPolicy {
    account: String,
    key: SecretSlice<u8>,
}

impl SharedKeyPolicy {
    pub(super) fn new(account: &str, key: &SecretSlice<u8>) -> Arc<Self> {
        Arc::new(Self {
            account: account.to_owned(),
            key: key.clone(),
        })
    }

    fn sign(&self, request: &mut Request, now: &str) {
        request.insert_header("x-ms-date", now.to_owned());
        let text = string_to_sign(
            request.method().as_ref(),
            request.headers(),
            request.url(),
            &self.account,
        );
        let mut mac =
            Hmac::<Sha256>::new_from_slice(self.key.expose_secret()).expect("HMAC takes a key of any length");
        mac.update(text.as_bytes());
        let signature = STANDARD.encode(mac.finalize().into_bytes());
        request.insert_header("authorization", format!("SharedKey {}:{signature}", self.account));
    }
}

#[async_trait]
impl Policy for SharedKeyPolicy {
    async fn send(&self, context: &Context, request: &mut Request, next: &[Arc<dyn Policy>]) -> PolicyResult {
        self.sign(request, &to_rfc7231(&OffsetDateTime::now_utc()));
        match next {
            [first, rest @ ..] => first.send(context, request, rest).await,
            [] => Err(AzureError::with_message(
                ErrorKind::Other,
                "nothing sends the request",
            )),
        }
    }
}

impl fmt::Debug for SharedKeyPolicy {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "SharedKeyPolicy({})", self.account)
    }
}

/// What is signed: verb, headers, `x-ms-*` headers in order, path and query.
fn string_to_sign(method: &str, headers: &Headers, url: &Url, account: &str) -> String {
    let mut text = format!("{method}\n");
    for name in SIGNED {
        let value = match name {
            "date" => "",
            _ => header(headers, name),
        };
        // A length of nothing is signed as nothing.
        let value = if name == "content-length" && value == "0" {
            ""
        } else {
            value
        };
        text.push_str(value);
        text.push('\n');
    }
    let mut own: Vec<(&str, &str)> = headers
        .iter()
        .map(|(name, value)| (name.as_str(), value.as_str()))
        .filter(|(name, _)| name.starts_with("x-ms-"))
        .collect();
    own.sort_unstable();
    for (name, value) in own {
        text.push_str(&format!("{name}:{}\n", value.trim()));
    }
    // As sent; where the address names the account in its path it stands there twice.
    text.push_str(&format!("/{account}{}", url.path()));
    let mut query: Vec<(String, String)> = url
        .query_pairs()
        .map(|(name, value)| (name.to_lowercase(), value.into_owned()))
        .collect();
    query.sort_unstable();
    for (name, value) in query {
        text.push_str(&format!("\n{name}:{value}"));
    }
    text
}

fn header<'h>(headers: &'h Headers, name: &'static str) -> &'h str {
    let name = azure_core::http::headers::HeaderName::from_static(name);
    headers.get_optional_str(&name).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Scenario: a conditional write and a list, as the crate makes them. Guarantees: each part stands in its place.
    #[test]
    fn signs_what_the_service_signs() {
        let mut headers = Headers::new();
        headers.insert("x-ms-version", "2025-11-05");
        headers.insert("x-ms-meta-ownerid", "me");
        headers.insert("x-ms-date", "Fri, 21 Nov 2026 10:00:00 GMT");
        headers.insert("content-length", "0");
        headers.insert("content-type", "application/octet-stream");
        headers.insert("if-none-match", "*");
        let url = Url::parse("http://127.0.0.1:10000/devstoreaccount1/c/a%2F$default%2F0").expect("a URL");
        assert_eq!(
            string_to_sign("PUT", &headers, &url, "devstoreaccount1"),
            "PUT\n\n\n\n\napplication/octet-stream\n\n\n\n*\n\n\n\
             x-ms-date:Fri, 21 Nov 2026 10:00:00 GMT\nx-ms-meta-ownerid:me\nx-ms-version:2025-11-05\n\
             /devstoreaccount1/devstoreaccount1/c/a%2F$default%2F0"
        );
        let url =
            "https://a.blob.core.windows.net/c?restype=container&comp=list&prefix=x%2F$d&include=metadata";
        let url = Url::parse(url).expect("a URL");
        assert_eq!(
            string_to_sign("GET", &Headers::new(), &url, "a"),
            "GET\n\n\n\n\n\n\n\n\n\n\n\n/a/c\ncomp:list\ninclude:metadata\nprefix:x/$d\nrestype:container"
        );
    }
}
