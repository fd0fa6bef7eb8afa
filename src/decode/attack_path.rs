//! Attack path. No message of this kind is known, so each field is looked for in `attackPath`, in `properties`, then at
//! the root.

use std::borrow::Cow;

use super::json::Value;
use super::posture;
use super::text::{lower, text};

/// Names at the top beside those of every posture kind, in any of the shapes.
pub const FIELDS: [&str; 24] = [
    "attackPath",
    "subscriptionId",
    "resourceGroup",
    "displayName",
    "description",
    "attackPathType",
    "manualRemediationSteps",
    "refreshInterval",
    "potentialImpact",
    "riskCategories",
    "entryPointEntityInternalID",
    "targetEntityInternalID",
    "assessments",
    "graphComponent",
    "AttackPathID",
    "riskLevel",
    "riskFactors",
    "entryPoint",
    "target",
    "attackPathSteps",
    "mITRETacticsAndTechniques",
    "attackStory",
    "isPartialAttackPath",
    "apiVersion",
];

/// The first field `name` that says something, in the places where an attack path may keep it.
pub fn lookup<'d, 'e>(document: &'d Value<'e>, name: &str) -> Option<&'d Value<'e>> {
    let places = [
        document.get("attackPath"),
        document.get("properties"),
        Some(document),
    ];
    let found = places.into_iter().flatten().filter_map(|place| place.get(name));
    found.into_iter().find(|value| !value.is_absent())
}

/// The path's own id where the record has none.
pub fn identity<'d, 'e>(document: &'d Value<'e>) -> Option<&'d Cow<'e, str>> {
    ["id", "AttackPathID"]
        .iter()
        .find_map(|name| text(lookup(document, name)))
}

/// Level of the risk.
pub fn risk_level<'d>(document: &'d Value<'_>) -> Option<&'d str> {
    named(document, "riskLevel")
}

/// Display name.
pub fn name<'d>(document: &'d Value<'_>) -> Option<&'d str> {
    named(document, "displayName")
}

/// Subscription of the `id`, else the column of that name; in lower case.
pub fn subscription<'d>(document: &'d Value<'_>) -> Option<Cow<'d, str>> {
    let column = || text(lookup(document, "subscriptionId")).map(lower);
    posture::subscription(document).or_else(column)
}

/// Tenant, wherever it stands.
pub fn tenant<'d>(document: &'d Value<'_>) -> Option<&'d str> {
    named(document, "tenantId")
}

fn named<'d>(document: &'d Value<'_>, name: &str) -> Option<&'d str> {
    text(lookup(document, name)).map(|text| text.as_ref())
}
