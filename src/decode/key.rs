//! The identity of the item a record is about.

use std::borrow::Cow;

use super::attack_path;
use super::json::Value;
use super::text::{lower, text};
use crate::event::Kind;

/// The item key: an alert's `SystemAlertId` as written, else the `id` in lower case; an attack path without one gives
/// the id among its own fields. `None` where there is none.
pub fn key<'e>(kind: Kind, document: &Value<'e>) -> Option<Cow<'e, str>> {
    let alert = (kind == Kind::Alert).then(|| text(document.get("SystemAlertId")).cloned());
    let id = || text(document.get("id")).map(lower);
    let path = || attack_path::identity(document).map(lower);
    alert
        .flatten()
        .or_else(id)
        .or_else(|| (kind == Kind::AttackPath).then(path).flatten())
}
