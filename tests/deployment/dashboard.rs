//! The Grafana dashboard against the metrics there are.

use std::collections::BTreeSet;

use hub2siem::telemetry::Metrics;

use crate::files::{captures, json, text};
use crate::support::promql::Expression;

/// Scenario: a metric is renamed, or loses a label, and the dashboard is forgotten.
/// Guarantees: every panel asks for metrics and labels that the bridge really has, and every metric is on a panel.
#[test]
fn dashboard_shows_every_metric_and_no_other() {
    let dashboard = json("deploy/grafana/dashboards/hub2siem.json");
    let panels = dashboard["panels"].as_array().expect("the dashboard has panels");
    let mut shown = BTreeSet::new();
    for panel in panels {
        let title = text(&panel["title"]);
        for target in panel["targets"].as_array().into_iter().flatten() {
            let expression = Expression::parse(text(&target["expr"]));
            expression
                .check(&Metrics::describe())
                .unwrap_or_else(|problem| panic!("{title}: {problem}"));
            shown.extend(expression.metrics(&Metrics::describe()));

            let available = expression.result_labels(&Metrics::describe());
            for label in captures(text(&target["legendFormat"]), r"\{\{(\w+)\}\}") {
                assert!(
                    available.contains(&label),
                    "{title}: the result has no label `{label}`, only {available:?}"
                );
            }
        }
    }
    for variable in dashboard["templating"]["list"]
        .as_array()
        .expect("the dashboard has variables")
    {
        let query = text(&variable["definition"]);
        let expression = Expression::parse(query);
        expression
            .check(&Metrics::describe())
            .unwrap_or_else(|problem| panic!("{query}: {problem}"));
    }
    let known: BTreeSet<_> = Metrics::describe().iter().map(|metric| metric.name).collect();
    assert_eq!(shown, known);
}

/// Scenario: someone edits the dashboard and pastes a panel.
/// Guarantees: panel numbers are unique and panels do not overlap.
#[test]
fn dashboard_panels_do_not_collide() {
    let dashboard = json("deploy/grafana/dashboards/hub2siem.json");
    let panels = dashboard["panels"].as_array().expect("the dashboard has panels");
    let ids: BTreeSet<_> = panels.iter().map(|panel| panel["id"].as_u64()).collect();
    assert_eq!(ids.len(), panels.len(), "two panels share a number");

    let mut taken = BTreeSet::new();
    for panel in panels {
        let side = |name: &str| panel["gridPos"][name].as_u64().expect("a panel has a place");
        assert!(side("x") + side("w") <= 24, "{} is too wide", panel["title"]);
        for x in side("x")..side("x") + side("w") {
            for y in side("y")..side("y") + side("h") {
                assert!(taken.insert((x, y)), "{} lies over another panel", panel["title"]);
            }
        }
    }
}
