//! The `log-analytics` set against an independent reading of the tables' columns.

use hub2siem::event::Kind;
use serde_json::Value;

use crate::support::{assert_every_kind, mapped};

/// Columns of the service's tables with their types, as far as a record of the export can fill them.
const COLUMNS: [(&str, &str); 86] = [
    ("AdditionalData", "dynamic"),
    ("AdditionalRemediationSteps", "string"),
    ("AlertLink", "string"),
    ("AlertName", "string"),
    ("AlertSeverity", "string"),
    ("AlertType", "string"),
    ("AssessedResourceId", "string"),
    ("Assessments", "dynamic"),
    ("AttackPathId", "string"),
    ("AttackStory", "string"),
    ("Category", "string"),
    ("Cause", "string"),
    ("ComplianceControl", "string"),
    ("ComplianceStandard", "string"),
    ("CompromisedEntity", "string"),
    ("ConfidenceLevel", "string"),
    ("ConfidenceScore", "real"),
    ("ControlId", "string"),
    ("ControlName", "string"),
    ("ControlType", "string"),
    ("CurrentScore", "real"),
    ("Description", "string"),
    ("DisplayName", "string"),
    ("EndTime", "datetime"),
    ("Entities", "string"),
    ("EntrypointId", "string"),
    ("Environment", "string"),
    ("ExtendedLinks", "string"),
    ("ExtendedProperties", "string"),
    ("FailedResources", "int"),
    ("FirstEvaluationDate", "datetime"),
    ("HealthyResources", "int"),
    ("Id", "string"),
    ("Impact", "string"),
    ("IsIncident", "bool"),
    ("IsSnapshot", "bool"),
    ("MaxScore", "int"),
    ("Mitre", "string"),
    ("NestedRecommendationId", "string"),
    ("NotApplicableResources", "int"),
    ("ParentRecommendationId", "string"),
    ("PassedResources", "int"),
    ("Path", "dynamic"),
    ("PercentageScore", "real"),
    ("PolicyDefinitionId", "string"),
    ("PotentialImpact", "string"),
    ("ProcessingEndTime", "datetime"),
    ("ProductComponentName", "string"),
    ("ProductName", "string"),
    ("Properties", "dynamic"),
    ("RecommendationAdditionalData", "dynamic"),
    ("RecommendationDisplayName", "string"),
    ("RecommendationId", "string"),
    ("RecommendationLink", "string"),
    ("RecommendationName", "string"),
    ("RecommendationResourceIds", "dynamic"),
    ("RecommendationSeverity", "string"),
    ("RecommendationState", "string"),
    ("RecommendationSubscriptionId", "string"),
    ("RegulatoryComplianceSubscriptionId", "string"),
    ("RemediationDescription", "string"),
    ("RemediationSteps", "string"),
    ("ResourceDetails", "dynamic"),
    ("ResourceGroup", "string"),
    ("ResourceId", "string"),
    ("ResourceProviderType", "string"),
    ("ResourceRegion", "string"),
    ("RiskFactors", "dynamic"),
    ("RiskLevel", "string"),
    ("SecureScoresSubscriptionId", "string"),
    ("SkippedResources", "int"),
    ("StartTime", "datetime"),
    ("State", "string"),
    ("Status", "string"),
    ("StatusChangeDate", "datetime"),
    ("SubAssessmentTimeGeneration", "datetime"),
    ("SubTechniques", "string"),
    ("SystemAlertId", "string"),
    ("Tactics", "string"),
    ("TargetId", "string"),
    ("Techniques", "string"),
    ("TimeGenerated", "datetime"),
    ("UnhealthyResources", "int"),
    ("VendorName", "string"),
    ("VulnerabilityId", "string"),
    ("Weight", "long"),
];

/// Columns of every row.
const ALWAYS: [&str; 4] = ["TimeGenerated", "MdcKind", "MdcEventId", "MdcEventTime"];

/// Characters of a column's name.
const MAX_NAME_CHARACTERS: usize = 45;

/// Scenario: every fixture as a row.
/// Guarantees: columns have the names and types of the service's tables or are marked as ours, and none is one that a
/// custom table may not have.
#[test]
fn output_fits_the_tables() {
    let records = mapped("log-analytics");
    assert_every_kind(&records);
    for (path, record) in records {
        let output = record.json();
        let row = output.as_object().expect("the output is an object");
        let mut problems: Vec<_> = row
            .iter()
            .filter_map(|(name, value)| problem(name, value))
            .collect();
        let missing = ALWAYS.iter().filter(|name| !row.contains_key(**name));
        problems.extend(missing.map(|name| format!("{name} is missing")));
        assert!(problems.is_empty(), "{}: {problems:#?}", path.display());
    }
}

/// Scenario: a recommendation that changed months ago.
/// Guarantees: its row has the time the hub took it in, which Azure Monitor keeps; an alert's has its own.
#[test]
fn a_row_has_a_time_that_is_kept() {
    for (path, record) in mapped("log-analytics") {
        let output = record.json();
        let expected = match record.kind {
            Kind::Alert => &output["MdcEventTime"],
            _ => &Value::from("2024-11-08T07:01:02.123Z"),
        };
        assert_eq!(&output["TimeGenerated"], expected, "{}", path.display());
    }
}

/// What is wrong with a column.
fn problem(name: &str, value: &Value) -> Option<String> {
    let is_name = name.bytes().all(|byte| byte.is_ascii_alphanumeric());
    if !is_name || name.len() > MAX_NAME_CHARACTERS {
        return Some(format!("{name} is no name of a column"));
    }
    if name.starts_with("Mdc") {
        return None;
    }
    let Some((_, column_type)) = COLUMNS.iter().find(|(known, _)| *known == name) else {
        return Some(format!("{name} is no column"));
    };
    let text = value.as_str();
    let fits = match *column_type {
        "string" => text.is_some_and(|text| !text.is_empty()),
        "datetime" => text.is_some_and(|text| text.parse::<jiff::Timestamp>().is_ok()),
        "bool" => value.is_boolean(),
        "int" => value.as_i64().is_some_and(|number| i32::try_from(number).is_ok()),
        "long" => value.is_i64(),
        "real" => value.is_number(),
        _ => value.is_object() || value.is_array(),
    };
    (!fits).then(|| format!("{name} is no {column_type}: {value}"))
}
