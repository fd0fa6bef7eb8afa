//! Security alert, in wire names.

use std::borrow::Cow;

use super::arm;
use super::json::Value;
use super::text::{first_text, lower_str, text};

/// Names at the top, those of alerts in REST shape included.
pub const FIELDS: [&str; 46] = [
    "VendorName",
    "AlertType",
    "ProductName",
    "ProductComponentName",
    "Version",
    "StartTimeUtc",
    "EndTimeUtc",
    "TimeGenerated",
    "ProcessingEndTime",
    "Severity",
    "ReportedSeverity",
    "Status",
    "ProviderAlertStatus",
    "ConfidenceLevel",
    "ConfidenceScore",
    "ConfidenceReasons",
    "IsIncident",
    "SystemAlertId",
    "CorrelationKey",
    "Intent",
    "AzureResourceId",
    "WorkspaceId",
    "WorkspaceSubscriptionId",
    "WorkspaceResourceGroup",
    "AgentId",
    "CompromisedEntity",
    "AlertDisplayName",
    "Description",
    "Entities",
    "ExtendedLinks",
    "ResourceIdentifiers",
    "RemediationSteps",
    "ExtendedProperties",
    "AlertUri",
    "Techniques",
    "SubTechniques",
    "SupportingEvidence",
    "id",
    "name",
    "type",
    "InstanceId",
    "ActionTaken",
    "WorkspaceArmId",
    "SubscriptionId",
    "SystemSource",
    "CanBeInvestigated",
];

/// Severity; the oldest schema has it as `ReportedSeverity`.
pub fn severity<'d>(document: &'d Value<'_>) -> Option<&'d str> {
    first_text(document, &[&["Severity"], &["ReportedSeverity"]])
}

/// Status.
pub fn status<'d>(document: &'d Value<'_>) -> Option<&'d str> {
    first_text(document, &[&["Status"]])
}

/// Display name.
pub fn name<'d>(document: &'d Value<'_>) -> Option<&'d str> {
    first_text(document, &[&["AlertDisplayName"]])
}

/// Id of the attacked resource.
pub fn resource_id<'d>(document: &'d Value<'_>) -> Option<&'d str> {
    first_text(document, &[&["AzureResourceId"]])
        .or_else(|| first_text(identifier(document, "AzureResource")?, &[&["AzureResourceId"]]))
}

/// Subscription of the resource, else the effective one, else the one in the link to the portal; in lower case.
pub fn subscription<'d>(document: &'d Value<'_>) -> Option<Cow<'d, str>> {
    let effective: [&[&str]; 2] = [
        &["ExtendedProperties", "EffectiveSubscriptionId"],
        &["SubscriptionId"],
    ];
    resource_id(document)
        .and_then(arm::subscription)
        .or_else(|| first_text(document, &effective).map(lower_str))
        .or_else(|| {
            let link = first_text(document, &[&["AlertUri"]])?;
            arm::segment_after(link, "subscriptionId").map(lower_str)
        })
        .or_else(|| arm::subscription(first_text(document, &[&["id"]])?))
}

/// Tenant, from the identifier of the directory, else from that of the resource.
pub fn tenant<'d>(document: &'d Value<'_>) -> Option<&'d str> {
    let directory = || first_text(identifier(document, "AAD")?, &[&["AadTenantId"]]);
    let resource = || {
        first_text(
            identifier(document, "AzureResource")?,
            &[&["AzureResourceTenantId"]],
        )
    };
    directory().or_else(resource)
}

/// The first resource identifier of a type.
fn identifier<'d, 'e>(document: &'d Value<'e>, type_name: &str) -> Option<&'d Value<'e>> {
    let identifiers = document.get("ResourceIdentifiers")?.as_array()?;
    identifiers.iter().find(|identifier| {
        let name = text(identifier.get("Type"));
        name.is_some_and(|name| name.eq_ignore_ascii_case(type_name))
    })
}
