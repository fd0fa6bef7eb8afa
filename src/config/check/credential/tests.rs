use crate::config::configuration::load_text;
use crate::config::diagnostic::SourceFile;

const NAMESPACE: &str = "namespace: contoso.servicebus.windows.net";
const IDENTITY: &str = "credential: { managed_identity: { client_id: a } }";
const FILE: &str = "file: { path: '-' }";
const MONITOR: &str =
    "azure_monitor: { endpoint: 'https://soc.ingest.monitor.azure.com', rule: dcr-1, stream: Custom-Mdc }";

/// Scenario: the hub is named in each way, with and without a credential, which is used or not. Guarantees: exactly one way
/// passes; every other is told by its code, once.
#[test]
fn one_way_to_the_hub() {
    let directory = tempfile::tempdir().expect("a directory can be made");
    let folder = directory.path().display();
    let secret = directory.path().join("connection");
    let text = "Endpoint=sb://contoso.servicebus.windows.net/;SharedAccessKeyName=k;SharedAccessKey=c2VjcmV0";
    std::fs::write(&secret, text).expect("a file can be written");
    let string = format!("connection_string: {{ file: '{}' }}", secret.display());
    let both = format!("{string}, {NAMESPACE}");
    let own_token = MONITOR.replace(" }", &format!(", token: {{ file: '{}' }} }}", secret.display()));
    let (wrong, value) = (Some("config::credential"), Some("config::invalid_value"));
    let cases = [
        (string.as_str(), "", FILE, None),
        (NAMESPACE, IDENTITY, FILE, None),
        (NAMESPACE, IDENTITY, MONITOR, None),
        (&string, IDENTITY, MONITOR, None),
        (NAMESPACE, IDENTITY, &own_token, None),
        (&string, IDENTITY, FILE, wrong),
        (&string, IDENTITY, &own_token, wrong),
        (&string, "", MONITOR, value),
        (NAMESPACE, "", FILE, wrong),
        (&both, IDENTITY, FILE, wrong),
        ("address: h", "", FILE, wrong),
        ("namespace: contoso", IDENTITY, FILE, value),
        (
            "namespace: 'sb://contoso.servicebus.windows.net'",
            IDENTITY,
            FILE,
            value,
        ),
        (NAMESPACE, "credential: { tls: {} }", FILE, wrong),
        (
            NAMESPACE,
            "credential: { managed_identity: {}, azure_cli: {} }",
            FILE,
            wrong,
        ),
        (
            NAMESPACE,
            "credential: { azure_cli: {}, tls: { ca_file: /nonexistent/ca.pem } }",
            FILE,
            Some("config::tls"),
        ),
        (
            NAMESPACE,
            "cloud: us_gov\ncredential: { azure_cli: {} }",
            FILE,
            None,
        ),
        (&format!("{string}, expect_event_every: 8d"), "", FILE, None),
        (&format!("{string}, expect_event_every: 0s"), "", FILE, value),
        (
            NAMESPACE,
            "cloud: { authority: 'http://login.example' }\ncredential: { azure_cli: {} }",
            FILE,
            value,
        ),
        (
            NAMESPACE,
            "cloud: mars\ncredential: { azure_cli: {} }",
            FILE,
            value,
        ),
    ];
    for (hub, credential, target, expected) in cases {
        let text = format!(
            "event_hub: {{ {hub}, name: defender }}\n{credential}\n\
             checkpoint: {{ file: {{ directory: '{folder}/state' }} }}\n\
             dead_letter: {{ file: {{ directory: '{folder}/dead' }} }}\n\
             targets:\n  soc:\n    {target}\n    mapping: native\n"
        );
        let file = SourceFile {
            name: "hub2siem.yaml".into(),
            text: text.as_str().into(),
        };
        let codes: Vec<_> = match load_text(&file) {
            Ok(_) => Vec::new(),
            Err(problems) => problems.0.iter().map(|problem| problem.code).collect(),
        };
        assert_eq!(codes, Vec::from_iter(expected), "{text}");
    }
}
