use super::*;
use crate::deliver::azure_monitor::AzureMonitor;
use crate::durable::retry::chain;

fn settings(lines: &str) -> Result<Settings, String> {
    let token = tempfile::NamedTempFile::new().expect("a temporary file can be made");
    std::fs::write(token.path(), "token").expect("it can be written");
    let yaml = format!(
        "endpoint: http://ingest\ntoken: {{ file: {:?} }}\n{lines}",
        token.path()
    );
    let options: AzureMonitor = serde_saphyr::from_str(&yaml).map_err(|error| error.to_string())?;
    Settings::new(&options, None).map_err(|error| chain(&error))
}

fn hub() -> Hub {
    Hub {
        namespace: "contoso".into(),
        name: "defender".into(),
    }
}

#[test]
fn each_stream_has_its_address() {
    let settings =
        settings("rule: dcr-0a\nstream: { alert: 'Custom-Alerts', otherwise: 'Custom-{kind}_CL' }");
    let ingestion = Ingestion::new(&settings.expect("it is complete"), &hub());
    let base: Url = "https://soc.ingest.monitor.azure.com/"
        .parse()
        .expect("it is a URL");
    let url = |kind| ingestion.url(&base, ingestion.lane(kind)).to_string();
    let front = "https://soc.ingest.monitor.azure.com/dataCollectionRules/dcr-0a/streams/";
    assert_eq!(
        url(Kind::Alert),
        format!("{front}Custom-Alerts?api-version=2023-01-01")
    );
    assert_eq!(
        url(Kind::SecureScore),
        format!("{front}Custom-secure_score_CL?api-version=2023-01-01")
    );
}

#[test]
fn says_what_is_wrong() {
    let cases = [
        ("rule: 0a\nstream: s", "begins with `dcr-`"),
        ("rule: dcr-0a/x\nstream: s", "letters, digits"),
        ("rule: dcr-0a\nstream: a/b", "letters, digits"),
        ("rule: dcr-0a\nstream: { alert: s }", "add `otherwise`"),
        ("rule: dcr-0a\nstream: 's-{day}'", "unknown placeholder `{day}`"),
        ("rule: dcr-0a\nstream: s\nbatch: { bytes: 2MiB }", "at most 1MiB"),
    ];
    for (lines, expected) in cases {
        let error = settings(lines).expect_err(lines);
        assert!(error.contains(expected), "{lines}: {error}");
    }
}

#[test]
fn judges_a_call() {
    let settings = settings("rule: dcr-0a\nstream: s").expect("it is complete");
    let ingestion = Ingestion::new(&settings, &hub());
    let error = r#"{"error":{"code":"InvalidRecord","message":"m"}}"#;
    let cases = [
        (204, "", "Accepted"),
        (200, "", "Surprise"),
        (200, "<html>", "Surprise"),
        (202, "", "Surprise"),
        (400, error, "Refused"),
        (400, "<html>", "Surprise"),
        (401, error, "Blocked { reason: Authorization"),
        (403, error, "Blocked { reason: Authorization"),
        (404, error, "Blocked { reason: Destination"),
        (413, error, "TooLarge"),
        (415, "", "CompressionRefused"),
        (429, error, "Busy"),
        (500, error, "Unavailable"),
        (503, "<html>", "Unavailable"),
        (418, "", "Surprise"),
    ];
    for (status, body, expected) in cases {
        let reply = Reply {
            status,
            retry_after: None,
            body: bytes::Bytes::copy_from_slice(body.as_bytes()),
        };
        let verdict = format!("{:?}", ingestion.judge(&reply, 1));
        assert!(verdict.starts_with(expected), "{status} {body}: {verdict}");
    }
}
