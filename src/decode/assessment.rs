//! Recommendation for one resource: `Microsoft.Security/assessments`.

use super::arm;
use super::json::Value;
use super::posture;
use super::text::first_text;

/// Names at the top beside those of every posture kind.
pub const FIELDS: [&str; 1] = ["assessmentEventDataEnrichment"];

/// Level of the risk where it is known, else the recommendation's severity.
pub fn severity<'d>(document: &'d Value<'_>) -> Option<&'d str> {
    first_text(
        document,
        &[
            &["properties", "risk", "level"],
            &["properties", "metadata", "severity"],
        ],
    )
}

/// Display name of the recommendation.
pub fn name<'d>(document: &'d Value<'_>) -> Option<&'d str> {
    posture::name(document).or_else(|| first_text(document, &[&["properties", "metadata", "displayName"]]))
}

/// GUID of the recommendation.
pub fn recommendation<'d>(document: &'d Value<'_>) -> Option<&'d str> {
    first_text(document, &[&["name"]]).or_else(|| parent_recommendation(document))
}

/// GUID of the recommendation in the `id`, which a finding's id has as well.
pub fn parent_recommendation<'d>(document: &'d Value<'_>) -> Option<&'d str> {
    arm::segment_after(arm::item(posture::id(document)?)?, "assessments")
}
