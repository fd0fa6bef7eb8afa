mod extends;

use secrecy::SecretString;

use super::{MappingOptions, Mappings};
use crate::event::Kind;
use crate::map::salt::Salt;
use crate::map::testing::with_record;

/// Writes files into a new directory.
fn directory(files: &[(&str, &str)]) -> tempfile::TempDir {
    let directory = tempfile::tempdir().expect("a directory can be made");
    for (name, text) in files {
        let path = directory.path().join(name);
        let parent = path.parent().expect("files stand in folders");
        std::fs::create_dir_all(parent).expect("a folder can be made");
        std::fs::write(path, text).expect("a file can be written");
    }
    directory
}

fn map(name: &str, rest: &str) -> String {
    format!("format: 1\nname: {name}\nrevision: 2\nrecord: unknown\n{rest}")
}

/// What `set` makes of a body, with the revision of the map.
fn render(mappings: &Mappings, set: &str, body: &str) -> (String, Option<String>) {
    let set = mappings.set(set).expect("the set is there");
    with_record(body, |context| {
        let mut output = Vec::new();
        let rendering = set.render(context, &mut output).expect("it can be mapped");
        let text = String::from_utf8(output).expect("the output is text");
        (text, rendering.revision.map(|revision| revision.to_string()))
    })
}

#[test]
fn embedded_sets_load_without_a_warning() {
    let mappings = Mappings::load(None).unwrap_or_else(|problems| panic!("{problems}"));
    assert!(mappings.warnings().0.is_empty(), "{}", mappings.warnings());
    let names = [
        "cef",
        "ecs",
        "leef",
        "log-analytics",
        "native",
        "ocsf",
        "splunk-cim",
    ];
    assert_eq!(mappings.names().collect::<Vec<_>>(), names);
    assert_eq!(mappings.nearest("esc"), Some("ecs"));
    let ecs = mappings.set("ecs").expect("it is embedded");
    assert!(ecs.has(Kind::Alert) && ecs.has(Kind::SecureScore) && !ecs.has(Kind::Unknown));
    let revisions: Vec<_> = ecs.revisions().map(|revision| revision.to_string()).collect();
    assert!(
        revisions
            .iter()
            .all(|revision| revision.starts_with("ecs/") && revision.contains('@'))
    );
    assert_eq!(revisions.len(), 9, "{revisions:?}");
}

/// Scenario: one set is asked for, and the directory has an override of another one and a map that builds on a third.
/// Guarantees: these are whole, others are not compiled, and all names stay known.
#[test]
fn only_the_sets_asked_for_are_compiled() {
    let alert = "format: 1\nname: leef/alert\nrevision: 2\nextends: leef/alert\n";
    let other = "format: 1\nname: soc/alert\nrevision: 2\nextends: ocsf/alert\n";
    let files = directory(&[("alert.yaml", alert), ("soc.yaml", other)]);
    let options = MappingOptions {
        directory: Some(files.path()),
        salt: None,
    };
    let wanted = ["ecs"].into_iter().collect();
    let mappings =
        Mappings::load_sets(options, Some(&wanted)).unwrap_or_else(|problems| panic!("{problems}"));
    for (set, is_there) in [
        ("ecs", true),
        ("leef", true),
        ("soc", true),
        ("cef", false),
        ("ocsf", false),
    ] {
        assert_eq!(mappings.set(set).is_some(), is_there, "{set}");
    }
    assert!(mappings.set("leef").is_some_and(|set| set.has(Kind::Unknown)));
    assert!(mappings.names().any(|name| name == "cef") && mappings.nearest("ceff") == Some("cef"));
}

