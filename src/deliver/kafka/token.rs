//! Tokens of the mechanism `oauthbearer`, as the client library wants them.

use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use rdkafka::client::OAuthToken;
use secrecy::ExposeSecret;
use serde::Deserialize;

use crate::deliver::http_batch::token::{self, TokenSource};
use crate::event::Timestamp;

/// How long a token that does not say when it expires is used before it is read again.
const OPAQUE_LIFETIME: Duration = Duration::from_secs(600);

/// What a token is about if it does not say so; brokers take the name from the token itself.
const PRINCIPAL: &str = "hub2siem";

/// A token could not be had.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// It could not be read.
    #[error("failed to read `sasl.token`")]
    Read {
        /// Why.
        source: token::Error,
    },
    /// It expired, and whoever renews it did not.
    #[error("the token of `sasl.token` expired at {at}")]
    Expired {
        /// When.
        at: Timestamp,
    },
}

/// What a token says of itself.
#[derive(Debug, Default, Deserialize)]
struct Claims {
    /// Seconds since 1970.
    exp: Option<f64>,
    sub: Option<String>,
}

/// The token that is valid now. Waits, and so belongs on a thread that may: `runtime` does the work.
pub fn token(source: &TokenSource, runtime: &tokio::runtime::Handle) -> Result<OAuthToken, Error> {
    let token = runtime
        .block_on(source.token())
        .map_err(|source| Error::Read { source })?;
    describe(token.expose_secret(), Timestamp::now())
}

fn describe(token: &str, now: Timestamp) -> Result<OAuthToken, Error> {
    let claims = claims(token).unwrap_or_default();
    let lifetime_ms = match claims.exp {
        Some(seconds) => (seconds * 1000.0) as i64,
        None => now.as_millis() + OPAQUE_LIFETIME.as_millis() as i64,
    };
    if lifetime_ms <= now.as_millis() {
        return Err(Error::Expired {
            at: Timestamp::from_millis(lifetime_ms),
        });
    }
    let principal = claims.sub.filter(|name| !name.is_empty() && !name.contains('\0'));
    Ok(OAuthToken {
        token: token.to_owned(),
        principal_name: principal.unwrap_or_else(|| PRINCIPAL.to_owned()),
        lifetime_ms,
    })
}

/// The middle part of a JWT. It is not verified: that is the brokers' affair.
fn claims(token: &str) -> Option<Claims> {
    let middle = token.split('.').nth(1)?;
    let json = URL_SAFE_NO_PAD.decode(middle.trim_end_matches('=')).ok()?;
    serde_json::from_slice(&json).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn jwt(claims: &str) -> String {
        format!("e30.{}.c2lnbmF0dXJl", URL_SAFE_NO_PAD.encode(claims))
    }

    #[test]
    fn a_token_says_when_it_expires() {
        let now = Timestamp::from_millis(1_000_000);
        let cases = [
            (jwt(r#"{"exp":2000,"sub":"bridge"}"#), Some((2_000_000, "bridge"))),
            (jwt(r#"{"exp":2000.5}"#), Some((2_000_500, PRINCIPAL))),
            (jwt(r#"{"exp":999}"#), None),
            ("opaque".to_owned(), Some((1_600_000, PRINCIPAL))),
            (jwt("no JSON"), Some((1_600_000, PRINCIPAL))),
        ];
        for (token, expected) in cases {
            let described = describe(&token, now).ok();
            let described = described
                .as_ref()
                .map(|token| (token.lifetime_ms, &*token.principal_name));
            assert_eq!(described, expected, "{token}");
        }
    }
}
