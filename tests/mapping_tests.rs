//! The tests that stand beside the shipped maps, and every sample through every shipped map: the same runner as
//! `hub2siem test`.

use std::path::Path;

use hub2siem::config::Diagnostics;
use hub2siem::map::Mappings;
use hub2siem::mapping_test::snapshot::Snapshot;
use hub2siem::mapping_test::{Samples, Suite, coverage, find, report, run};

/// Scenario: every `.test.yaml` below `mappings/`. Guarantees: each can be read, names a shipped map, and passes.
#[test]
fn shipped_tests_pass() {
    let mappings = mappings();
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("mappings");
    let mut problems = Diagnostics::default();
    let mut failures = String::new();
    for file in find::find(&folder).expect("the folder can be read") {
        let Some(suite) = Suite::read(&file, &mappings, &Samples::default(), &mut problems) else {
            continue;
        };
        let snapshot = Snapshot::read(&file).unwrap_or_else(|error| panic!("{error}"));
        for outcome in run(&suite, &mappings, &snapshot) {
            if !outcome.is_passed() {
                failures.push_str(&report::test(&suite, &outcome));
            }
        }
    }
    assert!(problems.0.is_empty(), "{problems}");
    assert!(failures.is_empty(), "\n{failures}");
}

/// Scenario: every embedded sample through every shipped set. Guarantees: no map fails, every output fits its schema,
/// and each map is reached by a sample.
#[test]
fn every_sample_fits_every_map() {
    let samples = Samples::default().all().expect("embedded samples can be read");
    assert!(samples.len() > 60, "{} samples", samples.len());
    let mut failures = String::new();
    for (map, found) in coverage::run(&mappings(), &samples) {
        if !found.problems.is_empty() || found.records == 0 {
            failures.push_str(&report::coverage(&map, &found));
        }
    }
    assert!(failures.is_empty(), "\n{failures}");
}

fn mappings() -> Mappings {
    Mappings::load(None).unwrap_or_else(|problems| panic!("{problems}"))
}
