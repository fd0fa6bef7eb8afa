//! Security finding below a recommendation: `Microsoft.Security/assessments/subAssessments`.

use super::json::Value;
use super::text::first_text;

/// Names at the top beside those of every posture kind.
pub const FIELDS: [&str; 1] = ["subAssessmentEventDataEnrichment"];

/// Severity of the finding. Where `status` has none, `additionalData` may, directly or below `data`.
pub fn severity<'d>(document: &'d Value<'_>) -> Option<&'d str> {
    let properties = document.get("properties")?;
    let direct = || properties.get("additionalData");
    first_text(properties, &[&["status", "severity"]])
        .or_else(|| additional_severity(direct()?))
        .or_else(|| additional_severity(direct()?.get("data")?))
}

fn additional_severity<'d>(data: &'d Value<'_>) -> Option<&'d str> {
    first_text(
        data,
        &[
            &["severity"],
            &["vulnerabilityDetails", "severity"],
            &["cve", "severity"],
        ],
    )
}
