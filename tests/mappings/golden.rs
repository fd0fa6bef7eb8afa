//! What every set makes of every fixture it has a map for, one file per set and fixture.

use hub2siem::event::Kind;
use serde_json::Value;

use crate::support::{Rendered, is_about_records, render};

#[test]
fn ecs() {
    golden("ecs");
}

#[test]
fn splunk_cim() {
    golden("splunk-cim");
}

#[test]
fn log_analytics() {
    golden("log-analytics");
}

#[test]
fn ocsf() {
    golden("ocsf");
}

#[test]
fn cef() {
    golden("cef");
}

#[test]
fn leef() {
    golden("leef");
}

#[test]
fn native() {
    insta::glob!("../fixtures", "*/*.json", |path| {
        if is_about_records(path) {
            let texts: Vec<_> = render("native", path).iter().map(pretty).collect();
            insta::assert_snapshot!("native", texts.join("\n"));
        }
    });
}

/// Compares the output of a set of maps with its golden files.
fn golden(set: &str) {
    insta::glob!("../fixtures", "*/*.json", |path| {
        let records = match is_about_records(path) {
            true => render(set, path),
            false => Vec::new(),
        };
        let mapped = records.iter().filter(|record| record.revision.is_some());
        let texts: Vec<_> = mapped.map(pretty).collect();
        if !texts.is_empty() {
            insta::assert_snapshot!(set, texts.join("\n"));
        }
    });
}

/// JSON indented, where it is shallow enough for the JSON reader of the tests: `native` may be 130 levels deep. Lines
/// of other formats stay as they are.
fn pretty(record: &Rendered) -> String {
    if !record.line.starts_with('{') {
        return record.line.clone();
    }
    match serde_json::from_str::<Value>(&record.line) {
        Ok(output) => serde_json::to_string_pretty(&output).expect("it is JSON"),
        Err(error) => {
            assert!(
                record.kind == Kind::Unknown && error.to_string().contains("recursion limit"),
                "{error}: {}",
                record.line
            );
            record.line.clone()
        }
    }
}
