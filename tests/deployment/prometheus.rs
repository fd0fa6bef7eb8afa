//! Alert rules against the metrics there are.

use std::collections::{BTreeMap, BTreeSet};

use hub2siem::telemetry::Metrics;
use serde_json::Value;

use crate::files::{captures, read, text, yaml};
use crate::support::promql::Expression;

/// Scenario: a metric is renamed, or loses a label, and the alert rules are forgotten.
/// Guarantees: every rule names metrics and labels that the bridge really has.
#[test]
fn alert_rules_use_metrics_that_exist() {
    for rule in &rules() {
        let name = text(&rule["alert"]);
        let expression = Expression::parse(text(&rule["expr"]));
        expression
            .check(&Metrics::describe())
            .unwrap_or_else(|problem| panic!("{name}: {problem}"));
        assert!(rule["labels"]["severity"].is_string(), "{name} has no severity");
        assert!(
            rule["annotations"]["summary"].is_string(),
            "{name} has no summary"
        );

        let available = expression.result_labels(&Metrics::describe());
        let annotations = format!(
            "{}{}",
            rule["annotations"]["summary"], rule["annotations"]["description"]
        );
        for label in captures(&annotations, r"\$labels\.(\w+)") {
            assert!(
                available.contains(&label),
                "{name}: the result has no label `{label}`, only {available:?}"
            );
        }
    }
}

/// Scenario: a metric or a rule is renamed, and the cases that `promtool` tries the rules with are forgotten: a series nobody
/// has tests nothing, and a rule nobody has raises no alert either.
/// Guarantees: every case feeds metrics and labels that the bridge really has, asks for a rule that exists, and names the
/// severity the rule has.
#[test]
fn cases_of_alert_rules_use_what_exists() {
    let severities: BTreeMap<_, _> = rules()
        .iter()
        .map(|rule| {
            (
                text(&rule["alert"]).to_owned(),
                rule["labels"]["severity"].clone(),
            )
        })
        .collect();
    let cases = yaml("deploy/prometheus/alerts.test.yml");
    let cases = cases["tests"].as_array().expect("there are cases");
    for case in cases {
        let name = text(&case["name"]);
        for series in case["input_series"].as_array().into_iter().flatten() {
            Expression::parse(text(&series["series"]))
                .check(&Metrics::describe())
                .unwrap_or_else(|problem| panic!("{name}: {problem}"));
        }
        for asked in case["alert_rule_test"].as_array().expect("it asks for alerts") {
            let alert = text(&asked["alertname"]);
            let severity = severities
                .get(alert)
                .unwrap_or_else(|| panic!("{name}: there is no alert `{alert}`"));
            for expected in asked["exp_alerts"].as_array().into_iter().flatten() {
                assert_eq!(&expected["exp_labels"]["severity"], severity, "{name}: {alert}");
            }
        }
    }
}

/// The rules of every group.
fn rules() -> Vec<Value> {
    let file = yaml("deploy/prometheus/alerts.yml");
    let groups = file["groups"].as_array().expect("there are groups").iter();
    let rules = groups.flat_map(|group| group["rules"].as_array().expect("the group has rules").clone());
    rules.collect()
}

/// Scenario: an operator is woken by an alert and looks for what to do.
/// Guarantees: every alert has a section in the operations guide, and no section is about an alert that is gone.
#[test]
fn every_alert_is_explained() {
    let rules = read("deploy/prometheus/alerts.yml");
    let alerts: BTreeSet<_> = captures(&rules, r"- alert: (\w+)").collect();
    let explained: BTreeSet<_> = captures(&read("docs/operations.md"), r"(?m)^### (Hub2siem\w+)$").collect();
    assert_eq!(alerts, explained);
}
