//! Compliance state of a recommendation under a control of a standard, of a control, and of a standard.
//!
//! Standard and control stand nowhere but in the `id`.

use super::arm;
use super::json::Value;
use super::posture;
use super::text::first_text;

/// `properties.state`.
pub fn status<'d>(document: &'d Value<'_>) -> Option<&'d str> {
    first_text(document, &[&["properties", "state"]])
}

/// The text that people know the recommendation or control by; a standard has only its name.
pub fn name<'d>(document: &'d Value<'_>) -> Option<&'d str> {
    first_text(document, &[&["properties", "description"], &["name"]])
}

/// Name of the standard.
pub fn standard<'d>(document: &'d Value<'_>) -> Option<&'d str> {
    segment(document, "regulatoryComplianceStandards")
}

/// Name of the control.
pub fn control<'d>(document: &'d Value<'_>) -> Option<&'d str> {
    segment(document, "regulatoryComplianceControls")
}

/// GUID of the recommendation that an assessment of this kind is about.
pub fn recommendation<'d>(document: &'d Value<'_>) -> Option<&'d str> {
    first_text(document, &[&["name"]]).or_else(|| segment(document, "regulatoryComplianceAssessments"))
}

fn segment<'d>(document: &'d Value<'_>, name: &str) -> Option<&'d str> {
    arm::segment_after(arm::item(posture::id(document)?)?, name)
}
