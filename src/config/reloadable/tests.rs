use super::*;
use crate::config::diagnostic::SourceFile;
use crate::config::{options, yaml};

const BEFORE: &str = "\
event_hub: { connection_string: { file: /secrets/hub }, name: defender, tls: { ca_file: /tls/hub.pem } }
checkpoint: { file: { directory: ./state } }
dead_letter: { file: { directory: ./dead } }
mappings_directory: ./mappings
targets:
  soc:
    splunk_hec: { endpoints: ['https://splunk:8088'], token: { file: /secrets/token }, batch: { records: 10 } }
    mapping: ecs
    route: { $record.kind: alert }
  all:
    file: { path: ./all.jsonl, rotate: { keep: 3 } }
    mapping: native
";

fn read(text: &str) -> Options {
    let file = SourceFile {
        name: "bridge.yaml".into(),
        text: text.into(),
    };
    let node = yaml::parse(&file).expect("it is YAML");
    Options::read(&file, &node)
}

/// Changes of the sample in which `from` is replaced by `to`.
fn changes(from: &str, to: &str) -> Changes {
    assert!(BEFORE.contains(from), "{from} is not in the sample");
    Changes::between(&read(BEFORE), &read(&BEFORE.replace(from, to)))
}

/// Scenario: someone adds an option, or renames one.
/// Guarantees: this test fails until the option is in exactly one class, and no class names an option that is gone.
#[test]
fn every_option_is_in_one_class() {
    let known: Vec<&str> = CLASSES.iter().map(|(pattern, _)| *pattern).collect();
    let once: BTreeSet<&str> = known.iter().copied().collect();
    assert_eq!(known.len(), once.len(), "an option is listed twice");
    let patterns = options::patterns();
    let there: BTreeSet<&str> = patterns.iter().map(String::as_str).collect();
    let missing: Vec<_> = there.difference(&once).collect();
    let gone: Vec<_> = once.difference(&there).collect();
    assert!(
        missing.is_empty() && gone.is_empty(),
        "not classified: {missing:?}; no longer an option: {gone:?}"
    );
}

#[test]
fn takes_over_mappings_routes_batching_and_credentials() {
    for (from, to, path) in [
        ("mapping: ecs", "mapping: ocsf", "targets.soc.mapping"),
        ("kind: alert", "kind: [alert, unknown]", "targets.soc.route"),
        ("    route: { $record.kind: alert }\n", "", "targets.soc.route"),
        (
            "records: 10",
            "records: 11",
            "targets.soc.splunk_hec.batch.records",
        ),
        (
            "records: 10",
            "records: 10, linger: 2s",
            "targets.soc.splunk_hec.batch.linger",
        ),
        (
            "file: /secrets/token",
            "env: TOKEN",
            "targets.soc.splunk_hec.token",
        ),
        ("/secrets/hub", "/secrets/other", "event_hub.connection_string"),
        ("/tls/hub.pem", "/tls/other.pem", "event_hub.tls.ca_file"),
        ("directory: ./mappings", "directory: ./maps", "mappings_directory"),
        ("mappings_directory: ./mappings\n", "", "mappings_directory"),
    ] {
        let changes = changes(from, to);
        assert_eq!(changes.live, [path], "{from} -> {to}");
        assert!(changes.refused.0.is_empty(), "{}", changes.refused);
    }
}

#[test]
fn refuses_everything_else_by_name() {
    for (from, to, paths) in [
        ("./state", "./other", &["checkpoint.file.directory"][..]),
        ("name: defender", "name: other", &["event_hub.name"]),
        ("targets:", "window: { events: 99 }\ntargets:", &["window.events"]),
        (
            "splunk:8088",
            "splunk:8089",
            &["targets.soc.splunk_hec.endpoints"],
        ),
        ("keep: 3", "keep: 4", &["targets.all.file.rotate.keep"]),
        ("  all:", "  everything:", &["targets.everything", "targets.all"]),
        (
            "mapping: native",
            "mapping: native\n    consumer_group: own",
            &["targets.all.consumer_group"],
        ),
        (
            "./all.jsonl, rotate: { keep: 3 }",
            "./other.jsonl",
            &[
                "targets.all.file.path",
                "targets.all.file.rotate.bytes",
                "targets.all.file.rotate.keep",
            ],
        ),
    ] {
        let changes = changes(from, to);
        let refused: Vec<_> = changes
            .refused
            .0
            .iter()
            .map(|diagnostic| diagnostic.message.as_str())
            .collect();
        assert_eq!(refused.len(), paths.len(), "{refused:?}");
        for (message, path) in refused.iter().zip(paths) {
            assert!(message.starts_with(&format!("`{path}` ")), "{message}");
            assert!(message.ends_with("needs a restart"), "{message}");
        }
        assert!(changes.live.is_empty(), "{:?}", changes.live);
    }
}

