//! `test`: what passes, what fails, and how it reads.

use std::fs;

use super::harness::{MAP, directory, run};

const TESTS: &str = r#"# Of our own.
mapping: own/alert
hub: { enqueued_time: "2026-08-22T10:00:00.1234567Z", partition: "3", sequence_number: 7 }
tests:
  - name: several stages become several tags
    input:
      VendorName: Microsoft
      AlertType: VM_Test
      SystemAlertId: 00000000-0000-0000-0000-000000000001
      Severity: low                       # tables ignore case
      Intent: Persistence, CredentialAccess
    expect:
      event.severity: 21
      tags: [Persistence, CredentialAccess]
      tags[1]: CredentialAccess
    absent: host.name
  - name: a sample of the program
    input: alert/wire.json
    expect: { event.kind: alert }
    absent: [event.nothing]
  - name: nothing but these
    input: alert/minimal.json
    exact: true
    expect: { event: { kind: alert } }
"#;

/// Scenario: tests that hold. Guarantees: exit 0 and one line of summary; with `--verbose` a line a test.
#[test]
fn passing_tests_are_counted() {
    let directory = directory(&[("own/alert.yaml", MAP), ("own/alert.test.yaml", TESTS)]);
    let ended = run(directory.path(), &["test", "."]);
    assert_eq!((ended.code, ended.errors.as_str()), (Some(0), ""), "{ended:?}");
    assert_eq!(ended.output, "3 tests: 3 passed, 0 failed\n");
    let ended = run(directory.path(), &["test", "own/alert.test.yaml", "--verbose"]);
    assert_eq!(ended.code, Some(0), "{ended:?}");
    insta::assert_snapshot!(ended.output);
}

/// Scenario: every kind of failure. Guarantees: exit 1; each names the test's place, the field, and both values.
#[test]
fn failures_show_what_differs() {
    let tests = r#"mapping: own/alert
tests:
  - name: another value
    input: alert/wire.json
    expect: { event.severity: "73", event.kynd: alert, tags: [a] }
    absent: host
  - name: a field too many
    input: alert/wire.json
    exact: true
    expect: { event.severity: 73, host.name: shop-web-01, tags: [Persistence, CredentialAccess] }
  - name: another kind
    input: assessment/insert.json
  - name: several records
    input: envelope/array.json
  - name: no record
    input: invalid/truncated.json
  - name: text of a map that writes fields
    input: alert/minimal.json
    expect_text: "CEF:0|Microsoft|Defender|1|x|y|7|msg=a"
"#;
    let directory = directory(&[("own/alert.yaml", MAP), ("own/alert.test.yaml", tests)]);
    let ended = run(directory.path(), &["test", "."]);
    assert_eq!(ended.code, Some(1), "{ended:?}");
    assert_eq!(ended.errors, "error: 6 of 6 tests failed\n");
    insta::assert_snapshot!(ended.output);
}

/// Scenario: files that cannot be used, several at once. Guarantees: exit 64, every problem with its place, nothing on
/// standard output.
#[test]
fn unusable_files_are_all_reported() {
    let directory = directory(&[
        ("own/alert.yaml", MAP),
        (
            "own/a.test.yaml",
            "mapping: own/alrt\ntests:\n  - name: x\n    input: alert/wir.json\n  - name: x\n    input: [1]\n",
        ),
        (
            "own/b.test.yaml",
            "mapping: ecs\nhub: { enqueued_time: yesterday }\ntests:\n  - name: x\n    input: { a: 1 }\n    expect_text: y\n    exact: true\n",
        ),
        (
            "own/c.test.yaml",
            "mapping: ecs\ntests:\n  - name: x\n    inptu: {}\n",
        ),
        ("own/d.test.yaml", "mapping: [\n"),
    ]);
    let ended = run(directory.path(), &["test", "."]);
    assert_eq!((ended.code, ended.output.as_str()), (Some(64), ""), "{ended:?}");
    insta::assert_snapshot!(ended.errors);
}