/// Scenario: a directory with a new set, a replacement, a test file, a hidden file. Guarantees: the first two count.
#[test]
fn a_directory_adds_and_replaces() {
    let alert = map("ecs/alert", "fields: { a: .Severity }\n").replace("unknown", "alert");
    let files = directory(&[
        ("own/any.yaml", &map("own/any", "fields: { x: .a }\n")),
        ("own/any.test.yaml", "tests: []\n"),
        ("own/.any.yaml", "not: a map\n"),
        ("..data/own.yaml", "not: a map\n"),
        ("alert.yml", &alert),
        ("README.md", "# Maps\n"),
    ]);
    let mappings = Mappings::load(Some(files.path())).unwrap_or_else(|problems| panic!("{problems}"));
    let alert = r#"{"SystemAlertId":"1","AlertType":"t","Severity":"High"}"#;
    assert_eq!(
        render(&mappings, "ecs", alert),
        (r#"{"a":"High"}"#.to_owned(), Some("ecs/alert@2".to_owned()))
    );
    assert_eq!(
        render(&mappings, "own", r#"{"a":1}"#),
        (r#"{"x":1}"#.to_owned(), Some("own/any@2".to_owned()))
    );
    let (native, revision) = render(&mappings, "own", alert);
    assert!(
        native.starts_with(r#"{"kind":"alert","#) && revision.is_none(),
        "{native}"
    );
}

/// Scenario: three maps for one kind. Guarantees: guarded ones are tried in name order, then the one without guard.
#[test]
fn the_first_guard_that_holds_decides() {
    let files = directory(&[
        ("1.yaml", &map("own/a", "fields: { x: none }\n")),
        (
            "2.yaml",
            &map("own/c", "when: { .n: [1, 2] }\nfields: { x: c }\n"),
        ),
        ("3.yaml", &map("own/b", "when: { .n: 1 }\nfields: { x: b }\n")),
    ]);
    let mappings = Mappings::load(Some(files.path())).unwrap_or_else(|problems| panic!("{problems}"));
    for (body, expected) in [(r#"{"n":1}"#, "b"), (r#"{"n":2}"#, "c"), (r#"{"n":3}"#, "none")] {
        assert_eq!(
            render(&mappings, "own", body).0,
            format!(r#"{{"x":"{expected}"}}"#)
        );
    }
}

/// Scenario: problems in several files. Guarantees: all are reported, and nothing is loaded.
#[test]
fn every_problem_of_a_directory_is_reported() {
    let files = directory(&[
        ("1.yaml", &map("own/a", "fields: { x: .a | lowr }\n")),
        ("2.yaml", &map("own/b", "fields: { x: .a }\n")),
        ("3.yaml", &map("own/b", "fields: { x: .b }\n")),
        ("4.yaml", &map("own/c", "fields: { x: .c }\n")),
        ("5.yaml", "fields: [1\n"),
    ]);
    let problems = Mappings::load(Some(files.path())).expect_err("there are problems");
    let mut codes: Vec<_> = problems.0.iter().map(|problem| problem.code).collect();
    codes.sort_unstable();
    assert_eq!(
        codes,
        [
            "config::syntax",
            "mapping::duplicate_name",
            "mapping::unknown_function",
            "mapping::unreachable"
        ]
    );
    let missing = Mappings::load(Some(&files.path().join("nowhere"))).expect_err("it is not there");
    assert_eq!(missing.0[0].code, "mapping::unreadable");
}

/// Scenario: a hostile file. Guarantees: an error, soon.
#[test]
fn hostile_files_are_errors() {
    let deep = map("own/a", &format!("fields:\n  x: {}\n", "[".repeat(10_000)));
    let large = map("own/b", &format!("fields:\n  x: {}\n", "y".repeat(2 << 20)));
    let files = directory(&[("1.yaml", &deep), ("2.yaml", &large)]);
    let problems = Mappings::load(Some(files.path())).expect_err("there are problems");
    assert_eq!(problems.0.len(), 2, "{problems}");
}

/// Scenario: a map with `sha256`, with and without a salt. Guarantees: without one it is refused; with another salt the
/// same text becomes another pseudonym.
#[test]
fn a_pseudonym_needs_a_salt() {
    let files = directory(&[(
        "1.yaml",
        &map(
            "own/a",
            "fields: { x: .a | sha256(16), y: { text: \"{.a | sha256}\" } }\n",
        ),
    )]);
    let problems = Mappings::load(Some(files.path())).expect_err("there is no salt");
    let codes: Vec<_> = problems.0.iter().map(|problem| problem.code).collect();
    assert_eq!(codes, ["mapping::missing_salt", "mapping::missing_salt"]);
    let with = |salt: &str| {
        let options = MappingOptions {
            directory: Some(files.path()),
            salt: Some(Salt::new(&SecretString::from(salt))),
        };
        let mappings = Mappings::load_with(options).unwrap_or_else(|problems| panic!("{problems}"));
        render(&mappings, "own", r#"{"a":"ann"}"#).0
    };
    assert_eq!(with("0123456789abcdef"), with("0123456789abcdef"));
    assert_ne!(with("0123456789abcdef"), with("0123456789abcdeg"));
}

/// Scenario: a guard that asks for a computed value, as for findings with a vulnerability, beside a map without a guard.
/// Guarantees: the `let` value decides, and the rest goes to the other map; a guard that costs too much is a map error.
#[test]
fn a_guard_may_ask_for_a_let_value() {
    let guarded = "when: { $ids: { exists: true }, any: [{ .n: 1 }, { $ids | count: 2 }], not: { $first: x } }\n\
                   let: { ids: { list: [.cve, \".more[]\"] }, first: $ids | first }\nfields: { vulnerability: $ids }\n";
    let files = directory(&[
        ("1.yaml", &map("own/with", guarded)),
        ("2.yaml", &map("own/without", "fields: { plain: .n }\n")),
    ]);
    let mappings = Mappings::load(Some(files.path())).unwrap_or_else(|problems| panic!("{problems}"));
    for (body, expected) in [
        (r#"{"n":1,"cve":"a"}"#, r#"{"vulnerability":["a"]}"#),
        (
            r#"{"n":2,"cve":"a","more":["b"]}"#,
            r#"{"vulnerability":["a","b"]}"#,
        ),
        (r#"{"n":2,"cve":"a"}"#, r#"{"plain":2}"#),
        (r#"{"n":1,"cve":"x"}"#, r#"{"plain":1}"#),
        (r#"{"n":1}"#, r#"{"plain":1}"#),
    ] {
        assert_eq!(render(&mappings, "own", body).0, expected, "{body}");
    }
    let references = vec![r#"{"$ref":"1"}"#; 5_000].join(",");
    let numbers = vec!["7"; 5_000].join(",");
    let costly = map(
        "own/costly",
        "when: { $all: 8 }\nlet: { all: \".a[].n[]\" }\nfields: { x: 1 }\n",
    );
    let files = directory(&[("1.yaml", &costly)]);
    let mappings = Mappings::load(Some(files.path())).unwrap_or_else(|problems| panic!("{problems}"));
    let set = mappings.set("own").expect("the set is there");
    let body = format!("{{\"a\":[{{\"$id\":\"1\",\"n\":[{numbers}]}},{references}]}}");
    let result = with_record(&body, |context| set.render(context, &mut Vec::new()));
    assert_eq!(result, Err(crate::map::MapError::TooManyValues));
}

const CEF: &str = "output: cef\nheader: { device_vendor: M, device_product: D, device_version: \"1\", event_class_id: c, name: n, severity: 5 }\nextension: { msg: .a }\n";

/// Scenario: a text set with a guarded map and one for unknown records, and an alert.
/// Guarantees: a kind without a map, or whose guards refuse it, is written by the map for unknown records.
#[test]
fn text_sets_write_every_kind() {
    let guarded = map("own/alert", &format!("when: {{ .b: 1 }}\n{CEF}")).replace("unknown", "alert");
    let unknown = map("own/unknown", CEF);
    let files = directory(&[("1.yaml", &guarded), ("2.yaml", &unknown)]);
    let mappings = Mappings::load(Some(files.path())).unwrap_or_else(|problems| panic!("{problems}"));
    assert!(mappings.set("own").is_some_and(|set| set.output().is_text()));
    for (body, revision) in [
        (
            r#"{"SystemAlertId":"1","AlertType":"t","a":"x","b":1}"#,
            "own/alert@2",
        ),
        (
            r#"{"SystemAlertId":"1","AlertType":"t","a":"x"}"#,
            "own/unknown@2",
        ),
        (r#"{"a":"x"}"#, "own/unknown@2"),
    ] {
        let line = "CEF:0|M|D|1|c|n|5|msg=x".to_owned();
        assert_eq!(render(&mappings, "own", body), (line, Some(revision.to_owned())));
    }
}

/// Scenario: a text set without a map for unknown records, or with one that is guarded or writes JSON.
/// Guarantees: errors that say so.
#[test]
fn text_sets_are_complete_and_of_one_output() {
    let alert = map("own/alert", CEF).replace("unknown", "alert");
    let guarded = map("own/unknown", &format!("when: {{ .b: 1 }}\n{CEF}"));
    let json = map("own/unknown", "fields: { a: .b }\n");
    for (other, expected) in [
        (None, "mapping::missing_unknown"),
        (Some(&guarded), "mapping::missing_unknown"),
        (Some(&json), "mapping::mixed_outputs"),
    ] {
        let mut files = vec![("1.yaml", &*alert)];
        files.extend(other.map(|text| ("2.yaml", text.as_str())));
        let files = directory(&files);
        let problems = Mappings::load(Some(files.path())).expect_err("there is a problem");
        let codes: Vec<_> = problems.0.iter().map(|problem| problem.code).collect();
        assert_eq!(codes, [expected], "{problems}");
    }
}
