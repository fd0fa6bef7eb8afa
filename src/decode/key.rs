//! The identity of the item a record is about.

use std::borrow::Cow;

use super::json::Value;
use crate::event::Kind;

/// The item key: an alert's `SystemAlertId` as written, else the `id` in lower case; an attack path without one gives
/// the id among its own fields. `None` where there is none.
pub fn key<'e>(kind: Kind, document: &Value<'e>) -> Option<Cow<'e, str>> {
    if kind == Kind::Alert {
        if let Some(id) = text(document.get("SystemAlertId")) {
            return Some(id.clone());
        }
    }
    if let Some(id) = text(document.get("id")) {
        return Some(lower(id));
    }
    if kind == Kind::AttackPath {
        return super::attack_path::identity(document).map(lower);
    }
    None
}

fn text<'d, 'e>(value: Option<&'d Value<'e>>) -> Option<&'d Cow<'e, str>> {
    match value? {
        Value::String(text) if !text.is_empty() => Some(text),
        _ => None,
    }
}

/// `text` in lower case, borrowed where it is so already.
fn lower<'e>(text: &Cow<'e, str>) -> Cow<'e, str> {
    if text.bytes().any(|byte| byte.is_ascii_uppercase()) {
        Cow::Owned(text.to_ascii_lowercase())
    } else {
        text.clone()
    }
}
