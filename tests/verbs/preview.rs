//! `preview` of records at hand.

use std::path::{Path, PathBuf};

use serde_json::Value;

use super::harness::{MAP, directory, run, run_with};

/// What a fixture has as a partner's secret.
const SECRET: &str = "not to be forwarded";

/// Folders of bodies that a map can see.
fn folders() -> Vec<PathBuf> {
    let fixtures = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures");
    let entries = std::fs::read_dir(fixtures).expect("the folder is there");
    let mut folders: Vec<_> = entries
        .map(|entry| entry.expect("it can be read").path())
        .collect();
    folders.retain(|folder| {
        let name = folder.file_name().and_then(|name| name.to_str());
        !matches!(name, Some("invalid" | "envelope"))
    });
    folders.sort();
    folders
}

/// Scenario: every sample through every shipped set, explained and with what is left over.
/// Guarantees: one line a record on standard output and nothing else there; every field of the explanation is in the
/// output, and no secret is anywhere.
#[test]
fn every_sample_through_every_set() {
    let directory = directory(&[]);
    let mappings = hub2siem::map::Mappings::load(None).unwrap_or_else(|problems| panic!("{problems}"));
    let folders = folders();
    let mut inputs = Vec::new();
    for folder in &folders {
        inputs.extend(["--input", folder.to_str().expect("paths are UTF-8")]);
    }
    let records = folders
        .iter()
        .map(|folder| std::fs::read_dir(folder).expect("it is there").count())
        .sum::<usize>();
    for set in mappings.names() {
        let mut arguments = vec!["preview", "--mapping", set, "--explain", "--unmapped"];
        arguments.extend(&inputs);
        let ended = run(directory.path(), &arguments);
        assert_eq!(ended.code, Some(0), "{set}: {}", ended.errors);
        assert_eq!(ended.output.lines().count(), records, "{set}");
        let is_text = mappings.set(set).expect("it is there").output().is_text();
        for line in ended.output.lines().filter(|_| !is_text) {
            assert!(line.starts_with('{') && line.ends_with('}'), "{set}: {line}");
        }
        assert!(
            !ended.output.contains(SECRET) && !ended.errors.contains(SECRET),
            "{set}"
        );
    }
}

/// Scenario: one record, explained. Guarantees: which map, each field with its line and its sources, and why fields are
/// absent, read as stored here.
#[test]
fn an_explanation_names_source_and_reason() {
    let directory = directory(&[("maps/own/alert.yaml", MAP)]);
    let arguments = [
        "preview",
        "--mapping",
        "own/alert",
        "--mappings",
        "maps",
        "--input",
        "-",
        "--explain",
        "--unmapped",
    ];
    let alert =
        r#"{"SystemAlertId":"1","AlertType":"x","Severity":"High","Intent":"Impact","Extra":{"a":[1,2]}}"#;
    let ended = run_with(directory.path(), &arguments, alert);
    assert_eq!(ended.code, Some(0), "{ended:?}");
    let line: Value = serde_json::from_str(&ended.output).expect("one line of JSON");
    assert_eq!(line["event"]["severity"], 73);
    insta::assert_snapshot!(ended.errors);
}

/// Scenario: several bodies after one another, of several kinds. Guarantees: `SET/KIND` shows those of the kind, and
/// says what it left out.
#[test]
fn a_kind_narrows_the_records() {
    let directory = directory(&[]);
    let bodies = "{\"SystemAlertId\":\"1\",\"AlertType\":\"x\"}\n[{\"a\":1},{\"SystemAlertId\":\"2\",\"AlertType\":\"y\"}]\n";
    let ended = run_with(
        directory.path(),
        &["preview", "--mapping", "native/alert", "--input", "-"],
        bodies,
    );
    assert_eq!(
        (ended.code, ended.output.lines().count()),
        (Some(0), 2),
        "{ended:?}"
    );
    assert_eq!(
        ended.errors,
        "standard input, record 1: left out, a record of kind `unknown`\n"
    );
}

/// Scenario: what cannot be rendered, between what can. Guarantees: the rest is rendered, the reason is told, exit 1.
#[test]
fn failures_are_told_and_counted() {
    let required = MAP.replace("fields:", "required: [host.name]\nfields:");
    let directory = directory(&[
        ("maps/own/alert.yaml", &required),
        ("in/1.json", r#"{"SystemAlertId":"1","AlertType":"x"}"#),
        (
            "in/2.json",
            r#"{"SystemAlertId":"2","AlertType":"x","CompromisedEntity":"web"}"#,
        ),
        ("in/3.json", "{\"SystemAlertId\":"),
        ("in/4.json", "[]"),
    ]);
    let ended = run(
        directory.path(),
        &[
            "preview",
            "--mapping",
            "own",
            "--mappings",
            "maps",
            "--input",
            "in",
        ],
    );
    assert_eq!(ended.code, Some(1), "{ended:?}");
    assert_eq!(
        ended.output,
        "{\"event\":{\"kind\":\"alert\"},\"host\":{\"name\":\"web\"}}\n"
    );
    insta::assert_snapshot!(ended.errors);
}

/// Scenario: a command line with the delimiter of LEEF in it. Guarantees: the loss is told beside the line.
#[test]
fn what_a_line_loses_is_told() {
    let directory = directory(&[]);
    let body = r#"{"SystemAlertId":"1","AlertType":"a","Entities":[{"Type":"process","CommandLine":"p^owershell"}]}"#;
    let ended = run_with(
        directory.path(),
        &["preview", "--mapping", "leef", "--input", "-"],
        body,
    );
    assert_eq!(ended.code, Some(0), "{ended:?}");
    assert!(ended.output.contains("^commandLine=powershell^"), "{ended:?}");
    assert!(
        ended.errors.contains("1 value was cut, or does not fit"),
        "{ended:?}"
    );
}

/// Scenario: a wrong command line. Guarantees: exit 64, and a hint.
#[test]
fn wrong_arguments_are_usage_errors() {
    let directory = directory(&[]);
    for (arguments, hint) in [
        (&["--mapping", "esc", "--input", "-"][..], "did you mean `ecs`"),
        (
            &["--mapping", "ecs/alrt", "--input", "-"],
            "neither a record kind nor a map",
        ),
        (&["--mapping", "ecs", "--input", "nowhere.json"], "nowhere.json"),
        (
            &["--mapping", "ecs", "--input", "sample:alert/nowhere.json"],
            "mappings samples",
        ),
        (&["--mapping", "ecs"], "--input"),
        (&["--mapping", "ecs", "--hub"], "--consumer-group"),
        (
            &[
                "--mapping",
                "ecs",
                "--hub",
                "--consumer-group",
                "x",
                "--timeout",
                "5",
            ],
            "unit",
        ),
        (
            &["--mapping", "ecs", "--hub", "--consumer-group", "x"],
            "hub2siem.yaml",
        ),
    ] {
        let mut all = vec!["preview"];
        all.extend(arguments);
        let ended = run(directory.path(), &all);
        assert_eq!((ended.code, ended.output.as_str()), (Some(64), ""), "{ended:?}");
        assert!(ended.errors.contains(hint), "{arguments:?}: {}", ended.errors);
    }
}
