//! Attack path. No message of this kind is known, so each field is looked for in `attackPath`, in `properties`, then at
//! the root.

use std::borrow::Cow;

use super::json::Value;

/// The first non-empty field `name` in the places where an attack path may keep it.
pub fn lookup<'d, 'e>(document: &'d Value<'e>, name: &str) -> Option<&'d Value<'e>> {
    [
        document.get("attackPath"),
        document.get("properties"),
        Some(document),
    ]
    .into_iter()
    .flatten()
    .filter_map(|place| place.get(name))
    .find(|value| !value.is_absent())
}

/// The path's own id where the record has none.
pub fn identity<'d, 'e>(document: &'d Value<'e>) -> Option<&'d Cow<'e, str>> {
    ["id", "AttackPathID"]
        .iter()
        .find_map(|name| match lookup(document, name)? {
            Value::String(text) => Some(text),
            _ => None,
        })
}
