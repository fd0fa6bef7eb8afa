use std::collections::{HashMap, HashSet};

use serde_json::Value;

use super::*;
use crate::event::{Event, Hub, Offset, PartitionId, SequenceNumber};

const NEVER_EXPORTED: [Kind; 3] = [
    Kind::RegulatoryComplianceControl,
    Kind::RegulatoryComplianceStandard,
    Kind::Undecodable,
];

/// The records of a body and whether something undecodable is left, by a decoder as plain as can be.
fn decode(body: &[u8]) -> (Vec<Value>, u32) {
    let body = body.strip_prefix("\u{feff}".as_bytes()).unwrap_or(body);
    let mut records = Vec::new();
    let mut values = serde_json::Deserializer::from_slice(body).into_iter::<Value>();
    let mut undecodable = u32::from(body.is_empty());
    for value in &mut values {
        match value {
            Ok(Value::Array(items)) => records.extend(items),
            Ok(Value::Object(mut members)) if members.contains_key("records") => {
                let items = members.remove("records").expect("just seen");
                records.extend(items.as_array().expect("`records` is an array").iter().cloned());
            }
            Ok(other) => records.push(other),
            Err(_) => undecodable = 1,
        }
    }
    (records, undecodable)
}

/// The kind by the rules of the export, as far as the templates use them.
fn kind(record: &Value) -> Kind {
    let member = |name: &str| {
        let members = record.as_object().expect("a record is an object");
        members
            .iter()
            .find(|(key, _)| key.eq_ignore_ascii_case(name))
            .map(|(_, value)| value)
    };
    let text = member("type")
        .and_then(Value::as_str)
        .unwrap_or("")
        .to_ascii_lowercase();
    match text.strip_prefix("microsoft.security/") {
        Some("locations/alerts") => Kind::Alert,
        Some("assessments") => Kind::Assessment,
        Some("assessments/subassessments") => Kind::SubAssessment,
        Some("securescores") => Kind::SecureScore,
        Some("securescores/securescorecontrols") => Kind::SecureScoreControl,
        Some(text) if text.ends_with("/regulatorycomplianceassessments") => {
            Kind::RegulatoryComplianceAssessment
        }
        None if member("SystemAlertId").is_some() && member("AlertType").is_some() => Kind::Alert,
        None if member("attackPath").is_some_and(Value::is_object) => Kind::AttackPath,
        _ => Kind::Unknown,
    }
}

fn key(record: &Value) -> String {
    ["SystemAlertId", "id", "Id"]
        .iter()
        .find_map(|name| record[name].as_str())
        .expect("a record has a key")
        .to_ascii_lowercase()
}

/// Collects what every `$id` and `$ref` of an alert names.
fn references(value: &Value, ids: &mut HashSet<String>, references_to: &mut HashSet<String>) {
    match value {
        Value::Array(items) => items.iter().for_each(|item| references(item, ids, references_to)),
        Value::Object(members) => members
            .iter()
            .for_each(|(name, member)| match (name.as_str(), member) {
                ("$id", Value::String(id)) => assert!(ids.insert(id.clone()), "`$id` {id} twice"),
                ("$ref", Value::String(id)) => drop(references_to.insert(id.clone())),
                _ => references(member, ids, references_to),
            }),
        _ => {}
    }
}

/// Scenario: many bodies, taken apart by an independent decoder.
/// Guarantees: each holds exactly the records and the undecodable rest it promises; every shape and kind occurs.
#[test]
fn every_body_is_as_promised() {
    let mut generator = Generator::new(1);
    let (mut kinds, mut several, mut broken) = (HashMap::new(), 0, 0);
    for number in 0..20_000 {
        let generated = generator.event();
        let (records, undecodable) = decode(&generated.body);
        let counted = (records.len() as u32, undecodable);
        assert_eq!(
            counted,
            (generated.records, generated.undecodable),
            "body {number}"
        );
        several += u32::from(records.len() > 1);
        broken += undecodable;
        for record in &records {
            *kinds.entry(kind(record)).or_insert(0) += 1;
        }
    }
    assert!(several > 300, "{several} events of several records");
    assert!(broken > 100, "{broken} broken bodies");
    for expected in Kind::ALL
        .into_iter()
        .filter(|kind| !NEVER_EXPORTED.contains(kind))
    {
        let seen = kinds.get(&expected).copied().unwrap_or(0);
        assert!(seen > 50, "{seen} of kind {expected}");
    }
}

/// Scenario: the same bodies, given to the bridge's own decoder.
/// Guarantees: it finds the records and the undecodable rest that each promises, and a key in every known record.
#[test]
fn the_bridge_finds_what_is_promised() {
    let mut generator = Generator::new(1);
    let hub = Hub {
        namespace: "contoso.servicebus.windows.net".into(),
        name: "defender".into(),
    };
    for number in 0..5_000 {
        let generated = generator.event();
        let event = Event {
            partition: PartitionId::new("0"),
            sequence_number: SequenceNumber(number),
            offset: Offset::new("0"),
            enqueued_time: Timestamp::from_millis(0),
            body: generated.body,
            last_enqueued: None,
        };
        let records = crate::decode::decode(&hub, &event);
        let (broken, whole): (Vec<_>, Vec<_>) = records
            .iter()
            .partition(|record| record.kind == Kind::Undecodable);
        let counted = (whole.len() as u32, broken.len() as u32);
        assert_eq!(
            counted,
            (generated.records, generated.undecodable),
            "body {number}"
        );
        for record in whole {
            assert!(
                record.key.is_some(),
                "body {number}, a record of kind {}",
                record.kind
            );
        }
    }
}