/// Scenario: outputs are blessed, then the map changes. Guarantees: the test file stays as it is, byte by byte; a later
/// run compares whole outputs; a test that is gone is told.
#[test]
fn blessed_outputs_are_compared() {
    let directory = directory(&[("own/alert.yaml", MAP), ("own/alert.test.yaml", TESTS)]);
    let path = |name: &str| directory.path().join(name);
    let read = |name: &str| fs::read_to_string(path(name)).expect("it is there");
    let ended = run(directory.path(), &["test", ".", "--bless"]);
    assert_eq!(ended.code, Some(0), "{ended:?}");
    assert_eq!(read("own/alert.test.yaml"), TESTS);
    insta::assert_snapshot!("blessed", read("own/alert.test.snap.json"));
    let ended = run(directory.path(), &["test", "."]);
    assert_eq!(ended.code, Some(0), "{ended:?}");

    fs::write(
        path("own/alert.yaml"),
        MAP.replace("fields:", "fields:\n  new: 1"),
    )
    .expect("it is writable");
    fs::write(
        path("own/alert.test.yaml"),
        TESTS.replace("a sample of", "the sample of"),
    )
    .expect("it is writable");
    let ended = run(directory.path(), &["test", "."]);
    assert_eq!(ended.code, Some(1), "{ended:?}");
    assert!(
        ended
            .errors
            .contains("`a sample of the program`, which is no test there"),
        "{ended:?}"
    );
    insta::assert_snapshot!("changed", ended.output);

    let ended = run(directory.path(), &["test", ".", "--bless"]);
    assert_eq!(ended.code, Some(1), "the exact test still fails: {ended:?}");
    fs::write(path("own/alert.test.snap.json"), "{").expect("it is writable");
    let ended = run(directory.path(), &["test", "."]);
    assert_eq!(ended.code, Some(64), "{ended:?}");
    assert!(ended.errors.contains("alert.test.snap.json"), "{ended:?}");
}

/// Scenario: maps and samples of one's own. Guarantees: `--all` runs every sample through every map, own and embedded.
#[test]
fn all_samples_run_through_all_maps() {
    let broken = MAP.replace("fields:", "required: [host.name]\nfields:");
    let directory = directory(&[
        ("own/alert.yaml", &broken),
        ("more/alert/mine.json", r#"{"SystemAlertId":"1","AlertType":"x"}"#),
    ]);
    let arguments = [
        "test",
        "--mappings",
        ".",
        "--samples",
        "more",
        "--all",
        "--verbose",
    ];
    let ended = run(directory.path(), &arguments);
    assert_eq!(ended.code, Some(1), "{ended:?}");
    assert!(
        ended
            .output
            .contains("alert/mine.json: map error: required field `host.name`"),
        "{ended:?}"
    );
    assert!(ended.output.contains("ok      ecs/alert: "), "{ended:?}");
}

/// Scenario: nothing to run. Guarantees: that is no success.
#[test]
fn a_folder_without_tests_is_an_error() {
    let directory = directory(&[("own/alert.yaml", MAP)]);
    for arguments in [&["test", "."][..], &["test", "nowhere"], &["test"]] {
        let ended = run(directory.path(), arguments);
        assert_eq!((ended.code, ended.output.as_str()), (Some(64), ""), "{ended:?}");
    }
}

/// Scenario: `mappings_directory` in the configuration. Guarantees: without a folder on the command line its tests run
/// over its maps, and no secret is needed for that.
#[test]
fn the_configuration_says_where_maps_are() {
    let config = "event_hub: { connection_string: { env: NOT_SET }, name: defender }\ncheckpoint: { file: { directory: ./state } }\ndead_letter: { file: { directory: ./dead } }\nmappings_directory: ./maps\ntargets:\n  a: { file: { path: \"-\" }, mapping: own }\n";
    let directory = directory(&[
        ("hub2siem.yaml", config),
        ("maps/own/alert.yaml", MAP),
        ("maps/own/alert.test.yaml", TESTS),
    ]);
    let ended = run(directory.path(), &["test"]);
    assert_eq!(
        (ended.code, ended.output.as_str()),
        (Some(0), "3 tests: 3 passed, 0 failed\n"),
        "{ended:?}"
    );
}
