//! Options that fit, and those that do not.

use super::*;

fn settings(yaml: &str) -> Result<Settings, String> {
    let options: Kafka = serde_saphyr::from_str(yaml).map_err(|error| error.to_string())?;
    Settings::new(&options).map_err(|error| crate::durable::retry::chain(&error))
}

#[test]
fn the_smallest_form_has_the_documented_defaults() {
    let settings = settings("brokers: kafka:9092\ntopic: mdc").expect("it is complete");
    assert_eq!(settings.topics.names(), ["mdc"]);
    let told = settings.producer_config();
    for (name, value) in [
        ("bootstrap.servers", "kafka:9092"),
        ("enable.idempotence", "true"),
        ("acks", "all"),
        ("message.timeout.ms", "0"),
        ("message.max.bytes", "1000000"),
        ("batch.size", "262144"),
        ("compression.type", "lz4"),
        ("partitioner", "murmur2_random"),
        ("security.protocol", "plaintext"),
    ] {
        assert_eq!(told.get(name), Some(value), "{name}");
    }
    assert_eq!(settings.client_config().get("acks"), None);
    assert_eq!(
        settings.client_config().get("bootstrap.servers"),
        Some("kafka:9092")
    );
}

#[test]
fn every_compression_is_in_the_library() {
    for compression in ["none", "gzip", "snappy", "lz4", "zstd"] {
        let yaml = format!("brokers: [a:1, 'b:2']\ntopic: mdc\ncompression: {compression}");
        let told = settings(&yaml).expect("it is complete").producer_config();
        assert_eq!(told.get("compression.type"), Some(compression));
    }
}

#[test]
fn a_property_passes_through() {
    let yaml =
        "brokers: k:1\ntopic: mdc\nlibrdkafka: { linger.ms: 5, client.id: soc, socket.nagle.disable: true }";
    let told = settings(yaml).expect("it is complete").producer_config();
    assert_eq!(
        (told.get("linger.ms"), told.get("client.id")),
        (Some("5"), Some("soc"))
    );
    assert_eq!(told.get("socket.nagle.disable"), Some("true"));
}

#[test]
fn says_what_is_wrong() {
    let cases = [
        ("brokers: []\ntopic: mdc", "`brokers` is empty"),
        ("brokers: kafka\ntopic: mdc", "`kafka`"),
        ("brokers: 'a:1,b:2'\ntopic: mdc", "`a:1,b:2`"),
        ("brokers: 'u:pw@a:x'\ntopic: mdc", "`a:x`"),
        ("brokers: k:1\ntopic: 'a b'", "`topic` is `a b`"),
        (
            "brokers: k:1\ntopic: mdc\nlibrdkafka: { acks: 1 }",
            "`librdkafka.acks` cannot be set: that nothing is lost",
        ),
        (
            "brokers: k:1\ntopic: mdc\nlibrdkafka: { compression.type: zstd }",
            "write `compression` instead",
        ),
        (
            "brokers: k:1\ntopic: mdc\nlibrdkafka: { test.mock.num.brokers: 1 }",
            "made for tests",
        ),
        (
            "brokers: k:1\ntopic: mdc\nlibrdkafka: { linger: 1 }",
            "`librdkafka.linger` is not taken: No such",
        ),
        (
            "brokers: k:1\ntopic: mdc\nlibrdkafka: { linger.ms: soon }",
            "`librdkafka.linger.ms` is not taken",
        ),
        (
            "brokers: k:1\ntopic: mdc\nkey: resource\ntombstones: true",
            "needs `key: item`",
        ),
        ("brokers: k:1\ntopic: mdc\nmessage_limit: 1B", "`message_limit`"),
        ("brokers: k:1\ntopic: mdc\nmessage_limit: 32MiB", "has no room"),
        (
            "brokers: k:1\ntopic: mdc\nlibrdkafka: { queue.buffering.max.kbytes: 900 }",
            "has no room",
        ),
        (
            "brokers: k:1\ntopic: mdc\nexactly_once: true\nlibrdkafka: { queue.buffering.max.kbytes: 9000 }",
            "each partition has a producer",
        ),
        (
            "brokers: k:1\ntopic: mdc\nexactly_once: true\nlibrdkafka: { statistics.interval.ms: 500 }",
            "one producer of many",
        ),
        (
            "brokers: k:1\ntopic: mdc\nlibrdkafka: { queue.buffering.max.ms: 5 }",
            "write `librdkafka.linger.ms` instead",
        ),
        (
            "brokers: k:1\ntopic: mdc\nsasl: { mechanism: plain, username: u }",
            "needs `username` and `password`",
        ),
        (
            "brokers: k:1\ntopic: mdc\nsasl: { mechanism: oauthbearer }",
            "needs `token`",
        ),
        (
            "brokers: k:1\ntopic: mdc\nsasl: { mechanism: plain, username: u, password: { env: HUB2SIEM_UNSET } }",
            "failed to read `sasl.password`",
        ),
        (
            "brokers: k:1\ntopic: mdc\ntls: { ca_file: /nonexistent/ca.pem }",
            "CA file `/nonexistent/ca.pem`",
        ),
    ];
    for (yaml, expected) in cases {
        let error = settings(yaml).expect_err(yaml);
        assert!(error.contains(expected), "{yaml}: {error}");
        assert!(!error.contains("pw"), "{error}");
    }
}

#[test]
fn a_password_is_not_shown() {
    let password = tempfile::NamedTempFile::new().expect("a temporary file can be made");
    std::fs::write(password.path(), "open sesame\n").expect("it can be written");
    let yaml = format!(
        "brokers: k:1\ntopic: mdc\nsasl: {{ mechanism: scram_sha_512, username: u, password: {{ file: {:?} }} }}",
        password.path()
    );
    let settings = settings(&yaml).expect("it is complete");
    assert_eq!(
        settings.producer_config().get("sasl.password"),
        Some("open sesame")
    );
    assert!(!format!("{settings:?}").contains("sesame"));
}