/// Scenario: every variant of every template, filled in.
/// Guarantees: it is compact JSON of the kind its file names, without a placeholder left, and its references resolve.
#[test]
fn every_template_gives_its_kind() {
    let mut generator = Generator::new(2);
    for index in 0..generator.templates.len() {
        for _ in 0..40 {
            let mut body = Vec::new();
            generator.write(index, &mut body);
            let template = &generator.templates[index];
            let record: Value =
                serde_json::from_slice(&body).unwrap_or_else(|error| panic!("{}: {error}", template.name));
            assert_eq!(kind(&record), template.kind, "{}", template.name);
            let text = String::from_utf8(body).expect("JSON is UTF-8");
            assert!(!text.contains("{{"), "{}: {text}", template.name);
            assert!(!text.contains("\": "), "{} is not compact", template.name);
            let (mut ids, mut wanted) = (HashSet::new(), HashSet::new());
            references(&record, &mut ids, &mut wanted);
            assert!(wanted.is_subset(&ids), "{}: {wanted:?} of {ids:?}", template.name);
        }
    }
}

/// Scenario: a record of each kind is asked for.
/// Guarantees: it is of that kind; only what an export never writes is refused.
#[test]
fn a_kind_can_be_asked_for() {
    let mut generator = Generator::new(8);
    for wanted in Kind::ALL {
        match generator.record(wanted) {
            Some(body) => assert_eq!(kind(&serde_json::from_slice(&body).expect("valid JSON")), wanted),
            None => assert!(NEVER_EXPORTED.contains(&wanted), "{wanted}"),
        }
    }
}

/// Scenario: posture items of one generator.
/// Guarantees: streaming and snapshot items, `Insert` and `Delete`, all statuses; flags and numbers have JSON types.
#[test]
fn values_vary() {
    let mut generator = Generator::new(3);
    let (mut snapshots, mut deletes, mut statuses) = (0, 0, HashSet::new());
    for _ in 0..2000 {
        let record: Value = serde_json::from_slice(&generator.assessment()).expect("valid JSON");
        let enrichment = &record["securityEventDataEnrichment"];
        assert_eq!(enrichment, &record["assessmentEventDataEnrichment"]);
        let is_snapshot = enrichment["isSnapshot"].as_bool().expect("a boolean");
        let is_delete = enrichment["action"] == "Delete";
        assert!(!(is_snapshot && is_delete), "a snapshot deletes nothing");
        snapshots += u32::from(is_snapshot);
        deletes += u32::from(is_delete);
        statuses.insert(
            record["properties"]["status"]["code"]
                .as_str()
                .expect("text")
                .to_owned(),
        );
    }
    assert!((150..450).contains(&snapshots), "{snapshots} snapshots");
    assert!((70..300).contains(&deletes), "{deletes} deletes");
    assert_eq!(statuses.len(), 3, "{statuses:?}");
}

/// Scenario: the bodies of the benchmarks.
/// Guarantees: assessments of about 1.2 KB and alerts of about 3.7 KB, each with a key of its own.
#[test]
fn bodies_for_benchmarks_have_their_sizes_and_unique_keys() {
    let mut generator = Generator::new(4);
    let mut keys = HashSet::new();
    let (mut assessments, mut alerts) = (0, 0);
    for _ in 0..2000 {
        let (assessment, alert) = (generator.assessment(), generator.alert());
        assessments += assessment.len();
        alerts += alert.len();
        for body in [assessment, alert] {
            let record: Value = serde_json::from_slice(&body).expect("valid JSON");
            assert!(keys.insert(key(&record)), "{} twice", key(&record));
        }
    }
    let (assessment, alert) = (assessments / 2000, alerts / 2000);
    assert!(
        (1150..=1350).contains(&assessment),
        "an assessment has {assessment} bytes"
    );
    assert!((3550..=3850).contains(&alert), "an alert has {alert} bytes");
}

/// Scenario: two generators of one seed, and one of another.
/// Guarantees: equal seeds give equal bodies; another seed gives other ids.
#[test]
fn the_seed_decides() {
    let (mut one, mut two, mut other) = (Generator::new(5), Generator::new(5), Generator::new(6));
    for _ in 0..500 {
        assert_eq!(one.event(), two.event());
    }
    let keys = |generator: &mut Generator| -> HashSet<String> {
        (0..500)
            .map(|_| key(&serde_json::from_slice(&generator.assessment()).expect("valid JSON")))
            .collect()
    };
    assert!(keys(&mut one).is_disjoint(&keys(&mut other)));
}

/// Scenario: a generator that is told the time.
/// Guarantees: items are written within a few minutes of it.
#[test]
fn items_are_written_at_the_given_time() {
    let now = Timestamp::parse("2031-05-06T07:08:09Z").expect("a time");
    let mut generator = Generator::new(7).starting_at(now);
    for _ in 0..100 {
        let record: Value = serde_json::from_slice(&generator.alert()).expect("valid JSON");
        let generated = Timestamp::parse(record["TimeGenerated"].as_str().expect("text")).expect("a time");
        let start = Timestamp::parse(record["StartTimeUtc"].as_str().expect("text")).expect("a time");
        assert!(generated.millis_since(now).abs() < 120_000, "{generated}");
        assert!(start < generated, "{start} {generated}");
    }
}
