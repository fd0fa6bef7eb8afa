//! What the posture kinds have in common: the shape of an Azure resource, an `id` and `properties`.

use std::borrow::Cow;

use super::arm;
use super::json::Value;
use super::text::{first_text, text};

/// Names at the top that every posture kind may have.
pub const FIELDS: [&str; 10] = [
    "id",
    "name",
    "type",
    "kind",
    "location",
    "tags",
    "tenantId",
    "properties",
    "securityEventDataEnrichment",
    "$type",
];

/// The `id`, as written.
pub fn id<'d>(document: &'d Value<'_>) -> Option<&'d str> {
    text(document.get("id")).map(|id| id.as_ref())
}

/// Subscription of the `id`, in lower case.
pub fn subscription<'d>(document: &'d Value<'_>) -> Option<Cow<'d, str>> {
    arm::subscription(id(document)?)
}

/// The `tenantId` at the top.
pub fn tenant<'d>(document: &'d Value<'_>) -> Option<&'d str> {
    first_text(document, &[&["tenantId"]])
}

/// `properties.status.code`.
pub fn status<'d>(document: &'d Value<'_>) -> Option<&'d str> {
    first_text(document, &[&["properties", "status", "code"]])
}

/// `properties.displayName`.
pub fn name<'d>(document: &'d Value<'_>) -> Option<&'d str> {
    first_text(document, &[&["properties", "displayName"]])
}

/// Id of the resource: as `resourceDetails` says, else the `id` before the item. An item's own path after a resource is cut off.
pub fn resource_id<'d>(document: &'d Value<'_>) -> Option<&'d str> {
    let details = document.at(&["properties", "resourceDetails"]);
    let named = details.and_then(|details| first_text(details, &[&["nativeResourceId"], &["id"]]));
    match named {
        Some(id) => Some(arm::without_item(id)),
        None => arm::parent(id(document)?),
    }
}

/// Id of the resource in Azure's grammar: images and the like are named by `resourceDetails` in another one, and then it is what
/// the item hangs on.
pub fn arm_resource_id<'d>(document: &'d Value<'_>) -> Option<&'d str> {
    resource_id(document)
        .filter(|id| arm::is_id(id))
        .or_else(|| arm::parent(id(document)?))
}
