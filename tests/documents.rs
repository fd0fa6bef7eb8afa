//! The documents that are written from code are current. `UPDATE_DOCUMENTS=1 cargo test --test documents` writes them.

use std::path::Path;

use hub2siem::cli::schema::{SchemaOf, schema};
use hub2siem::config::reference;
use hub2siem::map::{Mappings, coverage};

fn check(path: &str, expected: &str) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(path);
    if std::env::var_os("UPDATE_DOCUMENTS").is_some() {
        let directory = path.parent().expect("a document is in a directory");
        std::fs::create_dir_all(directory).expect("the directory can be made");
        std::fs::write(&path, expected).expect("the document can be written");
    }
    let found = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(
        found == expected,
        "{} is stale; run: UPDATE_DOCUMENTS=1 cargo test --test documents",
        path.display()
    );
}

#[test]
fn the_configuration_reference_is_current() {
    check("docs/configuration.md", &reference::configuration());
}

#[test]
fn the_metrics_reference_is_current() {
    check("docs/metrics.md", &reference::metrics());
}

#[test]
fn the_coverage_of_the_shipped_sets_is_current() {
    let mappings = Mappings::load(None).unwrap_or_else(|problems| panic!("{problems}"));
    check("docs/coverage.md", &coverage::page(&mappings));
}

#[test]
fn the_json_schemas_are_current() {
    for (of, path) in [
        (SchemaOf::Config, "docs/schemas/hub2siem.schema.json"),
        (SchemaOf::Mapping, "docs/schemas/mapping.schema.json"),
        (SchemaOf::Test, "docs/schemas/test.schema.json"),
    ] {
        let text = serde_json::to_string_pretty(&schema(of)).expect("a schema is JSON");
        check(path, &(text + "\n"));
    }
}
