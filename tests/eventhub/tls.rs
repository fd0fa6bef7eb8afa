//! TLS with a CA of one's own, verified against the namespace wherever the connection goes.

use std::sync::Arc;
use std::time::Duration;

use hub2siem::config::tls::client_config;
use hub2siem::emulator::event_hub::{EventHubEmulator, Options};
use hub2siem::eventhub::{Address, EndReason, HubSettings, StartPosition, Step};
use rustls_pki_types::PrivateKeyDer;

use crate::probe::{ends_at, findings};
use crate::support::{append, client, next, numbers, read, reader, settings, start};

const NAMESPACE: &str = "contoso.servicebus.windows.net";

/// A hub with a certificate for `name`, and settings that trust it under [`NAMESPACE`] at its real address.
async fn hub_for(name: &str) -> (EventHubEmulator, HubSettings) {
    let made = rcgen::generate_simple_self_signed([name.to_owned()]).expect("it can be made");
    let key = PrivateKeyDer::try_from(made.signing_key.serialize_der()).expect("it is a key");
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let server = rustls::ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .expect("the provider has them")
        .with_no_client_auth()
        .with_single_cert(vec![made.cert.der().clone()], key)
        .expect("they belong together");
    let mut options = Options::new("defender", 1);
    options.tls = Some(Arc::new(server));
    let hub = start(options).await;

    let file = tempfile::NamedTempFile::new().expect("a temporary file can be made");
    std::fs::write(file.path(), made.cert.pem()).expect("it can be written");
    let mut settings = settings(&hub);
    settings.tls = Some(client_config(Some(file.path())).expect("it is a certificate")).into();
    settings.hub.namespace = NAMESPACE.into();
    settings.address = Some(Address {
        host: hub.address().ip().to_string(),
        port: Some(hub.address().port()),
    });
    (hub, settings)
}

#[tokio::test]
async fn reads_over_tls_with_a_private_ca() {
    let (hub, settings) = hub_for(NAMESPACE).await;
    append(&hub, 0, 50);
    let client = client(settings);
    let mut reader = reader(&client, 0, StartPosition::Earliest);
    let (events, _) = read(&mut reader, 50).await;
    assert_eq!(numbers(&events), (0..50).collect::<Vec<_>>());
    reader.close().await;
}

/// Scenario: the certificate is good for the address but not for the namespace; then it is from an unknown CA.
/// Guarantees: neither is accepted, and the cause is told.
#[tokio::test]
async fn refuses_a_certificate_of_another_name_or_ca() {
    let (_other_name, by_address) = hub_for("127.0.0.1").await;
    let (_hub, mut unknown_ca) = hub_for(NAMESPACE).await;
    unknown_ca.tls = by_address.tls.clone();
    for settings in [by_address, unknown_ca] {
        let client = client(settings);
        let mut reader = reader(&client, 0, StartPosition::Earliest);
        let step = next(&mut reader, 1).await;
        let Step::Detached { reason, detail, .. } = step else {
            panic!("{step:?}");
        };
        assert_eq!(reason, EndReason::TlsFailed);
        assert!(detail.contains("certificate"), "{detail}");
        reader.close().await;
    }
}

/// Scenario: `check --connect` meets the same certificates; then a port without TLS.
/// Guarantees: wrong name, unknown CA and no TLS at all are told apart, each with what mends it.
#[tokio::test]
async fn the_probe_tells_certificates_apart() {
    let (_other_name, by_address) = hub_for("127.0.0.1").await;
    let (_hub, good) = hub_for(NAMESPACE).await;
    let mut unknown_ca = good.clone();
    unknown_ca.tls = by_address.tls.clone();
    let plain = start(Options::new("defender", 1)).await;
    let mut no_tls = good.clone();
    no_tls.address = Some(Address {
        host: plain.address().ip().to_string(),
        port: Some(plain.address().port()),
    });
    no_tls.call_timeout = Duration::from_secs(5);
    for (settings, fix) in [
        (by_address, "another host"),
        (unknown_ca, "`event_hub.tls.ca_file`"),
        (no_tls, "speaks no TLS"),
    ] {
        ends_at(&findings(settings).await, "agree on TLS", "tls_failed", fix);
    }
    let findings = findings(good).await;
    assert!(
        findings.iter().all(|finding| finding.detail().is_some()),
        "{findings:#?}"
    );
}
