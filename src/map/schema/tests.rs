//! What the schemas know.

use super::{Known, Schema};

fn known(schema: &str, name: &str) -> &'static str {
    let schema = Schema::named(schema).expect("there is such a schema");
    match schema.root().expect("it has fields").find(name) {
        Known::Field(_) => "field",
        Known::Anything => "anything",
        Known::BelowList => "below a list",
        Known::Nothing => "nothing",
    }
}

#[test]
fn knows_fields_open_objects_and_nothing_else() {
    let detection = "ocsf-1.8.0/detection_finding";
    for (schema, name, expected) in [
        ("ecs-9.4.0", "event.severity", "field"),
        ("ecs-9.4.0", "labels.unit", "anything"),
        ("ecs-9.4.0", "event.severty", "nothing"),
        ("ecs-9.4.0", "event", "field"),
        ("ecs-9.4.0", "event.kind.x", "nothing"),
        (detection, "finding_info.attack_graph.nodes", "field"),
        (detection, "resources.uid", "below a list"),
        (detection, "unmapped.score.current", "anything"),
        (detection, "compliance.status_id", "nothing"),
        ("ocsf-1.8.0/compliance_finding", "compliance.status_id", "field"),
        ("cim/Alerts", "severity", "field"),
        ("cim/Alerts", "cvss", "nothing"),
        ("cim/Vulnerabilities", "cvss", "field"),
        ("cef-27", "cs1", "field"),
        ("cef-27", "reportedResourceID", "nothing"),
        ("leef-2.0", "usrName", "field"),
        ("log-analytics/SecurityAlert", "AlertName", "field"),
        ("log-analytics/SecurityAlert", "Entities", "field"),
        ("log-analytics/SecurityRegulatoryCompliance", "State", "nothing"),
    ] {
        assert_eq!(known(schema, name), expected, "{schema} {name}");
    }
}

#[test]
fn every_schema_can_be_read() {
    for name in Schema::NAMES {
        let schema = Schema::named(name).expect("it is listed");
        assert!(schema.root().is_some(), "{name}");
        assert!(!schema.title().is_empty());
        assert_eq!(schema.header().is_some(), ["cef-27", "leef-2.0"].contains(name));
    }
    assert_eq!(Schema::named("ecs"), None);
}

#[test]
fn suggests_the_nearest_name_at_every_level() {
    for (schema, name, expected) in [
        ("ecs-9.4.0", "event.severty", Some("event.severity")),
        ("ecs-9.4.0", "evnt.severity", Some("event.severity")),
        (
            "ocsf-1.8.0/detection_finding",
            "finding_inf.titel",
            Some("finding_info.title"),
        ),
        ("cef-27", "externalID", Some("externalId")),
        ("ecs-9.4.0", "business.unit", None),
    ] {
        let root = Schema::named(schema)
            .and_then(Schema::root)
            .expect("it has fields");
        assert_eq!(root.nearest(name).as_deref(), expected, "{name}");
    }
}