#[test]
fn another_way_to_write_the_same_changes_nothing() {
    for (from, to) in [
        ("targets:", "# a remark\nwindow: { events: 50000 }\ntargets:"),
        ("targets:", "grace_period: 25000ms\ntargets:"),
        ("['https://splunk:8088']", "https://splunk:8088"),
        ("mapping: ecs", "on_map_error: dead_letter\n    mapping: ecs"),
    ] {
        let changes = changes(from, to);
        assert!(
            changes.live.is_empty() && changes.refused.0.is_empty(),
            "{from} -> {to}: {changes:?}"
        );
    }
}

/// Scenario: an address with a password is changed. Guarantees: the refusal does not show it.
#[test]
fn a_refusal_points_at_the_place_and_shows_no_secret() {
    let rendered = changes("https://splunk:8088", "https://user:s3cret@splunk:8088")
        .refused
        .render(false);
    assert!(rendered.contains("bridge.yaml:7:30"), "{rendered}");
    assert!(!rendered.contains("s3cret"), "{rendered}");
    insta::assert_snapshot!(changes("./state", "./other").refused.render(false));
}

#[test]
fn knows_the_files_behind_the_options() {
    let sources = Sources::of(&read(BEFORE));
    let files: Vec<_> = sources
        .files
        .iter()
        .map(|path| path.display().to_string())
        .collect();
    assert_eq!(files, ["/secrets/hub", "/tls/hub.pem", "/secrets/token"]);
    assert_eq!(sources.mappings, [PathBuf::from("./mappings")]);
}

/// Scenario: a target with secrets among its headers and a certificate of its own; options of it change.
/// Guarantees: secrets, certificates and batching are taken over and their files are known; the address is not.
#[test]
fn takes_over_headers_and_certificates() {
    let before = "\
targets:
  hook:
    http:
      endpoint: https://hooks.example/in
      headers: { X-Team: soc, X-Key: { file: /secrets/key } }
      authentication: { basic: { username: u, password: { file: /secrets/password } } }
      batch: { records: 10 }
      tls: { client_certificate: { certificate_file: /tls/own.pem, key_file: /tls/own.key } }
    mapping: native
";
    let sources = Sources::of(&read(before));
    let files = sources.files.iter().map(|path| path.display().to_string());
    assert_eq!(
        files.collect::<Vec<_>>(),
        [
            "/secrets/password",
            "/secrets/key",
            "/tls/own.pem",
            "/tls/own.key"
        ]
    );
    for (from, to, live, refused) in [
        ("X-Team: soc", "X-Team: csoc", Some("headers.X-Team"), None),
        ("/secrets/key", "/secrets/other", Some("headers.X-Key"), None),
        (
            "username: u",
            "username: v",
            Some("authentication.basic.username"),
            None,
        ),
        (
            "/tls/own.key",
            "/tls/new.key",
            Some("tls.client_certificate.key_file"),
            None,
        ),
        ("records: 10", "records: 11", Some("batch.records"), None),
        ("example/in", "example/out", None, Some("endpoint")),
        ("X-Team: soc, ", "", None, Some("headers.X-Team")),
    ] {
        let changes = Changes::between(&read(before), &read(&before.replace(from, to)));
        let path = |name: &str| format!("targets.hook.http.{name}");
        let expected: Vec<_> = live.map(path).into_iter().collect();
        assert_eq!(changes.live, expected, "{from} -> {to}");
        let messages = changes.refused.0.iter().map(|problem| problem.message.clone());
        let messages: Vec<_> = messages.collect();
        assert_eq!(messages.len(), usize::from(refused.is_some()), "{messages:?}");
        if let Some(name) = refused {
            assert!(
                messages[0].starts_with(&format!("`{}` ", path(name))),
                "{messages:?}"
            );
        }
    }
}
