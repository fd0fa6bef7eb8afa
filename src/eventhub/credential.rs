//! How we prove who we are to the hub, and the tokens made of it.

use std::time::Duration;

use secrecy::{ExposeSecret, SecretString};

use super::end_reason::{End, EndReason};
use super::sas;
use crate::credential::{Audience, Failure, Reason, TokenSource};
use crate::event::Timestamp;

/// What tokens are made of.
#[derive(Debug, Clone)]
pub enum Credential {
    /// A policy and its key; tokens are made as needed.
    SharedAccessKey {
        /// Name of the policy.
        name: String,
        /// Its key as given, not base64-decoded.
        key: SecretString,
    },
    /// A ready-made token, which cannot be renewed.
    SharedAccessSignature {
        /// The whole token.
        signature: SecretString,
        /// Its `se`; `None` means that it names no end.
        expires_at: Option<Timestamp>,
    },
    /// An identity of Microsoft Entra ID.
    Entra(TokenSource),
}

/// A token to put to the hub.
#[derive(Debug, Clone)]
pub struct Token {
    /// Its text.
    pub text: SecretString,
    /// The service's name of its kind.
    pub token_type: &'static str,
    /// When it ends; `None`: never.
    pub expires_at: Option<Timestamp>,
    /// When to put a newer one, with some jitter; `None` if there is none to be had.
    pub renew_after: Option<Duration>,
}

const SAS_TOKEN: &str = "servicebus.windows.net:sastoken";
/// Several connections opened together shall not renew together.
const JITTER: std::ops::Range<f64> = 0.95..1.0;
const ENTRA_TOKEN: &str = "jwt";

impl Credential {
    /// Reads a ready-made token; `None` if it is none.
    pub fn from_signature(text: &str) -> Option<Self> {
        let fields = text.strip_prefix("SharedAccessSignature ")?;
        let field = |name: &str| {
            fields
                .split('&')
                .filter_map(|field| field.split_once('='))
                .find(|(key, _)| *key == name)
                .map(|(_, value)| value)
        };
        field("sr").zip(field("sig"))?;
        let expires_at = match field("se") {
            Some(seconds) => Some(Timestamp::from_millis(
                seconds.parse::<i64>().ok()?.checked_mul(1000)?,
            )),
            None => None,
        };
        Some(Self::SharedAccessSignature {
            signature: SecretString::from(text),
            expires_at,
        })
    }

    /// Whether both give the same tokens.
    pub fn is_same(&self, other: &Credential) -> bool {
        let is_equal =
            |one: &SecretString, other: &SecretString| one.expose_secret() == other.expose_secret();
        match (self, other) {
            (
                Credential::SharedAccessKey { name, key },
                Credential::SharedAccessKey {
                    name: other_name,
                    key: other_key,
                },
            ) => name == other_name && is_equal(key, other_key),
            (
                Credential::SharedAccessSignature { signature, .. },
                Credential::SharedAccessSignature { signature: other, .. },
            ) => is_equal(signature, other),
            (Credential::Entra(source), Credential::Entra(other)) => source.is_same(other),
            _ => false,
        }
    }

    /// The hub does not take `token`: the next one shall be another, where there is another.
    pub fn refuse(&self, token: &Token) {
        if let Credential::Entra(source) = self {
            source.refuse(Audience::EventHubs, &token.text);
        }
    }

    /// A token for `audience` (`sb://host/hub`) that is good for `lifetime` from `now`, or the ready-made one, or one of
    /// Entra ID, whose life the tenant decides. One that is made here is to be renewed after three quarters of its life,
    /// as the official JavaScript client does.
    ///
    /// Errors: only Entra ID can fail to give one.
    pub async fn token(&self, audience: &str, now: Timestamp, lifetime: Duration) -> Result<Token, End> {
        Ok(match self {
            Credential::Entra(source) => {
                let token = source.token(Audience::EventHubs).await?;
                Token {
                    text: token.text,
                    token_type: ENTRA_TOKEN,
                    expires_at: Some(token.expires_at),
                    renew_after: Some(token.ask_after),
                }
            }
            Credential::SharedAccessKey { name, key } => {
                let expires_at = Timestamp::from_millis(now.as_millis() + lifetime.as_millis() as i64);
                let seconds = expires_at.as_millis().div_euclid(1000);
                Token {
                    text: sas::token(audience, name, key.expose_secret(), seconds),
                    token_type: SAS_TOKEN,
                    expires_at: Some(expires_at),
                    renew_after: Some((lifetime * 3 / 4).mul_f64(rand::random_range(JITTER))),
                }
            }
            Credential::SharedAccessSignature {
                signature,
                expires_at,
            } => Token {
                text: signature.clone(),
                token_type: SAS_TOKEN,
                expires_at: *expires_at,
                renew_after: None,
            },
        })
    }
}

impl From<Failure> for End {
    fn from(failure: Failure) -> Self {
        let reason = match failure.reason {
            Reason::Refused => EndReason::CredentialRefused,
            Reason::Throttled | Reason::Unavailable => EndReason::CredentialUnavailable,
        };
        End::new(reason, failure.to_string())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_the_end_of_a_signature() {
        let cases = [
            (
                "SharedAccessSignature sr=a&sig=b%3D&se=1700000000&skn=c",
                Some(Some(1_700_000_000_000)),
            ),
            ("SharedAccessSignature sr=a&sig=b%3D&skn=c", Some(None)),
            ("SharedAccessSignature sr=a&se=1700000000", None),
            ("SharedAccessSignature sr=a&sig=b&se=soon", None),
            ("sr=a&sig=b&se=1700000000", None),
        ];
        for (text, expected) in cases {
            let found = Credential::from_signature(text).map(|credential| match credential {
                Credential::SharedAccessSignature { expires_at, .. } => expires_at.map(Timestamp::as_millis),
                _ => panic!("it is a signature"),
            });
            assert_eq!(found, expected, "{text}");
        }
    }

    #[tokio::test]
    async fn only_a_key_makes_new_tokens() {
        let key = Credential::SharedAccessKey {
            name: "reader".into(),
            key: SecretString::from("k"),
        };
        let now = Timestamp::from_millis(1_700_000_000_000);
        let token = key.token("sb://h/x", now, Duration::from_secs(3600)).await;
        let token = token.expect("it is made here");
        assert_eq!(token.expires_at, Some(Timestamp::from_millis(1_700_003_600_000)));
        let wait = token.renew_after.expect("there are newer ones").as_secs();
        assert!((2565..=2700).contains(&wait), "{wait}");

        let text = "SharedAccessSignature sr=a&sig=b&se=1700000000";
        let signature = Credential::from_signature(text).expect("it is a token");
        let token = signature.token("sb://h/x", now, Duration::from_secs(3600)).await;
        let token = token.expect("it is at hand");
        assert_eq!((token.text.expose_secret(), token.renew_after), (text, None));
    }
}
