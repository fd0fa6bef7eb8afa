//! The examples of `docs/routing.md`, run against records made for them.

use hub2siem::config::diagnostic::SourceFile;
use hub2siem::config::yaml;
use hub2siem::decode;
use hub2siem::map::RecordContext;
use hub2siem::mapping_test::carrier;
use hub2siem::route::Route;

const RECOMMENDATION: &str = "4fb67663-9ab9-475d-b026-8c544cced439";

/// Scenario: every example with the records that its comment says it accepts and refuses. Guarantees: it does.
#[test]
fn every_documented_route_decides_as_it_says() {
    let text = include_str!("../docs/routing.md");
    let mut examples = 0;
    for (start, _) in text.match_indices("<!-- accepts: ") {
        let (comment, rest) = text[start + 14..]
            .split_once(" -->\n```yaml\n")
            .expect("an example follows its comment");
        let (snippet, _) = rest.split_once("```").expect("an example ends");
        let (accepted, refused) = comment
            .split_once(" · refuses: ")
            .expect("a comment has both lists");
        let route = compile(snippet).unwrap_or_else(|problems| panic!("{problems}"));
        for name in accepted.split(", ") {
            assert!(accepts(&route, name), "accepts {name}:\n{snippet}");
        }
        for name in refused.split(", ") {
            assert!(!accepts(&route, name), "refuses {name}:\n{snippet}");
        }
        examples += 1;
    }
    assert_eq!(
        examples,
        text.matches("### ").count(),
        "every section has an example"
    );
}

#[test]
fn every_name_of_a_record_is_documented() {
    let text = include_str!("../docs/routing.md");
    for (name, _) in hub2siem::event::RecordField::ALL {
        assert!(text.contains(&format!("`{name}`")), "{name}");
    }
}

#[test]
fn no_route_is_everything_but_the_undecodable() {
    let route = Route::everything();
    assert!(accepts(&route, "alert") && accepts(&route, "unknown"));
    assert!(!accepts(&route, "undecodable"));
}

/// Scenario: a route with a name that does not exist and a kind that does not exist. Guarantees: both are reported,
/// each at its place.
#[test]
fn problems_of_a_route_have_their_places() {
    let problems =
        compile("$record.severty: High\n$host.x: 1\n$record.kind: [alerts]\n").expect_err("it is wrong");
    insta::assert_snapshot!(problems);
}

fn compile(snippet: &str) -> Result<Route, String> {
    let file = SourceFile {
        name: "hub2siem.yaml".into(),
        text: snippet.into(),
    };
    let node = yaml::parse(&file).map_err(|problem| problem.render(false))?;
    Route::compile(&file, &node).map_err(|problems| problems.render(false))
}

fn accepts(route: &Route, name: &str) -> bool {
    let (hub, event) = carrier(body(name));
    let records = decode::decode(&hub, &event);
    assert_eq!(records.len(), 1, "{name} is one record");
    let kind = records[0].kind.as_str();
    assert!(name.starts_with(kind), "{name} is decoded as {kind}");
    route.accepts(&RecordContext::new(&records[0]))
}

fn body(name: &str) -> String {
    let subscription = "/subscriptions/11111111-1111-4111-8111-111111111111";
    let machine =
        format!("{subscription}/resourceGroups/web/providers/Microsoft.Compute/virtualMachines/prod-7");
    let other = "/subscriptions/22222222-2222-4222-8222-222222222222";
    let assessment = |id: &str, guid: &str, status: &str, severity: &str, is_snapshot: bool| {
        format!(
            r#"{{"id":"{id}/providers/Microsoft.Security/assessments/{guid}","name":"{guid}","type":"Microsoft.Security/assessments","securityEventDataEnrichment":{{"action":"Insert","isSnapshot":{is_snapshot}}},"properties":{{"status":{{"code":"{status}"}},"metadata":{{"severity":"{severity}"}}}}}}"#
        )
    };
    let finding = |guid: &str| {
        format!(
            r#"{{"id":"{machine}/providers/Microsoft.Security/assessments/{guid}/subassessments/9","type":"Microsoft.Security/assessments/subAssessments","properties":{{"status":{{"code":"Unhealthy"}}}}}}"#
        )
    };
    let control = |guid: &str| {
        format!(
            r#"{{"id":"{subscription}/providers/Microsoft.Security/secureScores/ascScore/secureScoreControls/{guid}","name":"{guid}","type":"Microsoft.Security/secureScores/secureScoreControls","properties":{{"score":{{"percentage":0.5}}}}}}"#
        )
    };
    let compliance = |standard: &str, control: &str| {
        format!(
            r#"{{"id":"{subscription}/providers/Microsoft.Security/regulatoryComplianceStandards/{standard}/regulatoryComplianceControls/{control}/regulatoryComplianceAssessments/{RECOMMENDATION}","type":"Microsoft.Security/regulatoryComplianceStandards/regulatoryComplianceControls/regulatoryComplianceAssessments","properties":{{"state":"Failed"}}}}"#
        )
    };
    let alert = |severity: &str| {
        format!(
            r#"{{"SystemAlertId":"a","AlertType":"VM_Test","Severity":"{severity}","CompromisedEntity":"PROD-7","AzureResourceId":"{machine}"}}"#
        )
    };
    match name {
        "alert" => alert("High"),
        "alert_low" => alert("Low"),
        "assessment" => assessment(&machine, RECOMMENDATION, "Unhealthy", "High", false),
        "assessment_other" => assessment(
            other,
            "00000000-0000-4000-8000-000000000001",
            "Healthy",
            "Low",
            false,
        ),
        "assessment_snapshot" => assessment(&machine, RECOMMENDATION, "Unhealthy", "High", true),
        "sub_assessment" => finding(RECOMMENDATION),
        "sub_assessment_other" => finding("00000000-0000-4000-8000-000000000001"),
        "secure_score" => format!(
            r#"{{"id":"{subscription}/providers/Microsoft.Security/secureScores/ascScore","type":"Microsoft.Security/secureScores","properties":{{"score":{{"percentage":0.5}}}}}}"#
        ),
        "secure_score_control" => control("a9909064-42b4-4d34-8143-275477afe18b"),
        "secure_score_control_other" => control("00000000-0000-4000-8000-000000000001"),
        "regulatory_compliance_assessment" => compliance("PCI-DSS-4", "1.2.3"),
        "regulatory_compliance_assessment_other" => compliance("PCI-DSS-4", "10.1"),
        "attack_path" => r#"{"attackPath":{"displayName":"p","riskLevel":"High"}}"#.to_owned(),
        "unknown" => r#"{"type":"Contoso/other"}"#.to_owned(),
        "undecodable" => "no JSON".to_owned(),
        other => panic!("no record is called {other}"),
    }
}
