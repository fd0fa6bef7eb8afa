//! Reads just enough of a Prometheus query to compare it with the metrics that the bridge has.

use std::collections::BTreeSet;

use hub2siem::telemetry::metrics::Description;
use regex::Regex;

/// Labels that the scrape adds.
const SCRAPE_LABELS: [&str; 2] = ["instance", "job"];

/// What a query mentions.
#[derive(Debug)]
pub struct Expression {
    /// Metric names as written (`…_bucket` and the like included), each with the labels of its selector.
    selectors: Vec<(String, Vec<String>)>,
    /// Labels of each `by (…)`.
    groupings: Vec<BTreeSet<String>>,
}

impl Expression {
    /// Reads a query; whatever is no selector of ours and no grouping is passed over.
    pub fn parse(query: &str) -> Self {
        let selector = regex(r"(hub2siem_\w+)(?:\{([^}]*)\})?");
        let label = regex(r"(\w+)\s*(?:=~|!~|!=|=)");
        let grouping = regex(r"\bby\s*\(([^)]*)\)");
        let selectors = selector
            .captures_iter(query)
            .map(|found| {
                let matchers = found.get(2).map_or("", |matchers| matchers.as_str());
                let labels = label
                    .captures_iter(matchers)
                    .map(|found| found[1].to_owned())
                    .collect();
                (found[1].to_owned(), labels)
            })
            .collect();
        let groupings = grouping
            .captures_iter(query)
            .map(|found| found[1].split(',').map(|label| label.trim().to_owned()).collect())
            .collect();
        Self { selectors, groupings }
    }

    /// Errors: names the first metric, or label of a metric, that `known` does not have.
    pub fn check(&self, known: &[Description]) -> Result<(), String> {
        let mut possible: BTreeSet<String> = SCRAPE_LABELS.map(str::to_owned).into();
        for (name, used) in &self.selectors {
            let labels = labels_of(name, known).ok_or_else(|| format!("there is no metric `{name}`"))?;
            if let Some(wrong) = used.iter().find(|label| !labels.contains(*label)) {
                return Err(format!("`{name}` has no label `{wrong}`"));
            }
            possible.extend(labels);
        }
        let grouped: BTreeSet<_> = self.groupings.iter().flatten().collect();
        match grouped.into_iter().find(|label| !possible.contains(*label)) {
            Some(wrong) if !self.selectors.is_empty() => Err(format!("nothing here has a label `{wrong}`")),
            _ => Ok(()),
        }
    }

    /// Names of the metrics, without the endings of a histogram's series.
    pub fn metrics(&self, known: &[Description]) -> BTreeSet<&'static str> {
        self.selectors
            .iter()
            .filter_map(|(name, _)| find(name, known).map(|metric| metric.name))
            .collect()
    }

    /// Labels that every result carries: those of the grouping, or of the first metric where there is none.
    pub fn result_labels(&self, known: &[Description]) -> BTreeSet<String> {
        if let Some(first) = self.groupings.first() {
            return self.groupings.iter().fold(first.clone(), |common, next| {
                common.intersection(next).cloned().collect()
            });
        }
        let first = self
            .selectors
            .first()
            .and_then(|(name, _)| labels_of(name, known));
        first.unwrap_or_else(|| SCRAPE_LABELS.map(str::to_owned).into())
    }
}

fn labels_of(name: &str, known: &[Description]) -> Option<BTreeSet<String>> {
    let metric = find(name, known)?;
    let bucket = (metric.name != name && name.ends_with("_bucket")).then_some("le");
    let labels = metric.labels.iter().copied().chain(SCRAPE_LABELS).chain(bucket);
    Some(labels.map(str::to_owned).collect())
}

/// The metric itself, or the histogram of which `name` is a series; a histogram has no series of its bare name.
fn find<'k>(name: &str, known: &'k [Description]) -> Option<&'k Description> {
    let series = ["_bucket", "_count", "_sum"]
        .iter()
        .find_map(|ending| name.strip_suffix(ending));
    known.iter().find(|metric| match metric.metric_type {
        "histogram" => series == Some(metric.name),
        _ => metric.name == name,
    })
}

fn regex(pattern: &str) -> Regex {
    Regex::new(pattern).expect("the pattern is valid")
}
