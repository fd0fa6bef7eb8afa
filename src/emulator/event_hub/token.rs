//! Tokens as a sender or receiver presents them: shared access signatures, and those of an authority.

use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use hmac::{Hmac, KeyInit, Mac};
use serde::Deserialize;
use sha2::Sha256;

use crate::event::Timestamp;

use super::options::{Authority, SharedAccessKey};

/// The type of a shared access signature.
pub(super) const SIGNATURE: &str = "servicebus.windows.net:sastoken";
/// The type of a token of an authority.
pub(super) const JWT: &str = "jwt";

#[derive(Deserialize)]
struct Head {
    alg: String,
}

#[derive(Deserialize)]
struct Claims {
    aud: String,
    nbf: i64,
    exp: i64,
}

/// The end of a `token` that `authority` signed for this hub, if it is good at `now`.
pub(super) fn jwt_end(token: &str, authority: &Authority, now: Timestamp) -> Option<Timestamp> {
    let (signed, signature) = token.rsplit_once('.')?;
    let (head, claims) = signed.split_once('.')?;
    let decode = |text: &str| URL_SAFE_NO_PAD.decode(text).ok();
    let head: Head = serde_json::from_slice(&decode(head)?).ok()?;
    let claims: Claims = serde_json::from_slice(&decode(claims)?).ok()?;
    let mut mac = mac(&authority.key);
    mac.update(signed.as_bytes());
    let is_ours = head.alg == "HS256"
        && claims.aud == authority.audience
        && mac.verify_slice(&decode(signature)?).is_ok();
    let seconds = now.as_millis().div_euclid(1000);
    let is_good = claims.nbf <= seconds && seconds < claims.exp;
    (is_ours && is_good).then(|| Timestamp::from_millis(claims.exp * 1000))
}

fn mac(key: &str) -> Hmac<Sha256> {
    Hmac::<Sha256>::new_from_slice(key.as_bytes()).expect("a key of any length is accepted")
}

/// The end of a `token` that is signed with `key`, if it is good at `now`.
///
/// Shape: `SharedAccessSignature sr=…&sig=…&se=…&skn=…`; the signature is over `sr` as received, a line feed, and `se`.
pub(super) fn signature_end(token: &str, key: &SharedAccessKey, now: Timestamp) -> Option<Timestamp> {
    let parameters = token.strip_prefix("SharedAccessSignature ")?;
    let parameter = |name: &str| {
        parameters
            .split('&')
            .filter_map(|pair| pair.split_once('='))
            .find_map(|(key, value)| (key == name).then_some(value))
    };
    let (resource, expiry) = (parameter("sr")?, parameter("se")?);
    let signature = STANDARD.decode(percent_decoded(parameter("sig")?)).ok()?;
    let mut mac = mac(&key.key);
    mac.update(format!("{resource}\n{expiry}").as_bytes());
    let is_ours = parameter("skn")? == key.name && mac.verify_slice(&signature).is_ok();
    let end = Timestamp::from_millis(expiry.parse::<i64>().ok()?.checked_mul(1000)?);
    (is_ours && now < end).then_some(end)
}

fn percent_decoded(text: &str) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((&first, tail)) = rest.split_first() {
        let hex = tail.get(..2).and_then(|digits| std::str::from_utf8(digits).ok());
        match hex.and_then(|digits| u8::from_str_radix(digits, 16).ok()) {
            Some(byte) if first == b'%' => {
                bytes.push(byte);
                rest = &tail[2..];
            }
            _ => {
                bytes.push(first);
                rest = tail;
            }
        }
    }
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(token: &str, key: &str, expected: bool) {
        let key = SharedAccessKey {
            name: "policy".to_owned(),
            key: key.to_owned(),
        };
        let now = Timestamp::from_millis(1_699_999_999_000);
        assert_eq!(signature_end(token, &key, now).is_some(), expected, "{token}");
    }

    #[test]
    fn accepts_only_an_unexpired_signature_with_the_key() {
        let resource = "sb%3A%2F%2Fexample.servicebus.windows.net%2Fmyhub";
        let signature = "bzVH%2FCDCqBsGLcxCVleL9shR78Px6aRBS1MOwCMRaA8%3D";
        let token = |resource: &str, expiry: &str, policy: &str| {
            format!("SharedAccessSignature sr={resource}&sig={signature}&se={expiry}&skn={policy}")
        };
        check(&token(resource, "1700000000", "policy"), "mykey", true);
        check(&token(resource, "1700000000", "policy"), "yourkey", false);
        check(&token(resource, "1700000000", "other"), "mykey", false);
        check(&token("sb%3A%2F%2Fother", "1700000000", "policy"), "mykey", false);
        check(&token(resource, "1600000000", "policy"), "mykey", false);
        check("eyJ0eXAiOiJKV1Qi", "mykey", false);
        check("SharedAccessSignature sr=a", "mykey", false);
    }

    #[test]
    fn accepts_only_a_token_of_the_authority_for_this_hub() {
        let authority = Authority {
            key: "theirs".to_owned(),
            audience: "hub".to_owned(),
        };
        let token = |key: &str, alg: &str, aud: &str, nbf: i64, exp: i64| {
            let head = URL_SAFE_NO_PAD.encode(format!(r#"{{"alg":"{alg}"}}"#));
            let claims = format!(r#"{{"aud":"{aud}","nbf":{nbf},"exp":{exp}}}"#);
            let signed = format!("{head}.{}", URL_SAFE_NO_PAD.encode(claims));
            let mut mac = mac(key);
            mac.update(signed.as_bytes());
            format!("{signed}.{}", URL_SAFE_NO_PAD.encode(mac.finalize().into_bytes()))
        };
        let now = Timestamp::from_millis(1_000_000);
        for (token, expected) in [
            (token("theirs", "HS256", "hub", 900, 1100), Some(1_100_000)),
            (token("other", "HS256", "hub", 900, 1100), None),
            (token("theirs", "none", "hub", 900, 1100), None),
            (token("theirs", "HS256", "vault", 900, 1100), None),
            (token("theirs", "HS256", "hub", 1001, 1100), None),
            (token("theirs", "HS256", "hub", 900, 1000), None),
            ("a.b.c".to_owned(), None),
        ] {
            let end = jwt_end(&token, &authority, now).map(Timestamp::as_millis);
            assert_eq!(end, expected, "{token}");
        }
    }
}
