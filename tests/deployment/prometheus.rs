//! Alert rules against the metrics there are.

use std::collections::BTreeSet;

use hub2siem::telemetry::Metrics;

use crate::files::{captures, read, text, yaml};
use crate::support::promql::Expression;

/// Scenario: a metric is renamed, or loses a label, and the alert rules are forgotten.
/// Guarantees: every rule names metrics and labels that the bridge really has.
#[test]
fn alert_rules_use_metrics_that_exist() {
    let rules = yaml("deploy/prometheus/alerts.yml");
    let rules = rules["groups"][0]["rules"]
        .as_array()
        .expect("the group has rules");
    for rule in rules {
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

/// Scenario: an operator is woken by an alert and looks for what to do.
/// Guarantees: every alert has a section in the operations guide, and no section is about an alert that is gone.
#[test]
fn every_alert_is_explained() {
    let rules = read("deploy/prometheus/alerts.yml");
    let alerts: BTreeSet<_> = captures(&rules, r"- alert: (\w+)").collect();
    let explained: BTreeSet<_> = captures(&read("docs/operations.md"), r"(?m)^### (Hub2siem\w+)$").collect();
    assert_eq!(alerts, explained);
}
