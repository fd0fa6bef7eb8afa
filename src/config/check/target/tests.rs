use crate::config::configuration::load_text;
use crate::config::diagnostic::SourceFile;

const MAP: &str = "format: 1\nname: own/unknown\nrevision: 1\nrecord: unknown\noutput: leef\n\
    header: { vendor: M, product: D, version: \"1\", event_id: e }\nattributes: { cat: .a }\n";

/// Scenario: a target of a text set with options that fit it and some that do not. Guarantees: `native` is refused,
/// because its receiver cannot read JSON, and so are lines where only JSON can stand, a rate that lets nothing pass,
/// no kind or two, and `exactly_once` where it cannot hold; nothing else is.
#[test]
fn options_must_fit_the_target() {
    let directory = tempfile::tempdir().expect("a directory can be made");
    std::fs::write(directory.path().join("own.yaml"), MAP).expect("a file can be written");
    let connection = directory.path().join("connection");
    let text = "Endpoint=sb://contoso.servicebus.windows.net/;SharedAccessKeyName=k;SharedAccessKey=c2VjcmV0";
    std::fs::write(&connection, text).expect("a file can be written");
    let exact = "kafka: { brokers: 'k:1', topic: mdc, exactly_once: true }";
    let (file, text, none) = ("file: { path: '-' }", Some("config::text_mapping"), "");
    for (kind, option, refused) in [
        (file, "on_map_error: dead_letter", None),
        (file, "on_map_error: native", Some("config::native_text")),
        (file, "rate: { records: 2000, per: 1s }", None),
        (
            file,
            "rate: { records: 0, per: 1s }",
            Some("config::invalid_value"),
        ),
        (
            file,
            "rate: { records: 5, per: 0s }",
            Some("config::invalid_value"),
        ),
        ("http: { endpoint: 'http://h' }", none, None),
        ("http: { endpoint: 'http://h', format: single }", none, None),
        ("http: { endpoint: 'http://h', format: json_array }", none, text),
        ("elasticsearch: { endpoints: 'http://h', index: mdc }", none, text),
        (
            "syslog: { address: 'h:6514', transport: tcp, oversize: truncate }",
            none,
            None,
        ),
        (
            "syslog: { address: 'h:514', transport: udp }",
            none,
            Some("config::invalid_value"),
        ),
        ("snapshots: pass", none, Some("config::target_kind")),
        (
            file,
            "http: { endpoint: 'http://h' }",
            Some("config::target_kind"),
        ),
        (exact, none, None),
        (exact, "snapshots: changes_only", Some("config::exactly_once")),
        (
            exact,
            "consumer_group: soc\n  other: { file: { path: '-' }, mapping: own, consumer_group: soc }",
            Some("config::exactly_once"),
        ),
        (
            exact,
            "consumer_group: soc\n  other: { file: { path: '-' }, mapping: own }",
            None,
        ),
    ] {
        let folder = directory.path().display();
        let text = format!(
            "event_hub: {{ connection_string: {{ file: '{}' }}, name: defender }}\n\
             checkpoint: {{ file: {{ directory: '{folder}/state' }} }}\n\
             dead_letter: {{ file: {{ directory: '{folder}/dead' }} }}\n\
             mappings_directory: '{folder}'\n\
             targets:\n  soc:\n    {kind}\n    mapping: own\n    {option}\n",
            connection.display()
        );
        let file = SourceFile {
            name: "hub2siem.yaml".into(),
            text: text.into(),
        };
        let codes: Vec<_> = match load_text(&file) {
            Ok(_) => Vec::new(),
            Err(problems) => problems.0.iter().map(|problem| problem.code).collect(),
        };
        assert_eq!(codes, Vec::from_iter(refused), "{kind} {option}");
    }
}
