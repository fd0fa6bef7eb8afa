//! Whose a token is, as it says itself: for people who look for the right identity, and for nothing else.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;

#[derive(Deserialize)]
struct Claims {
    appid: Option<String>,
    azp: Option<String>,
    oid: Option<String>,
    tid: Option<String>,
}

/// Application, object and tenant of a token, such as `application …, object …, tenant …`: ids, and no names of people.
/// `None` if it names none; services may change what their tokens look like.
pub fn owner(token: &SecretString) -> Option<String> {
    let payload = token.expose_secret().split('.').nth(1)?;
    let payload = URL_SAFE_NO_PAD.decode(payload.trim_end_matches('=')).ok()?;
    let claims: Claims = serde_json::from_slice(&payload).ok()?;
    let named = [
        ("application", claims.appid.or(claims.azp)),
        ("object", claims.oid),
        ("tenant", claims.tid),
    ];
    let is_id = |id: &String| id.bytes().all(|byte| byte.is_ascii_hexdigit() || byte == b'-');
    let known = named
        .into_iter()
        .filter_map(|(name, id)| Some(format!("{name} {}", id.filter(is_id)?)));
    let known: Vec<_> = known.collect();
    (!known.is_empty()).then(|| known.join(", "))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_ids_and_nothing_else() {
        for (claims, expected) in [
            (
                r#"{"appid":"1a-2b","oid":"3c","tid":"4d","upn":"ann@contoso.com"}"#,
                Some("application 1a-2b, object 3c, tenant 4d"),
            ),
            (r#"{"azp":"1a"}"#, Some("application 1a")),
            (r#"{"oid":"ann@contoso.com"}"#, None),
            (r#"{"aud":"hub"}"#, None),
            ("no JSON", None),
        ] {
            let token = format!("head.{}.signature", URL_SAFE_NO_PAD.encode(claims));
            assert_eq!(owner(&SecretString::from(token)).as_deref(), expected, "{claims}");
        }
        assert_eq!(owner(&SecretString::from("opaque")), None);
    }
}
