//! Shared access signatures as a sender or receiver presents them.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

use crate::event::Timestamp;

use super::options::SharedAccessKey;

/// Whether `token` is signed with `key` and has not expired at `now`.
///
/// Shape: `SharedAccessSignature sr=…&sig=…&se=…&skn=…`; the signature is over `sr` as received, a line feed, and `se`.
pub(super) fn is_valid(token: &str, key: &SharedAccessKey, now: Timestamp) -> bool {
    let Some(parameters) = token.strip_prefix("SharedAccessSignature ") else {
        return false;
    };
    let parameter = |name: &str| {
        parameters
            .split('&')
            .filter_map(|pair| pair.split_once('='))
            .find_map(|(key, value)| (key == name).then_some(value))
    };
    let (Some(resource), Some(signature), Some(expiry), Some(policy)) = (
        parameter("sr"),
        parameter("sig"),
        parameter("se"),
        parameter("skn"),
    ) else {
        return false;
    };
    let Ok(seconds) = expiry.parse::<i64>() else {
        return false;
    };
    let Ok(signature) = STANDARD.decode(percent_decoded(signature)) else {
        return false;
    };
    let mut mac =
        Hmac::<Sha256>::new_from_slice(key.key.as_bytes()).expect("a key of any length is accepted");
    mac.update(format!("{resource}\n{expiry}").as_bytes());
    policy == key.name && seconds * 1000 > now.as_millis() && mac.verify_slice(&signature).is_ok()
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
        assert_eq!(is_valid(token, &key, now), expected, "{token}");
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
}
