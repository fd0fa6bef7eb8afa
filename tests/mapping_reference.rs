//! `docs/mapping-reference.md`: the parts that the program knows are generated, the rest is checked for completeness.

use std::fmt::Write;

use hub2siem::event::RecordField;
use hub2siem::map::condition::Form;
use hub2siem::map::file::KEYS;
use hub2siem::map::function::{FUNCTIONS, Input};
use hub2siem::map::scope::HubField;

const PATH: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/docs/mapping-reference.md");

/// Scenario: the reference in the repository. Guarantees: its generated parts are current; `UPDATE_DOCS=1` renews them.
#[test]
fn the_reference_is_current() {
    let stored = std::fs::read_to_string(PATH).expect("the reference is there");
    let mut current = stored.clone();
    for (name, content) in [("keys", keys()), ("functions", functions()), ("names", names())] {
        current = replace(&current, name, &content);
    }
    if std::env::var_os("UPDATE_DOCS").is_some() {
        std::fs::write(PATH, &current).expect("the reference can be written");
    } else {
        assert!(
            stored == current,
            "docs/mapping-reference.md is stale; run this test with UPDATE_DOCS=1"
        );
    }
}

fn replace(text: &str, name: &str, content: &str) -> String {
    let (begin, end) = (
        format!("<!-- begin: {name} -->\n"),
        format!("<!-- end: {name} -->"),
    );
    let (head, rest) = text.split_once(&begin).expect("the part begins");
    let (_, tail) = rest.split_once(&end).expect("the part ends");
    format!("{head}{begin}{content}{end}{tail}")
}

fn keys() -> String {
    let mut table = String::from("| Key | Meaning |\n|---|---|\n");
    for (key, meaning) in KEYS {
        writeln!(table, "| `{key}` | {meaning} |").expect("writing to a String cannot fail");
    }
    table
}

fn functions() -> String {
    let mut table = String::from("| Function | Gives | On a list | Example |\n|---|---|---|---|\n");
    for function in FUNCTIONS {
        let usage = function.usage();
        let input = match function.input {
            Input::Each => "each element",
            Input::Whole => "the whole list",
        };
        let [pipe, given, result] = function.example.map(|text| text.replace('|', "\\|"));
        writeln!(
            table,
            "| `{usage}` | {} | {input} | `{given}` → `{pipe}` → `{result}` |",
            function.summary
        )
        .expect("writing to a String cannot fail");
    }
    table
}

fn names() -> String {
    let list = |names: Vec<&str>| {
        names
            .iter()
            .map(|name| format!("`{name}`"))
            .collect::<Vec<_>>()
            .join(", ")
    };
    let record = list(RecordField::ALL.iter().map(|(name, _)| *name).collect());
    let hub = list(HubField::ALL.iter().map(|(name, _)| *name).collect());
    let forms = list(Form::ALL.iter().map(|(name, _)| *name).collect());
    format!("`$record.`: {record}.\n\n`$hub.`: {hub}.\n\nForms for `is`: {forms}.\n")
}

/// Scenario: every whole map in the reference. Guarantees: it loads as it stands there.
#[test]
fn every_example_loads() {
    let text = std::fs::read_to_string(PATH).expect("the reference is there");
    let blocks = text
        .split("```yaml\n")
        .skip(1)
        .filter_map(|rest| rest.split("```").next());
    let maps: Vec<_> = blocks.filter(|block| block.starts_with("format: 1")).collect();
    assert!(!maps.is_empty(), "the reference shows a map");
    let folder = tempfile::tempdir().expect("a folder can be made");
    for (index, map) in maps.into_iter().enumerate() {
        std::fs::write(folder.path().join(format!("{index}.yaml")), map).expect("a map can be written");
    }
    let loaded = hub2siem::map::Mappings::load(Some(folder.path()));
    let mappings = loaded.unwrap_or_else(|problems| panic!("{problems}"));
    assert!(mappings.warnings().0.is_empty(), "{}", mappings.warnings());
}
