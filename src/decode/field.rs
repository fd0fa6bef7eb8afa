//! The values of `$record.*`, computed when asked for and borrowed from the document where they stand in it.

use std::borrow::Cow;

use super::json::Value;
use super::{
    alert, arm, assessment, attack_path, posture, regulatory_compliance, secure_score, state, sub_assessment,
};
use crate::event::{Kind, Record, RecordField};

/// The value of one field of a record; `None` where the record has none.
pub fn value<'r>(record: &'r Record<'_>, field: RecordField) -> Option<Value<'r>> {
    match field {
        RecordField::Kind => Some(borrowed(record.kind.as_str())),
        RecordField::Index => Some(Value::Number(record.index.to_string().into())),
        RecordField::Key => record.key.as_deref().map(borrowed),
        RecordField::EventId => Some(owned(record.event_id.to_string())),
        RecordField::Time => Some(owned(record.time.to_string())),
        RecordField::Action => record.action.as_deref().map(borrowed),
        RecordField::IsSnapshot => Some(Value::Bool(record.is_snapshot)),
        RecordField::State => state::state(record).map(owned),
        RecordField::Score => score(record),
        RecordField::Subscription => subscription(record).map(Value::String),
        RecordField::ResourceType => resource_type(record).map(Value::String),
        _ => text(record, field).map(borrowed),
    }
}

/// The fields that stand in the document as they are.
fn text<'r>(record: &'r Record<'_>, field: RecordField) -> Option<&'r str> {
    let document = &record.document;
    match field {
        RecordField::Severity => severity(record.kind, document),
        RecordField::Status => status(record.kind, document),
        RecordField::Tenant => match record.kind {
            Kind::Alert => alert::tenant(document),
            Kind::AttackPath => attack_path::tenant(document),
            _ => posture::tenant(document),
        },
        RecordField::ResourceId => match record.kind {
            Kind::Alert => alert::resource_id(document),
            _ => posture::resource_id(document),
        },
        RecordField::ResourceGroup => arm::resource_group(arm_resource_id(record)?),
        RecordField::Name => name(record.kind, document),
        RecordField::Recommendation => recommendation(record.kind, document),
        RecordField::Standard => regulatory_compliance::standard(document),
        RecordField::Control => regulatory_compliance::control(document),
        RecordField::RiskLevel if record.kind == Kind::AttackPath => attack_path::risk_level(document),
        _ => None,
    }
}

fn severity<'d>(kind: Kind, document: &'d Value<'_>) -> Option<&'d str> {
    match kind {
        Kind::Alert => alert::severity(document),
        Kind::Assessment => assessment::severity(document),
        Kind::SubAssessment => sub_assessment::severity(document),
        Kind::AttackPath => attack_path::risk_level(document),
        _ => None,
    }
}

fn status<'d>(kind: Kind, document: &'d Value<'_>) -> Option<&'d str> {
    match kind {
        Kind::Alert => alert::status(document),
        Kind::Assessment | Kind::SubAssessment => posture::status(document),
        Kind::RegulatoryComplianceAssessment
        | Kind::RegulatoryComplianceControl
        | Kind::RegulatoryComplianceStandard => regulatory_compliance::status(document),
        _ => None,
    }
}

fn name<'d>(kind: Kind, document: &'d Value<'_>) -> Option<&'d str> {
    match kind {
        Kind::Alert => alert::name(document),
        Kind::Assessment => assessment::name(document),
        Kind::AttackPath => attack_path::name(document),
        Kind::RegulatoryComplianceAssessment
        | Kind::RegulatoryComplianceControl
        | Kind::RegulatoryComplianceStandard => regulatory_compliance::name(document),
        _ => posture::name(document),
    }
}

fn recommendation<'d>(kind: Kind, document: &'d Value<'_>) -> Option<&'d str> {
    match kind {
        Kind::Assessment => assessment::recommendation(document),
        Kind::SubAssessment => assessment::parent_recommendation(document),
        Kind::RegulatoryComplianceAssessment => regulatory_compliance::recommendation(document),
        _ => None,
    }
}

fn subscription<'r>(record: &'r Record<'_>) -> Option<Cow<'r, str>> {
    match record.kind {
        Kind::Alert => alert::subscription(&record.document),
        Kind::AttackPath => attack_path::subscription(&record.document),
        _ => posture::subscription(&record.document),
    }
}

/// The type in the resource's id, else the one the exporter names beside it.
fn resource_type<'r>(record: &'r Record<'_>) -> Option<Cow<'r, str>> {
    arm_resource_id(record).and_then(arm::resource_type).or_else(|| {
        let named = record
            .document
            .at(&["properties", "resourceDetails", "resourceType"])?;
        named.as_str().filter(|name| !name.is_empty()).map(Cow::Borrowed)
    })
}

fn arm_resource_id<'r>(record: &'r Record<'_>) -> Option<&'r str> {
    match record.kind {
        Kind::Alert => alert::resource_id(&record.document),
        _ => posture::arm_resource_id(&record.document),
    }
}

fn score<'r>(record: &'r Record<'_>) -> Option<Value<'r>> {
    match record.kind {
        Kind::SecureScore | Kind::SecureScoreControl => {
            let number = secure_score::score(&record.document)?.as_number()?;
            Some(Value::Number(Cow::Borrowed(number)))
        }
        _ => None,
    }
}

fn borrowed(text: &str) -> Value<'_> {
    Value::String(Cow::Borrowed(text))
}

fn owned<'r>(text: String) -> Value<'r> {
    Value::String(Cow::Owned(text))
}
