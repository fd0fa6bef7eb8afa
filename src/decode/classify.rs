//! Says what a value is, by the words the exporter uses.
//!
//! Order: the `type`, then what only an alert has, then `$type`, then the path in `id`, then an `attackPath`.
//! All names and words are compared without regard to case, and as a whole: `…/assessments/governanceAssignments` is no
//! assessment.

use super::json::Value;
use crate::event::Kind;

const PROVIDER: &str = "Microsoft.Security/";

/// What follows the provider in `type`; the shorter spellings stand in the API's examples.
const TYPES: [(&str, Kind); 16] = [
    ("assessments", Kind::Assessment),
    ("assessments/subAssessments", Kind::SubAssessment),
    ("subAssessments", Kind::SubAssessment),
    ("secureScores", Kind::SecureScore),
    ("secureScores/secureScoreControls", Kind::SecureScoreControl),
    ("secureScoreControls", Kind::SecureScoreControl),
    (
        "regulatoryComplianceStandards/regulatoryComplianceControls/regulatoryComplianceAssessments",
        Kind::RegulatoryComplianceAssessment,
    ),
    (
        "regulatoryComplianceAssessment",
        Kind::RegulatoryComplianceAssessment,
    ),
    (
        "regulatoryComplianceAssessments",
        Kind::RegulatoryComplianceAssessment,
    ),
    (
        "regulatoryComplianceStandards/regulatoryComplianceControls",
        Kind::RegulatoryComplianceControl,
    ),
    ("regulatoryComplianceControl", Kind::RegulatoryComplianceControl),
    (
        "regulatoryComplianceStandards",
        Kind::RegulatoryComplianceStandard,
    ),
    ("regulatoryComplianceStandard", Kind::RegulatoryComplianceStandard),
    ("attackPaths", Kind::AttackPath),
    ("Locations/alerts", Kind::Alert),
    ("alerts", Kind::Alert),
];

/// The last named segment of an `id`.
const SEGMENTS: [(&str, Kind); 8] = [
    ("assessments", Kind::Assessment),
    ("subAssessments", Kind::SubAssessment),
    ("secureScores", Kind::SecureScore),
    ("secureScoreControls", Kind::SecureScoreControl),
    (
        "regulatoryComplianceAssessments",
        Kind::RegulatoryComplianceAssessment,
    ),
    ("regulatoryComplianceControls", Kind::RegulatoryComplianceControl),
    (
        "regulatoryComplianceStandards",
        Kind::RegulatoryComplianceStandard,
    ),
    ("attackPaths", Kind::AttackPath),
];

/// The kind of one record; [`Kind::Unknown`] for what is no object or fits nothing.
pub fn classify(document: &Value<'_>) -> Kind {
    by_type(document)
        .or_else(|| is_alert(document).then_some(Kind::Alert))
        .or_else(|| is_finding_event(document).then_some(Kind::SubAssessment))
        .or_else(|| by_id(document))
        .or_else(|| has_attack_path(document).then_some(Kind::AttackPath))
        .unwrap_or(Kind::Unknown)
}

fn by_type(document: &Value<'_>) -> Option<Kind> {
    let name = document.get("type")?.as_str()?;
    let (provider, rest) = name.split_at_checked(PROVIDER.len())?;
    if !provider.eq_ignore_ascii_case(PROVIDER) {
        return None;
    }
    find(&TYPES, rest)
}

fn is_alert(document: &Value<'_>) -> bool {
    document.get("SystemAlertId").is_some()
        && (document.get("AlertType").is_some() || document.get("AlertDisplayName").is_some())
}

fn is_finding_event(document: &Value<'_>) -> bool {
    let name = document.get("$type").and_then(Value::as_str);
    name.is_some_and(|name| name.eq_ignore_ascii_case("subAssessmentEvent"))
}

/// Only the last segment pair counts: what lies below a known item is a type of its own.
fn by_id(document: &Value<'_>) -> Option<Kind> {
    let id = document.get("id")?.as_str()?;
    let (path, name) = id.trim_end_matches('/').rsplit_once('/')?;
    let (_, segment) = path.rsplit_once('/')?;
    if name.is_empty() {
        return None;
    }
    find(&SEGMENTS, segment)
}

fn has_attack_path(document: &Value<'_>) -> bool {
    document
        .get("attackPath")
        .is_some_and(|path| path.as_object().is_some())
}

fn find(table: &[(&str, Kind)], word: &str) -> Option<Kind> {
    let found = table.iter().find(|(known, _)| known.eq_ignore_ascii_case(word));
    found.map(|(_, kind)| *kind)
}
