//! Shared access signatures, made as the service's reference says.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

use super::{ACCOUNT, KEY};

const VERSION: &str = "2025-11-05";
/// Far away: these are not about expiry.
const END: &str = "2099-01-01T00:00:00Z";

/// For everything in the account, with these permissions, such as `rwdlac`.
pub fn account_signature(permissions: &str) -> String {
    // Account, permissions, services, kinds of resources, start, end, addresses, protocols, version, encryption scope.
    let text = format!("{ACCOUNT}\n{permissions}\nb\nsco\n\n{END}\n\n\n{VERSION}\n\n");
    query(&[("sp", permissions), ("ss", "b"), ("srt", "sco")], &text)
}

/// For what is in one container, with these permissions.
pub fn container_signature(container: &str, permissions: &str) -> String {
    // Permissions, start, end, resource, policy, addresses, protocols, version, kind, snapshot, encryption scope, and five
    // headers of answers.
    let text =
        format!("{permissions}\n\n{END}\n/blob/{ACCOUNT}/{container}\n\n\n\n{VERSION}\nc\n\n\n\n\n\n\n");
    query(&[("sp", permissions), ("sr", "c")], &text)
}

fn query(parameters: &[(&str, &str)], text: &str) -> String {
    let key = STANDARD.decode(KEY).expect("it is Base64");
    let mut mac = Hmac::<Sha256>::new_from_slice(&key).expect("a key of any length will do");
    mac.update(text.as_bytes());
    let signature = STANDARD.encode(mac.finalize().into_bytes());
    url::form_urlencoded::Serializer::new(String::new())
        .append_pair("sv", VERSION)
        .extend_pairs(parameters)
        .append_pair("se", END)
        .append_pair("sig", &signature)
        .finish()
}
